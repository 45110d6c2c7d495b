"""What is special about reading Power BI: scans against lists, empty pages, app copies, budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance.connectors.budget import BudgetSpent
from bi_governance.connectors.powerbi import activity, capabilities
from bi_governance.connectors.powerbi.client import ADMIN
from bi_governance.connectors.powerbi.people import moment, owner_of
from bi_governance.errors import IncompleteFeed, SourceBroken, SourceThrottled
from bi_governance.model import Interval, RemovalRoute
from bi_governance.ports import BackupContent
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import START
from tests.connectors.harness_powerbi import ADA, GRACE
from tests.connectors.powerbi_bench import DAY, LONG_AGO, PowerBIBench, feed, history


@pytest.fixture
def bench() -> Iterator[PowerBIBench]:
    made = PowerBIBench()
    with made.server:
        yield made
        made.close()


def test_a_report_has_everything_lists_and_scans_know(bench: PowerBIBench) -> None:
    key = bench.report()
    there = bench.sandbox.reports[key.native_id]
    there.endorsement = "Certified"
    bench.sandbox.published.add(key.native_id)
    [row] = feed(bench.reader(), "powerbi_report")
    assert row["owner_id"] == ADA
    assert row["created_at"] == START - timedelta(days=300)
    assert (row["endorsement"], row["is_published_to_web"]) == ("Certified", True)
    assert (row["workspace_id"], row["dataset_id"]) == (bench.workspace, bench.harness.dataset)
    assert (row["app_id"], row["original_report_id"], row["last_accessed_at"]) == (None, None, None)


def test_a_dashboard_has_an_owner_and_no_dates(bench: PowerBIBench) -> None:
    report, board = bench.report(), bench.dashboard()
    bench.sandbox.pin(report.native_id, board.native_id)
    [row] = feed(bench.reader(), "powerbi_dashboard")
    assert (row["dashboard_id"], row["title"], row["owner_id"]) == (board.native_id, "Board", ADA)
    assert not {"created_at", "updated_at"} & set(row)
    [tile] = feed(bench.reader(), "powerbi_dashboard_tile")
    assert (tile["dashboard_id"], tile["report_id"]) == (board.native_id, report.native_id)


def test_whether_people_are_active_is_unknown(bench: PowerBIBench) -> None:
    rows = {row["user_id"]: row for row in feed(bench.reader(), "powerbi_user")}
    assert (rows[ADA]["name"], rows[ADA]["email"], rows[ADA]["active"]) == ("Ada Byron", ADA, None)


def test_the_creator_owns_it_while_she_may() -> None:
    users = [
        {"identifier": name, "principalType": kind, "right": right}
        for name, kind, right in (
            ("Zoe@acme.example", "User", "Owner"),
            (ADA, "User", "Owner"),
            ("0-app", "App", "Owner"),
            (GRACE, "User", "Read"),
        )
    ]
    assert owner_of(users, "right", "ZOE@acme.example") == "zoe@acme.example"
    assert owner_of(users, "right", GRACE) == ADA
    assert owner_of(users[2:], "right", "Grace@acme.example") == GRACE
    assert owner_of(users[2:], "right") is None


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2020-06-16T08:22:49.14", "2020-06-16T08:22:49.140000+00:00"),
        ("2020-06-15T16:46:28.0487687Z", "2020-06-15T16:46:28.048768+00:00"),
        ("2019-08-13T07:55:15", "2019-08-13T07:55:15+00:00"),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_are_utc_with_or_without_saying_so(text: str | None, iso: str | None) -> None:
    found = moment(text)
    assert (found and found.isoformat()) == iso


def test_a_workspace_that_a_list_leaves_out_is_noticed(bench: PowerBIBench) -> None:
    bench.sandbox.add_workspace("Other")
    bench.server.faults.add(Fault("GET /v1.0/myorg/admin/groups$", "truncate", times=None))
    with pytest.raises(IncompleteFeed, match="left out 1 workspaces"):
        feed(bench.reader(), "powerbi_workspace")


def test_a_deleted_workspace_is_not_missed(bench: PowerBIBench) -> None:
    other = bench.sandbox.add_workspace("Other")
    bench.sandbox.workspaces[other].state = "Deleted"
    assert [row["name"] for row in feed(bench.reader(), "powerbi_workspace")] == ["Sales"]


def test_a_workspace_that_could_not_be_scanned_is_not_an_empty_one(bench: PowerBIBench) -> None:
    bench.report()
    bench.sandbox.workspaces[bench.workspace].is_scannable = False
    with pytest.raises(IncompleteFeed, match="'Sales' could not be scanned"):
        feed(bench.reader(), "powerbi_report")


def test_more_workspaces_than_fit_one_scan(bench: PowerBIBench) -> None:
    for number in range(100):
        bench.sandbox.add_workspace(f"Team {number}")
    bench.report()
    assert len(feed(bench.reader(page_size=60), "powerbi_report")) == 1
    assert bench.requests("POST .*getInfo") == 2


def test_a_scan_is_waited_for_a_little_at_a_time(bench: PowerBIBench) -> None:
    feed(bench.reader(poll_seconds=7), "powerbi_report")
    assert bench.slept == [7.0]


def test_a_scan_that_never_ends_is_given_up(bench: PowerBIBench) -> None:
    client = bench.reader()._admin
    with pytest.raises(SourceBroken, match="not finished after 3 looks"):
        client.until(lambda _: False, f"{ADMIN}/groups?$top=1", most_polls=3)


def test_what_a_report_reads(bench: PowerBIBench) -> None:
    key = bench.report()
    rows = feed(bench.reader(), "powerbi_dependency")
    assert {row["visual_id"] for row in rows} == {key.native_id}
    assert {(r["kind"], r["name"], r["database_name"], r["schema_name"]) for r in rows} == {
        ("dataset", "orders model", None, None),
        ("table", "orders", "analytics", "marts"),
    }


@pytest.mark.parametrize("cause", ["setting", "expression", "paginated"])
def test_lineage_that_is_not_told_is_unknown(bench: PowerBIBench, cause: str) -> None:
    key = bench.report()
    if cause == "setting":
        bench.sandbox.settings.detailed_metadata = False
    elif cause == "expression":
        bench.sandbox.datasets[bench.harness.dataset].expression = 'Value.NativeQuery(Source, "select 1")'
    else:
        bench.sandbox.reports[key.native_id].dataset_id = None
    rows = feed(bench.reader(), "powerbi_dependency")
    kinds = {row["kind"] for row in rows}
    assert "unknown" in kinds
    assert "table" not in kinds


def test_subscriptions_are_read_report_by_report(bench: PowerBIBench) -> None:
    key, board = bench.report(), bench.dashboard()
    bench.sandbox.subscribe("report", key.native_id, user=ADA)
    bench.sandbox.subscribe("dashboard", board.native_id, user=GRACE)
    rows = feed(bench.reader(), "powerbi_subscription")
    assert [(r["report_id"], r["dashboard_id"], r["user_id"], r["enabled"]) for r in rows] == [
        (key.native_id, None, ADA, True),
        (None, board.native_id, GRACE, True),
    ]


def few_reports_are_asked_for(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr("bi_governance.connectors.powerbi.inventory.MOST_ASKED_FOR_SUBSCRIPTIONS", count)
    monkeypatch.setattr("bi_governance.connectors.powerbi.probes.MOST_ASKED_FOR_SUBSCRIPTIONS", count)


def said_of_subscriptions(bench: PowerBIBench, **settings: object) -> list[str]:
    return [p.detail for p in bench.reader(**settings).probe() if p.name == "subscriptions"]


def test_subscriptions_of_too_many_reports_are_only_looked_at_before_a_removal(
    bench: PowerBIBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collection stays whole, and what it does not know keeps a report all the same."""
    few_reports_are_asked_for(monkeypatch, 1)
    key, _, board = bench.report("One"), bench.report("Two"), bench.dashboard()
    bench.sandbox.subscribe("report", key.native_id, user=ADA, title="Mondays")
    bench.sandbox.subscribe("dashboard", board.native_id, user=ADA)
    rows = feed(bench.reader(), "powerbi_subscription")
    assert [row["dashboard_id"] for row in rows] == [board.native_id]
    assert bench.requests("reports/.*/subscriptions$") == 0
    assert "subscription 'Mondays'" in bench.reader().look(key, LONG_AGO).references
    assert ["right before a removal" in said for said in said_of_subscriptions(bench)] == [True]


