"""What a run reads back: facts, witnesses and covered days, from raw rows to values of the core."""

from datetime import timedelta

import pytest

from bi_governance.model import Interval, Person, SourceDay, Viewer, VisualKey
from bi_governance.ports import Collected, FeedResult
from tests.dbt.estate import DAY, MIDNIGHT, NOW

SOURCE = "looker"
LOOK = VisualKey(SOURCE, "look", "7")
HOUR = timedelta(hours=1)


def inventory(built, at=NOW, **pages):
    staging = built.warehouse.stage(SOURCE, "run", list(pages))
    for table, page in pages.items():
        staging.write(table, page)
    staging.commit(at)


def access(at, user="1", **values):
    key = f"{at.isoformat()}-{user}"
    return {"event_key": key, "accessed_at": at, "user_id": user, "look_id": "7", **values}


def facts_of(built, key=LOOK):
    return {facts.key: facts for facts in built.warehouse.facts()}[key]


def test_a_used_look_with_everything_about_it(built):
    inventory(
        built,
        looker_look=[
            {
                "look_id": "7",
                "title": "Orders",
                "folder_id": "1",
                "user_id": "1",
                "url": "/looks/7",
                "created_at": NOW - 100 * DAY,
                "updated_at": NOW - 50 * DAY,
                "is_public": True,
            }
        ],
        looker_dashboard=[{"dashboard_id": "a::b", "is_lookml": True, "deleted": True}],
        looker_dashboard_element=[{"element_id": "1", "dashboard_id": "a::b", "look_id": "7"}],
        looker_folder=[{"folder_id": "1", "name": "x", "path": "Shared/Shop", "is_personal": False}],
        looker_dependency=[
            {"visual_type": "look", "visual_id": "7", "kind": kind, "name": name}
            for kind, name in (("explore", "shop/orders"), ("table", "shop.customers"), ("unknown", ""))
        ],
        looker_user=[
            {
                "user_id": "1",
                "display_name": "Ann",
                "email": "ann@acme.test",
                "is_disabled": False,
                "group_names": '["Finance \\"EU\\"", "All Users"]',
            },
            {"user_id": "9", "display_name": "Robot", "email": "bot@acme.test"},
        ],
        looker_schedule=[
            {"schedule_id": "1", "look_id": "7", "enabled": True, "last_run_at": NOW - 2 * DAY},
            {"schedule_id": "2", "look_id": "7", "enabled": False, "last_run_at": NOW - DAY},
        ],
    )
    history = [access(NOW - 3 * DAY), access(NOW - 4 * DAY, "2"), access(NOW - DAY, "9")]
    built.warehouse.append_history("looker_historical_access", SOURCE, "run", NOW, history)
    built.warehouse.set_robots(SOURCE, [Person("bot@acme.test", "Robot", "bot@acme.test")], NOW)
    built.transformer.build()
    facts = facts_of(built)
    assert facts.owner == Person("1", "Ann", "ann@acme.test", active=True)
    assert facts.owner_groups == ('Finance "EU"', "All Users")
    assert (facts.title, facts.folder, facts.url) == ("Orders", "Shared/Shop", "/looks/7")
    assert (facts.created_at, facts.updated_at) == (NOW - 100 * DAY, NOW - 50 * DAY)
    assert (facts.last_viewed_at, facts.last_viewed_by) == (NOW - 3 * DAY, "Ann")
    assert (facts.view_count, facts.viewer_count) == (2, 2)
    assert (facts.last_delivered_at, facts.active_schedules, facts.published_links) == (NOW - 2 * DAY, 1, 1)
    assert facts.containers == (VisualKey(SOURCE, "dashboard", "a::b"),)
    gone = VisualKey(SOURCE, "look", "9")
    assert built.warehouse.upstream([LOOK, gone, *facts.containers]) == {
        LOOK: ("shop.customers", "shop/orders")
    }
    container = facts_of(built, facts.containers[0])
    assert (container.is_code_managed, container.is_trashed, container.owner) == (True, False, None)


@pytest.mark.parametrize(("told", "known"), [("[]", ()), (None, None)])
def test_an_owner_in_no_group_is_not_one_whose_groups_were_not_read(built, told, known):
    inventory(
        built,
        looker_look=[{"look_id": "7", "user_id": "1"}, {"look_id": "8", "user_id": "gone"}],
        looker_user=[{"user_id": "1", "group_names": told}],
    )
    built.transformer.build()
    assert facts_of(built).owner_groups == known
    assert facts_of(built, VisualKey(SOURCE, "look", "8")).owner_groups is None


def test_a_warehouse_of_an_earlier_version_knows_no_groups_until_they_are_read(built):
    """Its users had no such column, nor had its marts; both can be read all the same."""
    look, owner = {"look_id": "7", "user_id": "1"}, {"user_id": "1", "display_name": "Ann"}
    inventory(built, looker_look=[look], looker_user=[owner])
    built.transformer.build()
    built.execute("drop view bi_governance.stg_looker__users cascade")
    built.execute("alter table bi_raw.looker_user drop column group_names")
    built.execute("alter table bi_governance.visual_last_access drop column owner_groups")
    assert facts_of(built).owner_groups is None
    built.warehouse.prepare()
    assert facts_of(built).owner == Person("1", "Ann")
    built.transformer.build()
    assert facts_of(built).owner_groups is None
    inventory(built, looker_look=[look], looker_user=[{**owner, "group_names": '["Finance"]'}])
    built.transformer.build()
    assert facts_of(built).owner_groups == ("Finance",)


