"""Raw rows of a small estate with everything that matters to the marts in it: two Lookers and a Superset."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bi_governance.model import Person
from bi_governance.ports import Collected, FeedResult
from bi_governance.warehouse import SqlWarehouse

NOW = datetime(2026, 3, 10, 6, tzinfo=UTC)
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
DASHBOARDS, LOOKS, CHARTS, USERS = 12, 8, 10, 6
NEVER_IN_HISTORY = LOOKS - 1
HISTORY_DAYS = 20


def load(warehouse: SqlWarehouse, *, days: int = HISTORY_DAYS, seed: int = 7) -> None:
    """Load inventories, and the access history of the first `days` days."""
    for source in ("looker_eu", "looker_us"):
        load_looker(warehouse, source, days, random.Random(f"{seed}{source}"))
    load_superset(warehouse, days, random.Random(seed))


def load_looker(warehouse: SqlWarehouse, source: str, days: int, chance: random.Random) -> None:
    tables = {
        "looker_dashboard": [dashboard(n, chance) for n in range(DASHBOARDS)],
        "looker_look": [look(n, chance) for n in range(LOOKS)],
        "looker_user": [user(n) for n in range(USERS)],
        "looker_folder": [
            {"folder_id": "1", "name": "Shared", "path": "Shared", "is_personal": False, "is_embed": False},
            {"folder_id": "2", "name": "Ann", "path": "Users/Ann", "is_personal": True, "is_embed": False},
            {"folder_id": "3", "name": "Shop", "path": "Embed/Shop", "is_personal": False, "is_embed": True},
        ],
        "looker_schedule": [schedule(n, chance) for n in range(6)],
        "looker_dashboard_element": [
            {"element_id": str(n), "dashboard_id": str(n % DASHBOARDS), "look_id": str(n % (LOOKS + 2))}
            for n in range(14)
        ],
        "looker_dependency": [
            {"visual_type": "look", "visual_id": str(n), "kind": "explore", "name": "shop.orders"}
            for n in range(LOOKS)
        ],
    }
    stage(warehouse, source, tables)
    warehouse.set_robots(source, [Person("5", "bot"), Person("", "loader", "U4@acme.test")], NOW)
    collect_history(warehouse, source, "looker", days, lambda at: looker_event(at, chance))


def load_superset(warehouse: SqlWarehouse, days: int, chance: random.Random) -> None:
    tables = {
        "superset_dashboard": [superset_visual("dashboard", n, chance) for n in range(DASHBOARDS)],
        "superset_chart": [superset_visual("chart", n, chance) for n in range(CHARTS)],
        "superset_dashboard_chart": [
            {"dashboard_id": str(n % DASHBOARDS), "chart_id": str(n)} for n in range(CHARTS)
        ],
        "superset_user": [superset_user(n) for n in range(USERS)],
        "superset_schedule": [
            {
                "schedule_id": "1",
                "kind": "report",
                "active": True,
                "dashboard_id": "3",
                "last_run_at": NOW - DAY,
            },
            {"schedule_id": "2", "kind": "alert", "active": False, "chart_id": "4", "last_run_at": NOW - DAY},
        ],
        "superset_dependency": [
            {"visual_type": "chart", "visual_id": str(n), "kind": "dataset", "name": "orders"}
            for n in range(CHARTS)
        ],
    }
    stage(warehouse, "superset", tables)
    warehouse.set_robots("superset", [Person("u5", "bot")], NOW)
    collect_history(warehouse, "superset", "superset", days, lambda at: superset_event(at, chance))


def stage(warehouse: SqlWarehouse, source: str, tables: dict[str, list[dict[str, object]]]) -> None:
    staging = warehouse.stage(source, "run-1", list(tables))
    for table, page in tables.items():
        staging.write(table, page)
        # A listing that shifted while it was paged repeats its first row.
        staging.write(table, page[:1])
    staging.commit(NOW)


def collect_history(warehouse, source, platform, days, event) -> None:
    """One complete window per day, except a day that failed and one with a gap in it."""
    for day, start in enumerate(history_days(days)):
        page = [event(start + n * timedelta(minutes=41)) for n in range(30)]
        table = f"{platform}_historical_access"
        warehouse.append_history(table, source, f"run-{day}", start + DAY, page)
        warehouse.append_history(table, source, f"again-{day}", start + 2 * DAY, page[:5])
        warehouse.record_collection(list(windows(source, platform, day, start)))


def history_days(days: int) -> list[datetime]:
    return [MIDNIGHT - (HISTORY_DAYS - day) * DAY for day in range(days)]


def windows(source: str, platform: str, day: int, start: datetime) -> Iterator[Collected]:
    bounds = [(start, start + DAY)]
    if day == 4:
        bounds = [(start, start + DAY / 4), (start + DAY / 2, start + DAY)]
    for begin, end in bounds:
        yield Collected(
            source=source,
            platform=platform,
            run_id=f"run-{day}",
            feed=f"{platform}_historical_access",
            status=FeedResult.FAILED if day == 2 else FeedResult.COMPLETE,
            rows=30,
            started_at=start + DAY,
            finished_at=start + DAY,
            window_start=begin,
            window_end=end,
        )


def dashboard(number: int, chance: random.Random) -> dict[str, object]:
    return {
        "dashboard_id": "shop::orders" if number == 9 else str(number),
        "title": f"Dashboard {number} é",
        "folder_id": str(number % 4),
        "user_id": str(number % (USERS + 1)) if number != 9 else None,
        "created_at": NOW - chance.randint(1, 90) * DAY,
        "updated_at": NOW - chance.randint(1, 30) * DAY,
        "last_accessed_at": chance.choice([None, NOW - chance.randint(1, 600) * timedelta(hours=1)]),
        "deleted": number in (6, 9),
        "is_lookml": number == 9,
        "is_certified": number == 3,
        "url": f"/dashboards/{number}",
    }


def look(number: int, chance: random.Random) -> dict[str, object]:
    return {
        "look_id": str(number),
        "title": f"Look {number}",
        "folder_id": str(number % 4),
        "user_id": str(number % USERS),
        "created_at": NOW - chance.randint(1, 90) * DAY,
        "last_viewed_at": NOW - 30 * DAY if number == NEVER_IN_HISTORY else None,
        "deleted": number == 2,
        "is_public": number == 1,
    }


def user(number: int) -> dict[str, object]:
    return {
        "user_id": str(number),
        "display_name": f"User {number}" if number else None,
        "email": f"u{number}@acme.test",
        "is_disabled": None if number == 1 else number == 2,
        "group_names": None if number == 3 else '["All Users"]',
    }


def schedule(number: int, chance: random.Random) -> dict[str, object]:
    return {
        "schedule_id": str(number),
        "kind": "alert" if number == 5 else "schedule",
        "enabled": number != 3,
        "dashboard_id": str(number) if number % 2 else None,
        "look_id": None if number % 2 else str(number),
        "last_run_at": chance.choice([None, NOW - chance.randint(1, 20) * DAY]),
    }


def looker_event(at: datetime, chance: random.Random) -> dict[str, object]:
    where = chance.random()
    return {
        "event_key": f"{at:%Y%m%d%H%M}",
        "accessed_at": at,
        "user_id": chance.choice([None, *map(str, range(USERS + 1))]),
        "dashboard_id": str(chance.randrange(DASHBOARDS)) if where < 0.7 else None,
        "look_id": str(chance.randrange(NEVER_IN_HISTORY)) if where > 0.5 else None,
        "source_kind": chance.choice(["dashboard", "look", "scheduled_task", "api4", None]),
        "run_count": 1,
    }


def superset_visual(type_: str, number: int, chance: random.Random) -> dict[str, object]:
    row: dict[str, object] = {
        f"{type_}_id": str(number),
        "uuid": f"{type_}-uuid-{number}",
        "title": f"{type_} {number}",
        "owner_id": f"u{number % USERS}",
        "changed_at": NOW - chance.randint(1, 60) * DAY,
        "tags": '["finance", "q\\"4"]' if number == 1 else None,
        "certified_by": "the team" if number == 2 else "",
        "is_managed_externally": number == 3,
        "deleted_at": NOW - DAY if number == 4 else None,
    }
    return row | ({"is_embedded": number == 5} if type_ == "dashboard" else {})


def superset_user(number: int) -> dict[str, object]:
    return {
        "user_id": f"u{number}",
        "username": f"user{number}",
        "first_name": "Ann" if number else None,
        "last_name": f"No{number}" if number else "",
        "email": f"u{number}@acme.test",
        "active": number != 2,
    }


def superset_event(at: datetime, chance: random.Random) -> dict[str, object]:
    on_dashboard = chance.random() < 0.7
    return {
        "event_key": f"{at:%Y%m%d%H%M}",
        "accessed_at": at,
        "user_id": chance.choice([None, *(f"u{n}" for n in range(USERS))]),
        "dashboard_id": str(chance.randrange(DASHBOARDS + 1)) if on_dashboard else None,
        "chart_id": None if on_dashboard else str(chance.randrange(CHARTS)),
        "access_kind": chance.choice(["view", "edit", "delivery", "export", "api", "embed"]),
    }