def test_a_subscription_that_cannot_be_looked_at_is_no_absent_one(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.server.faults.add(Fault("/subscriptions$", "status", status=429, retry_after=3392, times=None))
    with pytest.raises(SourceThrottled):
        bench.reader().look(key, LONG_AGO)


def test_subscriptions_may_be_left_to_the_last_look(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.sandbox.subscribe("report", key.native_id, user=ADA)
    assert feed(bench.reader(read_subscriptions=False), "powerbi_subscription") == []
    assert bench.requests("/subscriptions$") == 0
    assert said_of_subscriptions(bench, read_subscriptions=False) == []
    assert said_of_subscriptions(bench) == ["read with every collection, for 1 reports"]


def test_subscriptions_are_asked_for_all_together_or_not_begun(
    bench: PowerBIBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "report subscriptions", 3)
    bench.report("One")
    bench.report("Two")
    feed(bench.reader(), "powerbi_subscription")
    with pytest.raises(BudgetSpent, match="2 calls for report subscriptions are needed, but only 1 are left"):
        feed(bench.reader(), "powerbi_subscription")
    assert bench.requests("/subscriptions$") == 2


def allow(monkeypatch: pytest.MonkeyPatch, name: str, calls: int) -> None:
    few = [replace(a, calls=calls) if a.name == name else a for a in capabilities.ALLOWANCES]
    monkeypatch.setattr("bi_governance.connectors.powerbi.client.ALLOWANCES", few)


def test_reader_and_remover_draw_on_one_budget(bench: PowerBIBench, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "report lists", 2)
    first, second, third = (bench.report(title) for title in ("One", "Two", "Three"))
    bench.reader().look(first, LONG_AGO)
    bench.remover().remove(first)
    with pytest.raises(BudgetSpent, match="2 calls for report lists"):
        bench.remover().remove(second)
    with pytest.raises(BudgetSpent, match="2 calls for report lists"):
        bench.reader().look(third, LONG_AGO)
    assert bench.requests("GET .*/admin/reports$") == 2
    assert bench.harness.title_there(second) == "Two"


def test_what_is_permitted_by_the_minute_is_waited_for(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.seconds = 1000.0
    for _ in range(5):
        bench.remover().restore(key, RemovalRoute.HARD, BackupContent({}, {}))
    assert bench.slept == []
    bench.seconds += 18
    bench.remover().restore(key, RemovalRoute.HARD, BackupContent({}, {}))
    assert bench.slept == [42.0]
    assert bench.requests("GET .*/admin/reports$") == 6


def test_events_behind_empty_pages_are_found(bench: PowerBIBench) -> None:
    key = bench.report()
    moments = [START - timedelta(minutes=number) for number in range(1, 13)]
    for at in moments:
        bench.view(key.native_id, at)
    rows = history(bench.reader())
    assert sorted(row["accessed_at"] for row in rows) == sorted(moments)  # type: ignore[type-var]
    assert bench.requests("activityevents") == 4  # an empty one, then 5, 5 and 2 events


def test_both_ends_of_a_request_lie_within_one_day_and_in_quotes(bench: PowerBIBench) -> None:
    history(bench.reader(), [Interval(DAY.start - timedelta(days=1), DAY.start), DAY])
    asked = [dict(request.query) for request in bench.server.requests.matching("activityevents")]
    assert asked == [
        {"startDateTime": "'2026-03-01T00:00:00.000Z'", "endDateTime": "'2026-03-01T23:59:59.999Z'"},
        {"startDateTime": "'2026-03-02T00:00:00.000Z'", "endDateTime": "'2026-03-02T23:59:59.999Z'"},
    ]


def test_a_page_that_is_not_the_last_but_leads_nowhere_is_incomplete(bench: PowerBIBench) -> None:
    body = {"activityEventEntities": [], "continuationToken": None, "lastResultSet": False}
    bench.server.faults.add(Fault("activityevents", "status", status=200, body=body))
    with pytest.raises(IncompleteFeed, match="not the last"):
        history(bench.reader())


def test_a_token_that_leads_back_to_itself_is_incomplete(bench: PowerBIBench) -> None:
    body = {"activityEventEntities": [], "continuationToken": "round"}
    bench.server.faults.add(Fault("activityevents", "status", status=200, body=body, times=None))
    with pytest.raises(IncompleteFeed, match="back to itself"):
        history(bench.reader())


def test_an_answer_without_events_is_not_a_quiet_day(bench: PowerBIBench) -> None:
    bench.server.faults.add(Fault("activityevents", "status", status=200, body={"continuationToken": None}))
    with pytest.raises(SourceBroken, match="without activityEventEntities"):
        history(bench.reader())


def test_a_repeated_event_counts_once(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.view(key.native_id, START - timedelta(hours=1))
    bench.sandbox.events.append(bench.sandbox.events[0])
    assert len(history(bench.reader())) == 1


@pytest.mark.parametrize("names_its_original", [True, False])
def test_views_of_an_app_s_copy_are_views_of_the_original(
    bench: PowerBIBench, *, names_its_original: bool
) -> None:
    key = bench.report()
    copy = bench.sandbox.publish_app("Sales app", key.native_id)[key.native_id]
    if not names_its_original:
        bench.sandbox.reports[copy].original_id = None
    at = START - timedelta(hours=1)
    bench.view(copy, at)
    reader = bench.reader()
    assert [row["report_id"] for row in history(reader)] == [key.native_id]
    rows = {row["report_id"]: row for row in feed(reader, "powerbi_report")}
    assert rows[copy]["original_report_id"] == key.native_id
    assert rows[copy]["app_id"]
    seen = reader.look(key, LONG_AGO)
    assert seen.last_used_at == at
    assert [reference for reference in seen.references if "the app" in reference]


def test_a_copy_that_fits_two_reports_is_credited_to_neither(bench: PowerBIBench) -> None:
    key, _ = bench.report(), bench.report()
    copy = bench.sandbox.publish_app("Sales app", key.native_id)[key.native_id]
    bench.sandbox.reports[copy].original_id = None
    bench.view(copy, START - timedelta(hours=1))
    assert [row["report_id"] for row in history(bench.reader())] == [copy]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ViewReport", "view"),
        ("PrintReport", "view"),
        ("SomethingNew", "view"),
        ("ExportReport", "export"),
        ("EditReport", "edit"),
        ("CreateEmailSubscription", "edit"),
        ("RunEmailSubscription", "delivery"),
        ("DeleteReport", None),
    ],
)
def test_what_people_and_machines_do_is_told_apart(name: str, kind: str | None) -> None:
    event = {
        "Id": "1",
        "CreationTime": "2026-03-01T00:00:00",
        "Activity": name,
        "ReportId": "r",
        "UserId": "A",
    }
    use = activity.use_in(event)
    assert (use and use.kind) == kind
    assert activity.use_in({**event, "ReportId": None}) is None


def test_an_embedded_report_is_used(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.sandbox.record(
        "ViewReport", "report", key.native_id, by="other-app", at=START, ConsumptionMethod="Power BI Embedded"
    )
    assert [row["access_kind"] for row in history(bench.reader())] == ["embed"]
    assert bench.reader().look(key, LONG_AGO).last_used_at is None  # it happened this very moment
    bench.sandbox.clock.advance(timedelta(seconds=2))
    assert bench.reader().look(key, LONG_AGO).last_used_at == START


def test_robots_and_the_remover_s_app_are_no_viewers(bench: PowerBIBench) -> None:
    key, remover = bench.report(), bench.sandbox.access.register()
    bench.view(key.native_id, START - timedelta(hours=1), by="Wall@acme.example")
    bench.view(key.native_id, START - timedelta(hours=1), by=remover.client_id)
    keys = {"remover_client_id": remover.client_id, "remover_client_secret": remover.client_secret}
    assert bench.reader(robots=["wall@acme.example"], **keys).look(key, LONG_AGO).last_used_at is None
    assert bench.reader(**keys).look(key, LONG_AGO).last_used_at == START - timedelta(hours=1)
    assert remover.client_id in {person.id for person in bench.reader(**keys).own_accounts()}


def test_days_that_are_settled_are_read_once(bench: PowerBIBench) -> None:
    key = bench.report()
    reader = bench.reader()
    reader.look(key, LONG_AGO)
    first = bench.requests("activityevents")
    reader.look(key, LONG_AGO)
    # Today, yesterday, and the day that had begun when the log does.
    assert (first, bench.requests("activityevents") - first) == (31, 3)


def test_what_power_bi_calls_used_is_not_unused(bench: PowerBIBench) -> None:
    key = bench.report()
    assert bench.reader().look(key, LONG_AGO).references == ()
    body = {"unusedArtifactEntities": [], "continuationToken": None}
    bench.server.faults.add(Fault("unused$", "status", status=200, body=body))
    [reference] = bench.reader().look(key, LONG_AGO).references
    assert "does not list it as unused" in reference


def test_a_token_near_its_end_is_renewed_before_it_is_refused(bench: PowerBIBench) -> None:
    reader = bench.reader()
    reader.own_accounts()
    bench.seconds = 3600 - 301
    reader.own_accounts()
    assert bench.requests("POST /login") == 1
    bench.seconds = 3600 - 300
    reader.own_accounts()
    assert bench.requests("POST /login") == 2


def test_over_the_budget_nothing_is_sent_and_an_hour_later_it_goes_on(
    bench: PowerBIBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "activity events", 2)
    days = [Interval(DAY.start - timedelta(days=n), DAY.end - timedelta(days=n)) for n in (3, 2, 1)]
    reader = bench.reader()
    history(reader, days[:2])
    with pytest.raises(BudgetSpent, match="2 calls for activity events per hour are used up") as refused:
        history(reader, days[2:])
    assert "Run again in 60 minutes" in refused.value.hint
    assert bench.requests("activityevents") == 2
    bench.seconds += 3600
    assert history(reader, days[2:]) == []
    assert bench.requests("activityevents") == 3
