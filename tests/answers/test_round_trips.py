"""Every answer there and back, over a real Socket Mode connection and over signed HTTP."""

from __future__ import annotations

from tests.answers.office import ADA


def test_keep_there_and_back(connected):
    connected.warned("1", "2")
    connected.press(ADA, "keep_90")
    case = connected.case()
    assert (case.kept_until - connected.world.clock.now()).days == 90
    assert not case.is_open
    assert connected.said() == [f"Kept until {case.kept_until:%Y-%m-%d} by Ada"]
    assert connected.case("2").is_open
    assert [b for b in connected.message().blocks if b["type"] == "actions"] != []
