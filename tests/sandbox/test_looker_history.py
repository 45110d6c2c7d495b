"""System Activity's history: what it counts, how it filters, and how silently it stops."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from looker_sdk import models40
from looker_sdk.error import SDKError

from bi_governance.sandbox.looker_dates import FilterError, number_test, parse_window, string_test

FIELDS = [
    "history.id",
    "history.created_time",
    "history.source",
    "history.dashboard_id",
    "look.id",
    "user.id",
]


@pytest.fixture
def people(looker):
    return [looker.add_person(f"p{n}@acme.example", f"P {n}") for n in range(2)]


@pytest.fixture
def content(looker, people):
    dashboard = looker.add_dashboard("D", owner_id=people[0], tiles=("a.x", "a.y"))
    return dashboard, looker.add_look("L", owner_id=people[0])


def ask(sdk, fields=FIELDS, limit="5000", **parts):
    query = models40.WriteQuery(
        model="system__activity",
        view="history",
        fields=list(fields),
        limit=limit,
        query_timezone="UTC",
        **parts,
    )
    return json.loads(sdk.run_inline_query("json", query))


def test_a_dashboard_view_is_one_row_per_tile_and_ids_have_the_vendors_types(
    sdk, looker, clock, people, content
):
    looker.view("dashboard", content[0], by=people[0])
    looker.view("look", content[1], by=people[1])
    clock.advance(timedelta(minutes=1))
    rows = ask(sdk, sorts=["history.id"])
    assert [r["history.source"] for r in rows] == ["dashboard", "dashboard", "look"]
    assert rows[0] == {
        "history.id": 1,
        "history.created_time": "2026-03-02 06:00:00",
        "history.source": "dashboard",
        "history.dashboard_id": content[0],
        "look.id": None,
        "user.id": int(people[0]),
    }
    assert (rows[2]["history.dashboard_id"], rows[2]["look.id"]) == (None, int(content[1]))


def test_measures_are_grouped_by_the_dimensions_asked_for(sdk, looker, people, content):
    for person in (*people, people[0]):
        looker.view("dashboard", content[0], by=person)
        looker.clock.advance(timedelta(minutes=1))
    rows = ask(
        sdk,
        ["user.id", "history.created_date", "history.query_run_count", "history.dashboard_run_count"],
        sorts=["history.query_run_count desc"],
    )
    assert rows == [
        {"user.id": int(person), "history.created_date": "2026-03-02", "history.query_run_count": 2 * n}
        | {"history.dashboard_run_count": n}
        for person, n in ((people[0], 2), (people[1], 1))
    ]


def test_dimensions_alone_are_distinct(sdk, looker, people, content):
    for _ in range(3):
        looker.view("dashboard", content[0], by=people[0])
    looker.clock.advance(timedelta(minutes=1))
    assert ask(sdk, ["history.dashboard_id"]) == [{"history.dashboard_id": content[0]}]


def test_counting_nothing_gives_nought(sdk):
    assert ask(sdk, ["history.count"]) == [{"history.count": 0}]


@pytest.fixture
def thousands(looker, people, content):
    start = int(looker.clock.now().timestamp()) * 1_000_000
    key = f"look:{content[1]}"
    looker.bulk_views((start + n, key, people[0], "look") for n in range(6000))
    looker.clock.advance(timedelta(minutes=1))


@pytest.mark.parametrize(
    ("limit", "rows"), [(None, 500), ("10", 10), ("5000", 5000), ("50000", 5000), ("-1", 5000)]
)
def test_the_limit_is_silent(sdk, thousands, limit, rows):
    assert len(ask(sdk, limit=limit)) == rows


def test_a_higher_cap_can_be_set(sdk, looker, thousands):
    looker.row_cap = 100_000
    assert len(ask(sdk, limit="100000")) == 6000


def test_filters_choose_by_time_content_person_and_source(sdk, looker, clock, people, content):
    looker.view("look", content[1], by=people[0])
    clock.advance(timedelta(days=1))
    looker.view("look", content[1], by=people[1])
    looker.machine_run("look", content[1], by=looker.credentials.user_id)
    clock.advance(timedelta(minutes=1))

    def count(**filters):
        return len(ask(sdk, filters={name.replace("__", "."): text for name, text in filters.items()}))

    assert count() == 3
    assert count(history__created_date="2026-03-02 to 2026-03-03") == 1
    assert count(history__created_time="2026-03-02 06:00:00 to 2026-03-03 06:00:00") == 1
    assert count(history__created_time="2026-03-02 06:00:00 to 2026-03-03 06:00:01") == 3
    assert count(look__id=content[1], history__source="look") == 2
    assert count(history__source="look,api4", user__id=f"NOT {people[0]}") == 2
    assert count(history__dashboard_id="-NULL") == 0
    assert count(user__dev_branch_name="NULL", history__workspace_id="production") == 3


def test_dates_are_cut_in_the_querys_time_zone(sdk, looker, people, content):
    looker.clock.set(datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    looker.view("look", content[1], by=people[0])
    looker.clock.advance(timedelta(hours=1))
    query = models40.WriteQuery(
        model="system__activity",
        view="history",
        fields=["history.created_date", "history.created_time"],
        query_timezone="Europe/Amsterdam",
    )
    (row,) = json.loads(sdk.run_inline_query("json", query))
    assert row == {"history.created_date": "2026-03-03", "history.created_time": "2026-03-03 00:30:00"}


def test_history_reaches_back_ninety_days(sdk, looker, people, content):
    looker.view("look", content[1], by=people[0])
    looker.clock.advance(timedelta(days=91))
    assert ask(sdk) == []
    looker.history_days = None
    assert len(ask(sdk)) == 1


def test_without_permission_the_model_is_not_found(sdk, looker):
    looker.revoke("see_system_activity")
    with pytest.raises(SDKError) as refused:
        ask(sdk)
    assert "/404/" in refused.value.documentation_url


@pytest.mark.parametrize(
    ("fields", "filters"),
    [
        (["history.nonsense"], {}),
        (FIELDS, {"history.nonsense": "1"}),
        (FIELDS, {"history.created_date": "full moon"}),
    ],
)
def test_a_query_that_cannot_run_says_so_with_status_200(sdk, fields, filters):
    (row,) = ask(sdk, fields, filters=filters)
    assert list(row) == ["looker_error"]


def test_other_explores_give_their_sql(sdk, looker):
    looker.add_query("ecommerce.users")
    query = models40.WriteQuery(model="ecommerce", view="users", fields=["users.count"])
    assert sdk.run_inline_query("sql", query) == "SELECT users.count FROM analytics.marts.users"


NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


def day(number, hour=0):
    return datetime(2026, 3, number, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03-01 to 2026-03-05", day(1), day(5)),
        ("2026-03-01 04:00:00 to 2026-03-01 05:00:00", day(1, 4), day(1, 5)),
        ("2026-03-04", day(4), day(5)),
        ("after 2026-03-04", day(4), None),
        ("before 2026-03-04 02:00", None, day(4, 2)),
        ("today", day(10), day(11)),
        ("yesterday", day(9), day(10)),
        ("3 days", day(8), day(11)),
        ("last 3 days", day(8), day(11)),
        ("3 days ago", day(7), day(8)),
        ("3 days ago for 2 days", day(7), day(9)),
        ("2026-03-01 for 1 week", day(1), day(8)),
        ("2 hours", NOW - timedelta(hours=2), NOW),
        ("any time", None, None),
    ],
)
def test_date_expressions(text, start, end):
    window = parse_window(text, NOW, UTC)
    assert (window.start, window.end) == (start, end)


@pytest.mark.parametrize("text", ["2026-13-01", "next moon", "a to b", "after never"])
def test_other_date_expressions_are_refused(text):
    with pytest.raises(FilterError):
        parse_window(text, NOW, UTC)


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        ("12", ["12"], ["1", None]),
        ("12,14", ["12", "14"], ["13"]),
        ("ecom%", ["ecommerce::a"], ["xecom"]),
        ("a^_b", ["a_b"], ["axb"]),
        ("-NULL", ["x"], [None, ""]),
        ("NULL", [None], ["x"]),
        ("-x", ["y"], ["x"]),
    ],
)
def test_string_filters(expression, yes, no):
    test = string_test(expression)
    assert all(test(value) for value in yes)
    assert not any(test(value) for value in no)


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        ("1,2", [1, 2], [3, None]),
        ("NOT NULL", [1], [None]),
        (">5", [6], [5]),
        ("NOT 3", [2], [3]),
        ("NULL", [None], [1]),
    ],
)
def test_number_filters(expression, yes, no):
    test = number_test(expression)
    assert all(test(value) for value in yes)
    assert not any(test(value) for value in no)