def test_marts_of_an_earlier_version_know_nothing_of_the_trash_until_they_are_built(built):
    """Whoever upgrades may ask, keep and exempt before the next run."""
    inventory(built, looker_look=[{"look_id": "7"}])
    built.transformer.build()
    built.execute("alter table bi_governance.visual_last_access drop column returned_at")
    built.execute("drop table bi_governance.visual_trash_change")
    assert facts_of(built).returned_at is None
    for days, in_trash in ((1, True), (2, False)):
        inventory(built, NOW + days * DAY, looker_look=[{"look_id": "7", "deleted": in_trash}])
        built.transformer.build()
    assert facts_of(built).returned_at == NOW + 2 * DAY


def test_first_seen_survives_the_daily_replacement(built):
    inventory(built, looker_look=[{"look_id": "7"}])
    built.transformer.build()
    inventory(built, NOW + DAY, looker_look=[{"look_id": "7"}, {"look_id": "8"}])
    built.transformer.build()
    assert facts_of(built).first_seen_at == NOW
    assert facts_of(built, VisualKey(SOURCE, "look", "8")).first_seen_at == NOW + DAY


def test_coming_out_of_the_trash_is_remembered_from_the_first_inventory_that_shows_it(built):
    for days, in_trash in enumerate([False, True, True, False, False]):
        inventory(built, NOW + days * DAY, looker_look=[{"look_id": "7", "deleted": in_trash}])
        built.transformer.build()
        assert facts_of(built).is_trashed is in_trash
        assert facts_of(built).returned_at == (NOW + 3 * DAY if days >= 3 else None)


def test_what_the_platform_says_proves_non_use_until_the_inventory_was_read(built):
    inventory(built, looker_look=[{"look_id": "7", "last_accessed_at": NOW - 80 * DAY}, {"look_id": "8"}])
    built.transformer.build()
    assert facts_of(built).last_viewed_at == NOW - 80 * DAY
    assert built.warehouse.witnessed() == {LOOK: Interval(NOW - 80 * DAY, NOW)}


def test_a_last_access_that_was_a_robot_s_proves_nothing(built):
    inventory(built, looker_look=[{"look_id": "7", "last_accessed_at": NOW - DAY}])
    built.warehouse.append_history(
        "looker_historical_access", SOURCE, "run", NOW, [access(NOW - DAY + HOUR, "9"), access(NOW - 9 * DAY)]
    )
    built.warehouse.set_robots(SOURCE, [Person("9")], NOW)
    built.transformer.build()
    assert facts_of(built).last_viewed_at == NOW - 9 * DAY
    assert built.warehouse.witnessed() == {}


@pytest.mark.parametrize("days", [3, 230])
def test_the_newest_200_covered_days_are_told_oldest_first(duckdb_built, days):
    starts = [MIDNIGHT - n * DAY for n in range(1, days + 1)]
    duckdb_built.warehouse.record_collection([covered(start) for start in starts])
    duckdb_built.warehouse.append_history(
        "looker_historical_access", SOURCE, "run", NOW, [access(starts[0] + HOUR, user) for user in "1123"]
    )
    duckdb_built.transformer.build()
    told = duckdb_built.warehouse.source_days()
    assert [day.day for day in told] == sorted(starts[:200])
    assert told[-1] == SourceDay(SOURCE, starts[0], starts[0], starts[0] + DAY, 3, Person("1"), 1)
    assert told[0].busiest is None


def test_the_use_nearest_to_a_day_is_found_on_either_side_of_it(built):
    """The marts keep what was collected long ago, however far back platforms reach today."""
    inventory(built, looker_look=[{"look_id": n} for n in "789"], looker_user=[{"user_id": "1"}])
    a_year_ago = MIDNIGHT - 365 * DAY
    uses = {"7": (-20, 12), "8": (-5, 9), "9": (-29, 29)}
    rows = [
        {**access(a_year_ago + days * DAY + HOUR), "event_key": f"{look} {days}", "look_id": look}
        for look, offsets in uses.items()
        for days in offsets
    ]
    rows.append({**access(a_year_ago), "event_key": "sent", "look_id": "9", "source_kind": "scheduled_task"})
    built.warehouse.append_history("looker_historical_access", SOURCE, "run", NOW, rows)
    built.warehouse.record_collection([covered(MIDNIGHT - DAY)])
    built.transformer.build()
    day, looks = a_year_ago.date(), {n: VisualKey(SOURCE, "look", n) for n in "789"}
    found = built.warehouse.uses_around(day, 28, deliveries=False)
    assert found == {looks["7"]: day + 12 * DAY, looks["8"]: day - 5 * DAY}
    assert built.warehouse.uses_around(day, 28, deliveries=True) == {**found, looks["9"]: day}


