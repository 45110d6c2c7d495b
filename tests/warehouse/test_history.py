"""Access history only grows, and by every event once."""

from datetime import timedelta

import pytest

from tests.warehouse.conftest import NOW

TABLE = "looker_historical_access"


def event(key, **values):
    return {"event_key": key, "accessed_at": NOW, **values}


def test_events_are_appended_once_however_often_they_are_read(warehouse, rows):
    assert warehouse.append_history(TABLE, "us", "run-1", NOW, [event("a"), event("b")]) == 2
    later = NOW + timedelta(days=1)
    assert warehouse.append_history(TABLE, "us", "run-2", later, [event("b"), event("c")]) == 1
    assert warehouse.append_history(TABLE, "us", "run-2", later, [event("b"), event("c")]) == 0
    assert [(r["event_key"], r["run_id"], r["collected_at"]) for r in rows(TABLE, "event_key")] == [
        ("a", "run-1", NOW),
        ("b", "run-1", NOW),
        ("c", "run-2", later),
    ]


def test_an_event_repeated_within_a_page_is_one_event(warehouse):
    assert warehouse.append_history(TABLE, "us", "run-1", NOW, [event("a"), event("a")]) == 1


def test_the_same_key_at_another_source_is_another_event(warehouse):
    assert warehouse.append_history(TABLE, "us", "run-1", NOW, [event("a")]) == 1
    assert warehouse.append_history(TABLE, "eu", "run-1", NOW, [event("a")]) == 1


def test_an_empty_page_adds_nothing(warehouse):
    assert warehouse.append_history(TABLE, "us", "run-1", NOW, []) == 0


def test_more_events_than_fit_one_query(warehouse, rows):
    page = [event(f"{n:05}", user_id=n, dashboard_id=str(n % 7), run_count=n) for n in range(1234)]
    assert warehouse.append_history(TABLE, "us", "run-1", NOW, page) == 1234
    assert warehouse.append_history(TABLE, "us", "run-1", NOW, [*page, event("new")]) == 1
    stored = rows(TABLE, "event_key")
    assert (stored[1233]["user_id"], stored[1233]["dashboard_id"], stored[1233]["run_count"]) == (
        "1233",
        "1",
        1233,
    )


def test_an_event_without_a_key_is_refused(warehouse):
    with pytest.raises(ValueError, match="event_key identifies a row"):
        warehouse.append_history(TABLE, "us", "run-1", NOW, [{"accessed_at": NOW}])


def test_an_inventory_table_takes_no_history(warehouse):
    with pytest.raises(KeyError, match="looker_look"):
        warehouse.append_history("looker_look", "us", "run-1", NOW, [event("a")])
