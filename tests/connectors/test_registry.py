"""The registry of platforms: what each has to bring along, and that none costs another anything."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from bi_governance.connectors import registry
from bi_governance.connectors.registry import PLATFORMS, Platform, platform_named
from bi_governance.errors import ConfigurationError
from bi_governance.model import RemovalRoute
from tests.connectors.harness import harness_of, has_harness
from tests.connectors.test_contract_groups import GROUPED

ROOT = Path(__file__).parents[2]


def lacking(name: str) -> list[str]:
    """What a platform still needs before it may be called supported."""
    parts = {
        f"a test harness (tests/connectors/harness_{name}.py)": has_harness(name),
        f"staging models (dbt_project/models/staging/{name}/*.sql)": any(
            (ROOT / "dbt_project" / "models" / "staging" / name).glob("*.sql")
        ),
        f"a sandbox (bi_governance/sandbox/{name}.py)": (
            ROOT / "bi_governance" / "sandbox" / f"{name}.py"
        ).is_file(),
    }
    return [part for part, there in parts.items() if not there]


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_a_platform_is_whole(name: str) -> None:
    assert lacking(name) == []


def test_a_platform_that_is_not_whole_is_told_what_it_lacks() -> None:
    assert [part.split(" (")[0] for part in lacking("nosuch")] == [
        "a test harness",
        "staging models",
        "a sandbox",
    ]


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_a_platform_declares_itself_consistently(name: str) -> None:
    platform = PLATFORMS[name]
    capabilities = platform.load_capabilities()
    reader = platform.reader_factory()(
        "s", {key: "http://127.0.0.1:9" if key.endswith("_url") else "x" for key in platform.required}
    )
    assert platform.name == reader.platform == name
    assert reader.name == "s"
    assert type(reader).capabilities is capabilities
    # Settings that are missing may take a way to remove away, never add one.
    assert reader.capabilities.routes.items() <= capabilities.routes.items()
    assert all(feed.startswith(f"{name}_") for feed in (*reader.inventory_feeds, reader.history_feed))
    assert reader.history_feed == f"{name}_historical_access"
    assert set(capabilities.lost_on_restore) <= set(capabilities.routes)
    hard = {kind for kind, route in capabilities.routes.items() if route is RemovalRoute.HARD}
    assert hard <= set(capabilities.lost_on_restore), "a final removal must say what is lost"


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_whose_groups_can_be_read_is_tried_by_the_shared_suite(name: str) -> None:
    declared = PLATFORMS[name].load_capabilities().groups
    assert bool(declared) == bool(harness_of(name).paths.groups) == (name in GROUPED)


def test_a_reader_has_no_way_to_change_anything() -> None:
    for platform in PLATFORMS.values():
        reader = platform.reader_factory()
        assert not {"remove", "restore", "delete", "update", "write"} & set(dir(reader))


def test_drills_are_built_for_these_platforms_and_no_others() -> None:
    built = {name for name, platform in PLATFORMS.items() if platform.rehearser_factory() is not None}
    assert built == {"looker", "superset", "tableau"}
    for name in built:
        assert {"refusal", "rehearse", "clean_up", "close"} <= set(dir(PLATFORMS[name].rehearser_factory()))
    assert built == {name for name, p in PLATFORMS.items() if not p.load_capabilities().why_no_drill}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("Looker", "looker"), ("lookr", "looker"), ("super-set", "superset"), ("sueprset", "superset")],
)
def test_an_unknown_platform_names_the_nearest(written: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"did you mean '{meant}'"):
        platform_named(written)


def test_a_platform_nobody_heard_of_lists_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match=r"Known: .*looker, .*superset") as raised:
        platform_named("zzz")
    assert "did you mean" not in str(raised.value)


def test_what_is_wrong_with_a_sources_settings_is_named() -> None:
    looker = PLATFORMS["looker"]
    good = {"base_url": "https://x", "client_id": "a", "client_secret": "b", "robots": ()}
    assert looker.mistakes("prod", good) == []
    assert looker.mistakes("prod", {**good, "client_id": ""}) == ["sources.prod: looker needs client_id"]
    assert looker.mistakes("prod", {**good, "client_secrt": "b"}) == [
        "sources.prod.client_secrt: unknown key; did you mean 'client_secret'?"
    ]
    assert looker.mistakes("prod", {**good, "timeout": "long"}) == ["sources.prod.timeout: must be a number"]
    assert looker.mistakes("prod", {**good, "timeout": True}) == ["sources.prod.timeout: must be a number"]
    assert "valid keys are" in looker.mistakes("prod", {**good, "zzzz": 1})[0]


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_a_platform_is_imported_only_when_asked_for(name: str) -> None:
    """Looking at the registry imports no platform; using one imports no other."""
    everyone = sorted(PLATFORMS)
    others = [other for other in everyone if other != name]
    code = (
        "import sys\n"
        "from bi_governance.connectors.registry import PLATFORMS\n"
        "prefix = 'bi_governance.connectors.'\n"
        f"assert not [m for m in sys.modules if m.startswith(tuple(prefix + n for n in {everyone!r}))]\n"
        "assert 'looker_sdk' not in sys.modules\n"
        f"PLATFORMS[{name!r}].reader_factory()\n"
        f"assert not [m for m in sys.modules if m.startswith(tuple(prefix + n for n in {others!r}))]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_installed_package_can_bring_a_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("metabase", "tests.connectors.test_registry:METABASE", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
    platforms = registry._Platforms()
    monkeypatch.setattr(registry._Platforms, "_all", staticmethod(registry._Platforms._all.__wrapped__))
    assert platforms["metabase"] is METABASE
    assert platforms["looker"] is platform_named("looker")


METABASE = Platform("metabase", "elsewhere:Reader", "elsewhere:Remover", "elsewhere:CAPABILITIES")