def test_a_robot_neither_makes_volume_nor_is_the_busiest_nor_keeps_a_canary_alive(built):
    """Listed in `robots`, whatever it ever did counts no longer: also not as the usual volume."""
    inventory(
        built,
        looker_look=[{"look_id": n} for n in "78"],
        looker_user=[{"user_id": "9", "email": "bot@acme.test"}, {"user_id": "1", "display_name": "Ann"}],
    )
    yesterday = MIDNIGHT - DAY
    crawl = [
        {"event_key": f"crawl {n}", "accessed_at": yesterday + HOUR, "user_id": "9", "look_id": n}
        for n in "78"
    ]
    built.warehouse.append_history(
        "looker_historical_access", SOURCE, "run", NOW, [*crawl, access(yesterday - 3 * DAY)]
    )
    built.warehouse.record_collection([covered(yesterday)])
    built.transformer.build()
    eight = VisualKey(SOURCE, "look", "8")
    (day,) = built.warehouse.source_days()
    assert (day.events, day.busiest, day.busiest_visuals) == (2, Person("9", email="bot@acme.test"), 2)
    assert built.warehouse.last_views([LOOK, eight]) == dict.fromkeys((LOOK, eight), yesterday.date())
    built.warehouse.set_robots(SOURCE, [Person("bot@acme.test")], NOW)
    built.transformer.build()
    (day,) = built.warehouse.source_days()
    assert (day.events, day.busiest, day.busiest_visuals) == (0, None, 0)
    assert built.warehouse.last_views([LOOK, eight]) == {LOOK: (yesterday - 3 * DAY).date()}
    assert built.warehouse.last_views([]) == {}


def covered(start):
    return Collected(
        source=SOURCE,
        platform="looker",
        run_id="run",
        feed="looker_historical_access",
        status=FeedResult.COMPLETE,
        rows=1,
        started_at=NOW,
        finished_at=NOW,
        window_start=start,
        window_end=start + DAY,
    )


def test_who_owns_the_folder_and_who_used_it_most_lately(built):
    """Robots, service accounts and our own account are no viewers, and are no persons either."""
    inventory(
        built,
        looker_look=[
            {"look_id": "7", "folder_id": "1", "user_id": "4"},
            {"look_id": "8", "folder_id": "2", "user_id": "77"},
        ],
        looker_folder=[
            {"folder_id": "1", "path": "Shared/Shop", "creator_id": "3"},
            {"folder_id": "2", "path": "Shared", "creator_id": None},
        ],
        looker_user=[
            {"user_id": "1", "display_name": "Ann", "email": "ann@acme.test", "is_disabled": False},
            {"user_id": "3", "display_name": "Bob", "email": "bob@acme.test", "is_disabled": True},
            {"user_id": "4", "display_name": "Loader", "is_service_account": True},
            {"user_id": "9", "display_name": "Robot"},
        ],
    )
    times = {"1": (90, 80), "2": (70, 60, 50), "3": (40,), "4": (30, 20), "9": (10, 9, 8)}
    uses = [access(NOW - days * DAY, user) for user, all_days in times.items() for days in all_days]
    long_ago = [access(NOW - 200 * DAY - n * HOUR, "3") for n in range(9)]
    built.warehouse.append_history("looker_historical_access", SOURCE, "run", NOW, [*uses, *long_ago])
    built.warehouse.record_collection([covered(MIDNIGHT - DAY)])
    built.warehouse.set_robots(SOURCE, [Person("9")], NOW)
    assert built.transformer.build().failed == ()
    bob = Person("3", "Bob", "bob@acme.test", active=False)
    assert facts_of(built).folder_owner == bob
    assert facts_of(built).owner == Person("4", "Loader", is_service=True)
    other = facts_of(built, VisualKey(SOURCE, "look", "8"))
    assert (other.owner, other.folder_owner) == (Person("77"), None)
    found = built.warehouse.viewers([LOOK, other.key])
    assert found == {
        LOOK: (
            Viewer(Person("2"), 3, NOW - 50 * DAY),
            Viewer(Person("1", "Ann", "ann@acme.test", active=True), 2, NOW - 80 * DAY),
            Viewer(bob, 1, NOW - 40 * DAY),
        )
    }
    assert built.warehouse.viewers([]) == {}


def test_what_was_opened_is_known_by_day_also_after_it_is_gone(built):
    """The look is in no inventory (any more); its history goes on."""
    history = [access(NOW - 9 * DAY), access(NOW - 3 * DAY), access(NOW - DAY, "9")]
    built.warehouse.append_history("looker_historical_access", SOURCE, "run", NOW, history)
    built.warehouse.set_robots(SOURCE, [Person("9", "Robot", "bot@acme.test")], NOW)
    built.transformer.build()
    assert built.warehouse.last_views([LOOK]) == {LOOK: (MIDNIGHT - 3 * DAY).date()}
    assert built.warehouse.last_views([VisualKey(SOURCE, "look", "8")]) == {}
    assert built.warehouse.last_views([]) == {}
