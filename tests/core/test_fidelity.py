"""What a backup says it holds is what is really in it."""

from bi_governance import __version__
from bi_governance.fidelity import Part, fidelity

HELD = {
    Part.CONTENT: ("a.zip", "b.zip"),
    Part.OWNERS: ("owners",),
    Part.ALERTS: ("alerts",),
    Part.PLACE: ("folder", "a.zip"),
}


def test_only_what_is_there_is_held() -> None:
    found = fidelity(HELD, ["a.zip"], {"owners": [], "alerts": None, "folder": ""})
    assert found == {
        "producer": f"bi-governance {__version__}",
        "holds": {"content": ["a.zip"], "owners": ["owners"], "place": ["folder", "a.zip"]},
        "lacks": ["permissions", "schedules", "alerts", "favourites", "links", "lineage"],
    }


def test_a_platform_that_declares_nothing_holds_its_files() -> None:
    found = fidelity({}, ["x", "y"], {"owners": ["ada"]})
    assert found["holds"] == {"content": ["x", "y"]}
