"""The Superset connector's own rules: query notation, what log rows mean, archives, troubles."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta, timezone

import pytest
import yaml

from bi_governance.connectors.superset.client import SupersetClient
from bi_governance.connectors.superset.export import Archive, Unreadable
from bi_governance.connectors.superset.log import ActionLog
from bi_governance.connectors.superset.rison import Filter, rison, utc_moment, utc_text
from bi_governance.connectors.superset.visits import GROUPS, Visits, read_row
from bi_governance.connectors.superset.visuals import main_owner, owners_of, tags_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DASHBOARD_PAGE = {"path": "/superset/dashboard/7/", "dashboard_id": 7}
REPORT_QUERY = "standalone=3&force=false"


# -- notation --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"page": 0, "page_size": 100}, "(page:0,page_size:100)"),
        (["id", "owners.id"], "!('id','owners.id')"),
        ([1, -2], "!(1,-2)"),
        ({"on": True, "off": False}, "(on:!t,off:!f)"),
        ("it's 5!", "'it!'s 5!!'"),
        ("", "''"),
        (Filter("uuid", "eq", "a-b").encoded(), "(col:'uuid',opr:'eq',value:'a-b')"),
    ],
)
def test_rison(value, text: str) -> None:
    assert rison(value) == text


def test_times_are_sent_as_naive_utc_and_read_as_aware_utc() -> None:
    amsterdam = timezone(timedelta(hours=2))
    assert utc_text(datetime(2026, 7, 1, 14, tzinfo=amsterdam)) == "2026-07-01T12:00:00.000000"
    twelve = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert utc_moment("2026-07-01T12:00:00") == twelve
    assert utc_moment("2026-07-01T14:00:00.000000+0200") == twelve
    assert utc_moment(None) is utc_moment("") is None


# -- what a log row means --------------------------------------------------------------------------


def log_row(action: str, *, at: float = 0, detail: object = None, number: int = 1, **fields: object):
    item = {
        "action": action,
        "dttm": utc_text(NOON + timedelta(seconds=at)),
        "json": detail if isinstance(detail, str) else json.dumps(detail or {}),
        "user_id": 5,
        **fields,
    }
    return read_row(number, item)


def page(**fields: object):
    return log_row("dashboard", **{"detail": DASHBOARD_PAGE, "dashboard_id": 7, **fields})


def beacon(impression: str | None, **fields: object):
    detail = {"event_name": "mount_dashboard", "source": "dashboard", "source_id": 7}
    return log_row("log", detail=detail | ({"impression_id": impression} if impression else {}), **fields)


def data(**fields: object):
    return log_row("ChartDataRestApi.data", **{"dashboard_id": 7, "slice_id": 3, **fields})


def kept(*rows) -> list[tuple[str, int, str]]:
    """What the rows come to, read in the order the connector reads them."""
    log = ActionLog(SupersetClient("unused", {"base_url": "http://unused", "username": "", "password": ""}))
    visits = Visits()
    ordered = [row for group in GROUPS for row in rows if row.action in group]
    uses = [use for row in ordered for use in log.uses(row) if visits.is_new(use)]
    return [(use.type, use.number, use.kind) for use in uses]


VIEW = ("dashboard", 7, "view")
DELIVERY = ("dashboard", 7, "delivery")


@pytest.mark.parametrize(
    ("rows", "accesses"),
    [
        pytest.param([page(), beacon("a", at=2), data(at=3), data(at=3)], [VIEW], id="one visit"),
        pytest.param([beacon("a"), beacon("a", at=9)], [VIEW], id="reached without loading a page"),
        pytest.param([beacon("a"), beacon("b", at=9)], [VIEW] * 2, id="two impressions"),
        pytest.param(
            [page(), page(at=60), beacon("a", at=61), beacon("b", at=2)], [VIEW] * 2, id="two loads"
        ),
        pytest.param([page(), beacon("a", at=3600)], [VIEW] * 2, id="an impression long after the load"),
        pytest.param(
            [page(), beacon("a", at=2), beacon("b", at=3)], [VIEW] * 2, id="a load answers one impression"
        ),
        pytest.param([page(), beacon("a", user_id=6)], [VIEW] * 2, id="two people"),
        pytest.param([data(), data(at=900)], [VIEW], id="data alone, as behind a blocker of beacons"),
        pytest.param([beacon(None), beacon(None, at=1)], [VIEW], id="beacons without impression"),
        pytest.param([data(dashboard_id=None)], [("chart", 3, "view")], id="a chart by itself"),
        pytest.param([log_row("root", slice_id=3)], [("chart", 3, "view")], id="the explore page"),
        pytest.param([log_row("root")], [], id="some other root page"),
        pytest.param([log_row("DashboardRestApi.get", dashboard_id=7)], [], id="an API reader"),
        pytest.param([log_row("ChartRestApi.warm_up_cache", slice_id=3)], [], id="cache warm-up"),
        pytest.param([log_row("DashboardRestApi.thumbnail", dashboard_id=7)], [], id="a thumbnail"),
        pytest.param(
            [log_row("DashboardRestApi.export", detail={"rison": [7, 8]})],
            [("dashboard", 7, "export"), ("dashboard", 8, "export")],
            id="an export of two",
        ),
        pytest.param(
            [data(detail={"result_format": "csv"})],
            [("dashboard", 7, "export")],
            id="a chart's data downloaded",
        ),
        pytest.param([data(detail="{cut off")], [VIEW], id="unreadable json"),
        pytest.param([data(json=None)], [VIEW], id="no json"),
        pytest.param(
            [log_row("ChartDataRestApi.data", detail={"path": "/api/v1/chart/3/data/"})],
            [("chart", 3, "api")],
            id="data fetched by a program",
        ),
        pytest.param(
            [
                log_row(
                    "ChartDataRestApi.data",
                    detail={"path": "/api/v1/chart/3/data/", "type": "post_processed", "force": "false"},
                )
            ],
            [("chart", 3, "delivery")],
            id="data fetched for a report",
        ),
        pytest.param(
            [page(detail=DASHBOARD_PAGE | {"edit_mode": True})],
            [("dashboard", 7, "edit")],
            id="opened to edit",
        ),
        pytest.param([page(detail=DASHBOARD_PAGE | {"standalone": "3"})], [VIEW], id="a wallboard"),
        pytest.param(
            [
                page(detail=DASHBOARD_PAGE | {"standalone": "3", "force": "false"}),
                beacon("a", at=1, referrer=f"http://bi/superset/dashboard/7/?{REPORT_QUERY}"),
                data(at=1, referrer=f"http://bi/superset/dashboard/7/?{REPORT_QUERY}"),
            ],
            [DELIVERY],
            id="a report worker",
        ),
        pytest.param(
            [page(detail=DASHBOARD_PAGE | {"standalone": "3", "force": "false"}), data(at=400)],
            [DELIVERY, VIEW],
            id="a report worker, and then its owner",
        ),
        pytest.param(
            [beacon("a", user_id=None, referrer="http://bi/embedded/1-2")],
            [("dashboard", 7, "embed")],
            id="a guest of another site",
        ),
        pytest.param([page(user_id=None)], [VIEW], id="the public role"),
    ],
)
def test_rows_become_accesses(rows, accesses) -> None:
    assert kept(*rows) == accesses


# -- owners and tags -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "owners"),
    [
        ({"owners": [{"id": 9}, {"id": 2}]}, [2, 9]),
        ({"owners": [], "editors": [{"id": 4}]}, []),
        ({"owners": None}, []),
        ({}, []),
    ],
)
def test_owners_are_people_in_a_fixed_order(item, owners) -> None:
    assert [owner["id"] for owner in owners_of(item)] == owners


def test_the_main_owner_can_still_log_in_where_anybody_can() -> None:
    item = {"owners": [{"id": 9}, {"id": 2}]}
    assert main_owner(item, ()) == "2"
    assert main_owner(item, {"2"}) == "9"
    assert main_owner(item, {"2", "9"}) == "2"
    assert main_owner({"owners": []}, ()) is None


def test_only_tags_given_by_people_count() -> None:
    tags = [
        {"name": "owner:2", "type": 3},
        {"name": "type:dashboard", "type": 2},
        {"name": "finance", "type": 1},
    ]
    assert tags_of({"tags": tags}) == ["finance"]


# -- archives --------------------------------------------------------------------------------------


def archive(**documents: object) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, document in documents.items():
            text = document if isinstance(document, str) else yaml.safe_dump(document)
            bundle.writestr(f"export/{name.replace('__', '/')}.yaml", text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", archive(charts__a="a: [")], ids=["nothing", "a page", "a broken file"]
)
def test_what_is_no_archive_is_broken(content: bytes) -> None:
    with pytest.raises(Unreadable):
        Archive.opened(content)


def test_an_archive_is_changed_without_changing_the_rest() -> None:
    content = archive(
        dashboards__d={"uuid": "D", "slug": "sales", "position": {"c": {"uuid": "C"}}},
        charts__c={"uuid": "C", "dataset_uuid": "OLD"},
        charts__broken={"uuid": "B"},
        datasets__db__t={"uuid": "OLD"},
    )
    opened = Archive.opened(content)
    assert opened.uuids("charts") == {"B", "C"}
    changed = opened.without(opened.charts_without_data()).without_slug().with_uuid_replaced("OLD", "NEW")
    again = Archive.opened(changed.content())
    assert again.uuids("charts") == {"C"}
    assert again.uuids("datasets") == {"NEW"}
    assert next(iter(again.of("charts").values()))["dataset_uuid"] == "NEW"
    board = next(iter(again.of("dashboards").values()))
    assert (board["uuid"], board["slug"], board["position"]) == ("D", None, {"c": {"uuid": "C"}})
    assert opened.uuids("datasets") == {"OLD"}
