"""How feeds ended: the newest run counts, by its worst window."""

from datetime import timedelta

from bi_governance.model import EarlierRun, FeedStatus, Person
from bi_governance.ports import Collected, FeedResult
from tests.warehouse.conftest import NOW

DAY = timedelta(days=1)


def ended(day, status=FeedResult.COMPLETE, rows=10, *, feed="looker_look", window=None, run=None, detail=""):
    at = NOW + day * DAY
    return Collected(
        source="us",
        platform="looker",
        run_id=run or f"run-{day}",
        feed=feed,
        status=status,
        rows=rows,
        started_at=at - timedelta(minutes=5),
        finished_at=at,
        window_start=window,
        window_end=window + DAY if window else None,
        detail=detail,
    )


def usual_sizes(warehouse):
    (status,) = warehouse.feed_statuses()
    return [run.rows for run in status.earlier]


def test_the_newest_outcome_is_told_with_what_was_usual_before(warehouse):
    outcomes = [ended(day, rows=100 + day) for day in range(10)]
    outcomes[4] = ended(4, FeedResult.PARTIAL, rows=1)
    warehouse.record_collection([*outcomes, ended(10, FeedResult.FAILED, 0, detail="403")])
    assert warehouse.feed_statuses() == [
        FeedStatus(
            "us",
            "looker_look",
            "failed",
            0,
            NOW + 10 * DAY,
            "403",
            tuple(EarlierRun(NOW + day * DAY, 100 + day) for day in (9, 8, 7, 6, 5, 3, 2)),
        )
    ]


def test_runs_repeated_on_one_day_do_not_become_the_usual(warehouse):
    """Trying again until a shrunken inventory is accepted must not work."""
    usual = [ended(day, rows=100) for day in range(3)]
    tries = [ended(3 + number / 100, rows=10, run=f"try-{number}") for number in range(9)]
    warehouse.record_collection([*usual, *tries])
    assert usual_sizes(warehouse) == [100, 100, 100]
    warehouse.record_collection([ended(4, rows=10)])
    assert usual_sizes(warehouse) == [10, 100, 100, 100]


def test_one_failed_window_makes_the_whole_run_a_failed_one(warehouse):
    feed = "looker_historical_access"
    warehouse.record_collection(
        [
            ended(0, rows=5, feed=feed, window=NOW),
            ended(0, FeedResult.FAILED, 0, feed=feed, window=NOW + DAY, detail="timed out"),
            ended(0, rows=7, feed=feed, window=NOW + 2 * DAY),
        ]
    )
    (status,) = warehouse.feed_statuses()
    assert (status.status, status.rows, status.detail) == ("failed", 12, "timed out")


def test_a_window_read_again_within_the_run_replaces_its_failure(warehouse):
    feed = "looker_historical_access"
    failed = ended(0, FeedResult.FAILED, 0, feed=feed, window=NOW, run="run")
    warehouse.record_collection([failed])
    warehouse.record_collection([ended(1, rows=8, feed=feed, window=NOW, run="run")])
    (status,) = warehouse.feed_statuses()
    assert (status.status, status.rows) == ("complete", 8)


def test_feeds_and_sources_are_kept_apart(warehouse):
    warehouse.record_collection([ended(0), ended(0, rows=3, feed="looker_user")])
    assert [(s.feed, s.rows) for s in warehouse.feed_statuses()] == [("looker_look", 10), ("looker_user", 3)]


def test_nothing_collected_is_no_status(warehouse):
    warehouse.record_collection([])
    assert warehouse.feed_statuses() == []


def test_robots_are_replaced_per_source(warehouse, rows):
    warehouse.set_robots("us", [Person("1", "old"), Person("2", "svc", "svc@acme.test")], NOW)
    warehouse.set_robots("eu", [Person("9", "theirs")], NOW)
    warehouse.set_robots("us", [Person("2", "svc", "svc@acme.test")], NOW)
    stored = rows("robot", "account_id")
    assert [(r["source"], r["account_id"], r["email"]) for r in stored] == [
        ("us", "2", "svc@acme.test"),
        ("eu", "9", None),
    ]
    warehouse.set_robots("us", [], NOW)
    assert [r["source"] for r in rows("robot", "account_id")] == ["eu"]
