"""What is special about Domo: limits, two interfaces, its log, and a quarantine instead of a trash."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bi_governance.connectors.domo import CAPABILITIES, DomoReader, DomoRemover
from bi_governance.connectors.domo.pages import QUARANTINE
from bi_governance.errors import (
    ConfigurationError,
    IncompleteFeed,
    SourceBroken,
    SourceConflict,
    SourceForbidden,
    SourceMissing,
)
from bi_governance.model import Coverage, Interval, RemovalRoute, VisualKey
from bi_governance.ports import Row
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.domo import DomoSandbox
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import START
from tests.connectors.harness_domo import DomoHarness

LONG_AGO = START - timedelta(days=60)
TODAY = Interval(START - timedelta(hours=6), START)


class Bench:
    """A Domo with Ada and Grace, and the connector opened on it, with and without the instance API."""

    def __init__(self, harness: DomoHarness, url: str) -> None:
        self.there: DomoSandbox = harness.sandbox
        self.ada = harness.ada
        self.grace = self.there.add_person("grace@acme.example", "Grace Hopper")
        self.options = harness.options(url)
        self.reader = DomoReader("d", self.options)
        self.remover = DomoRemover("d", self.options)
        public = {k: v for k, v in self.options.items() if k not in ("instance_url", "developer_token")}
        self.public_reader = DomoReader("d", public)
        self.public_remover = DomoRemover("d", public)

    def page(self, name: str = "Sales", **more: object) -> VisualKey:
        return page_key(self.there.add_page(name, owner_id=self.ada, **more))  # type: ignore[arg-type]

    def card(self, title: str = "Orders") -> VisualKey:
        return VisualKey("d", "card", str(self.there.add_card(title, owner_id=self.ada)))

    def rows(self, feed: str, reader: DomoReader | None = None) -> list[Row]:
        return [row for page in (reader or self.reader).read_inventory(feed) for row in page]

    def history(self) -> list[Row]:
        return [row for page in self.reader.read_history(TODAY) for row in page]

    def failed(self) -> list[str]:
        return [f"{p.name}: {p.advice}" for p in self.reader.probe() if not p.ok]

    def close(self) -> None:
        for each in (self.reader, self.remover, self.public_reader, self.public_remover):
            each.close()


def page_key(id_: int) -> VisualKey:
    return VisualKey("d", "page", str(id_))


@pytest.fixture
def bench() -> Iterator[Bench]:
    harness = DomoHarness(SimulatedClock(START), "acme")
    with harness.sandbox.serve() as server:
        made = Bench(harness, server.url)
        yield made
        made.close()


def test_the_tree_of_pages_is_read_to_the_bottom(bench: Bench) -> None:
    top = bench.page("Sales")
    middle = bench.page("Europe", parent_id=int(top.native_id))
    bench.page("Spain", parent_id=int(middle.native_id))
    found = {row["title"]: (row["path"], row["parent_id"]) for row in bench.rows("domo_page")}
    assert found == {
        "Sales": ("", None),
        "Europe": ("Sales", top.native_id),
        "Spain": ("Sales/Europe", middle.native_id),
    }


def test_look_names_the_same_folder_as_the_inventory(bench: Bench) -> None:
    middle = bench.page("Europe", parent_id=int(bench.page("Sales").native_id))
    low = bench.page("Spain", parent_id=int(middle.native_id))
    row = next(row for row in bench.rows("domo_page") if row["page_id"] == low.native_id)
    assert bench.reader.look(low, LONG_AGO).folder == row["path"] == "Sales/Europe"


def test_cards_are_found_on_a_page_that_names_none_because_it_has_a_layout(bench: Bench) -> None:
    card = bench.card()
    page = bench.page(cards=[int(card.native_id)], has_layout=True)
    assert bench.rows("domo_page_card") == [{"page_id": page.native_id, "card_id": card.native_id}]
    assert bench.reader.backup(page).manifest["children"] == [str(card)]


def test_more_rows_than_domo_gives_at_once_are_never_asked_for(bench: Bench) -> None:
    for number in range(130):
        bench.there.add_card(f"Card {number}", owner_id=bench.ada)
    reader = DomoReader("d", {**bench.options, "page_size": 500})
    assert len(bench.rows("domo_card", reader)) == 130
    reader.close()


def test_a_card_list_that_stops_before_its_count_is_incomplete(bench: Bench) -> None:
    bench.card()
    answer = {"cardAdminSummaries": [], "totalCardCount": 1}
    bench.there.faults.add(Fault("cards/adminsummary", "status", status=200, body=answer))
    with pytest.raises(IncompleteFeed, match="counts 1 but gave 0"):
        bench.rows("domo_card")


def test_a_page_list_that_is_empty_every_time_is_not_believed(bench: Bench) -> None:
    bench.page()
    bench.there.faults.add(Fault("GET /v1/pages$", "empty", times=None))
    with pytest.raises(IncompleteFeed, match="1 pages that our API client is not shown"):
        bench.rows("domo_page")


def test_pages_our_client_is_not_shown_make_the_feed_incomplete(bench: Bench) -> None:
    bench.page()
    client = bench.there.add_person("client@acme.example", "Client", grants=("view.audit",))
    bench.there.public.user_id = client
    with pytest.raises(IncompleteFeed, match="1 pages") as raised:
        bench.rows("domo_page")
    assert "Manage all cards and pages" in raised.value.hint


def test_a_card_nobody_ever_viewed_has_no_last_view(bench: Bench) -> None:
    never, seen = bench.card("Never"), bench.card("Seen")
    bench.there.view("card", int(seen.native_id), by=bench.grace, at=START - timedelta(days=3))
    rows = {row["card_id"]: row["last_accessed_at"] for row in bench.rows("domo_card")}
    assert rows == {never.native_id: None, seen.native_id: START - timedelta(days=3)}


def test_the_last_view_of_a_card_counts_where_the_log_lost_it(bench: Bench) -> None:
    card = bench.card()
    bench.there.view("card", int(card.native_id), by=bench.grace, at=START - timedelta(days=3))
    bench.there.events.clear()
    assert bench.reader.look(card, LONG_AGO).last_used_at == START - timedelta(days=3)


def test_the_last_view_of_a_card_does_not_count_when_it_was_ours(bench: Bench) -> None:
    card = bench.card()
    bench.there.view("card", int(card.native_id), by=bench.grace, at=START - timedelta(days=9))
    bench.there.view("card", int(card.native_id), by=bench.there.me, at=START - timedelta(days=3))
    assert bench.reader.look(card, LONG_AGO).last_used_at == START - timedelta(days=9)


def test_a_robot_is_no_viewer(bench: Bench) -> None:
    page = bench.page()
    bench.there.view("page", int(page.native_id), by=bench.grace, at=START - timedelta(days=3))
    reader = DomoReader("d", {**bench.options, "robots": ("Grace@acme.example",)})
    assert reader.look(page, LONG_AGO).last_used_at is None
    reader.close()


def test_the_developer_tokens_account_is_ours_too(bench: Bench) -> None:
    bench.there.instance.user_id = bench.there.add_person("t@acme.example", "T", grants=("content.admin",))
    assert [p.id for p in bench.reader.own_accounts()] == [
        str(bench.there.me),
        str(bench.there.instance.user_id),
    ]


def test_a_log_that_grows_while_it_is_paged_gives_every_row_once(bench: Bench) -> None:
    page = int(bench.page().native_id)
    begin = START - timedelta(hours=1)
    for number in range(2500):
        bench.there.view("page", page, by=bench.grace, at=begin + timedelta(seconds=number))
    late = [START - timedelta(seconds=60 - number) for number in range(3)]
    bench.there.arriving = [bench.there.event("VIEWED", "page", page, bench.ada, at) for at in late]
    keys = [row["event_key"] for row in bench.history()]
    assert len(keys) == len(set(keys))
    assert len(keys) >= 2501


def test_times_of_another_zone_are_refused(bench: Bench) -> None:
    page = bench.page()
    bench.there.view("page", int(page.native_id), by=bench.grace, at=START - timedelta(hours=1))
    bench.there.public.zone_hours = -7
    with pytest.raises(IncompleteFeed, match="not UTC"):
        bench.history()


def test_a_row_without_an_id_is_refused(bench: Bench) -> None:
    row = {"objectType": "PAGE", "objectName": "Sales", "time": "2026-03-02 05:00:00 AM"}
    bench.there.faults.add(Fault("GET /v1/audit", "status", status=200, body=[row]))
    with pytest.raises(IncompleteFeed, match="does not say the ids"):
        bench.history()


def test_locking_is_not_use_and_rows_about_other_things_are_left_out(bench: Bench) -> None:
    page = int(bench.page().native_id)
    for action in ("VIEWED", "LOCKED", "SOMETHING_NEW"):
        bench.there.record(action, "page", page, bench.grace, START - timedelta(hours=1))
    assert sorted((str(row["action"]), row["access_kind"]) for row in bench.history()) == [
        ("SOMETHING_NEW", "view"),
        ("VIEWED", "view"),
    ]


def test_an_empty_log_proves_nothing(bench: Bench) -> None:
    assert bench.reader.history_start(LONG_AGO, START, Coverage()) == START


def test_a_page_is_quarantined_under_its_id_and_comes_back_as_it_was(bench: Bench) -> None:
    top, card = bench.page("Sales"), bench.card()
    page = bench.page(
        "Spain",
        parent_id=int(top.native_id),
        cards=[int(card.native_id)],
        has_layout=True,
        shared_with=[bench.grace],
    )
    before = copy.deepcopy(bench.there.pages[int(page.native_id)])
    saved = bench.reader.backup(page)
    bench.remover.remove(page)
    now = bench.there.pages[int(page.native_id)]
    assert (now.locked, now.user_ids, now.card_ids) == (True, [bench.there.me], before.card_ids)
    row = next(row for row in bench.rows("domo_page") if row["page_id"] == page.native_id)
    assert (row["is_trashed"], row["path"]) == (True, QUARANTINE)
    assert bench.reader.look(page, LONG_AGO).is_trashed
    outcome = bench.remover.restore(page, RemovalRoute.TRASH, saved)
    assert outcome.lost == CAPABILITIES.lost_on_restore["page"] == ()
    assert bench.there.pages[int(page.native_id)] == before


def test_a_card_is_quarantined_under_its_id_and_comes_back_as_it_was(bench: Bench) -> None:
    card, other = bench.card(), bench.card("Costs")
    before = copy.deepcopy(bench.there.cards[int(card.native_id)])
    saved = bench.reader.backup(card)
    bench.remover.remove(card)
    bench.remover.remove(other)
    assert bench.there.cards[int(card.native_id)].locked
    assert {row["card_id"]: row["is_trashed"] for row in bench.rows("domo_card")} == {
        card.native_id: True,
        other.native_id: True,
    }
    assert bench.rows("domo_page_card") == []
    with pytest.raises(SourceMissing, match="already"):
        bench.remover.remove(card)
    outcome = bench.remover.restore(card, RemovalRoute.TRASH, saved)
    assert outcome.lost == CAPABILITIES.lost_on_restore["card"] == ()
    assert bench.there.cards[int(card.native_id)] == before
    assert bench.there.pages_with(int(card.native_id)) == []
    assert bench.reader.look(other, LONG_AGO).is_trashed


def test_a_page_whose_parent_went_meanwhile_comes_back_at_the_top(bench: Bench) -> None:
    top = bench.page("Sales")
    page = bench.page("Spain", parent_id=int(top.native_id))
    saved = bench.reader.backup(page)
    bench.remover.remove(page)
    del bench.there.pages[int(top.native_id)]
    assert bench.remover.restore(page, RemovalRoute.TRASH, saved).lost == (
        "its place below Sales, which is gone",
    )
    assert bench.there.pages[int(page.native_id)].parent_id is None


def test_what_something_living_needs_is_not_removed(bench: Bench) -> None:
    card = bench.card()
    top = bench.page("Sales", cards=[int(card.native_id)])
    bench.page("Spain", parent_id=int(top.native_id))
    for key, named in ((top, "sub-page"), (card, "Sales")):
        assert any(named in words for words in bench.reader.look(key, LONG_AGO).references)
        with pytest.raises(SourceConflict, match=named):
            bench.remover.remove(key)
    bench.there.add_report("Weekly", owner_id=bench.ada, resource_type="page", resource_id=1)
    lone = bench.page("Alone")
    bench.there.add_report(
        "Weekly", owner_id=bench.ada, resource_type="page", resource_id=int(lone.native_id)
    )
    with pytest.raises(SourceConflict, match="scheduled report 'Weekly'"):
        bench.remover.remove(lone)


def test_a_report_that_does_not_say_what_it_sends_blocks(bench: Bench) -> None:
    page = bench.page()
    bench.there.add_report("Weekly", owner_id=bench.ada, resource_type="app", resource_id=5)
    for ask in (lambda: bench.rows("domo_schedule"), lambda: bench.remover.remove(page)):
        with pytest.raises(IncompleteFeed, match="does not say"):
            ask()


def test_a_page_of_somebody_else_with_the_name_of_our_quarantine_is_not_it(bench: Bench) -> None:
    below = bench.page("Spain", parent_id=int(bench.page(QUARANTINE).native_id))
    assert not bench.reader.look(below, LONG_AGO).is_trashed
    with pytest.raises(SourceConflict):
        bench.remover.purge(below)
    assert int(below.native_id) in bench.there.pages


def test_only_what_lies_in_quarantine_is_removed_for_good(bench: Bench) -> None:
    page, card = bench.page(), bench.card()
    for key in (page, card):
        with pytest.raises(SourceConflict, match="not in quarantine"):
            bench.remover.purge(key)
    assert not [r for r in bench.there.requests if r.method == "DELETE"]
    for key in (page, card):
        bench.remover.remove(key)
        bench.remover.purge(key)
        assert not bench.reader.look(key, LONG_AGO).exists
        with pytest.raises(SourceMissing):
            bench.remover.purge(key)


def test_a_card_somebody_put_on_another_page_is_out_of_quarantine(bench: Bench) -> None:
    card = bench.card()
    bench.remover.remove(card)
    bench.page(cards=[int(card.native_id)])
    assert not bench.reader.look(card, LONG_AGO).is_trashed
    with pytest.raises(SourceConflict, match="on another page"):
        bench.remover.purge(card)


def test_a_call_domo_no_longer_knows_is_not_taken_for_a_missing_card(bench: Bench) -> None:
    card = bench.card()
    bench.there.faults.add(Fault("PUT /api/content/v1/cards/.*/lock", "status", status=404))
    with pytest.raises(SourceBroken, match="does not know this call"):
        bench.remover.remove(card)


def test_a_backup_holds_the_definition_and_parses(bench: Bench) -> None:
    card = bench.card()
    page = bench.page(cards=[int(card.native_id)], shared_with=[bench.grace])
    of_card, of_page = bench.reader.backup(card), bench.reader.backup(page)
    assert {name: bool(json.loads(content)) for name, content in of_card.files.items()} == {
        "card.json": True,
        "definition.json": True,
    }
    assert of_card.manifest["datasets"] == {"ds-orders": "orders"}
    assert of_card.manifest["pages"] == {page.native_id: "Sales"}
    assert of_page.manifest["visibility"] == {"userIds": [bench.grace], "groupIds": []}
    bench.there.faults.add(Fault("PUT /api/content/v3/cards/kpi/definition", "status", status=200, body={}))
    with pytest.raises(SourceBroken):
        bench.reader.backup(card)


def test_datasets_of_cards_and_of_the_pages_they_lie_on(bench: Bench) -> None:
    card = bench.card()
    page = bench.page(cards=[int(card.native_id)])
    found = {(row["visual_type"], row["visual_id"], row["name"]) for row in bench.rows("domo_dependency")}
    assert found == {("card", card.native_id, "orders"), ("page", page.native_id, "orders")}


def test_without_the_instance_api_pages_are_read_and_nothing_is_removed(bench: Bench) -> None:
    card = bench.card()
    page = bench.page(cards=[int(card.native_id)])
    reader = bench.public_reader
    assert [(r["title"], r["owner_id"]) for r in bench.rows("domo_page", reader)] == [
        ("Sales", str(bench.ada))
    ]
    empty = ("domo_card", "domo_page_card", "domo_schedule", "domo_dependency")
    assert [bench.rows(feed, reader) for feed in empty] == [[], [], [], []]
    assert "instance_url" in reader.look(page, LONG_AGO).references[0]
    with pytest.raises(SourceForbidden, match="not configured"):
        reader.look(card, LONG_AGO)
    for key, error in ((page, SourceConflict), (card, SourceForbidden)):
        with pytest.raises(error):
            bench.public_remover.remove(key)
    assert bench.there.requests.writes() == []
    said = {probe.name: probe.detail for probe in reader.probe()}
    assert "pages are only reported: nobody is warned and nothing is removed" in said["instance API"]
    assert "set instance_url and developer_token" in said["instance API"]


def test_whether_anything_can_be_removed_depends_on_the_settings(bench: Bench) -> None:
    for kind in ("page", "card"):
        assert bench.reader.capabilities.obstacle(kind) == ""
        assert bench.public_reader.capabilities.obstacle(kind) == (
            f"this source has no way to remove {kind}s; set instance_url and developer_token"
        )


def test_without_the_instance_api_only_an_administrator_is_believed(bench: Bench) -> None:
    bench.there.users[bench.there.me].role = "Editor"
    with pytest.raises(IncompleteFeed, match="Editor"):
        bench.rows("domo_page", bench.public_reader)
    failed = [probe for probe in bench.public_reader.probe() if not probe.ok]
    assert [(probe.name, "Admin > People" in probe.advice) for probe in failed] == [("see every page", True)]


@pytest.mark.parametrize("left_out", ["instance_url", "developer_token"])
def test_half_an_instance_api_is_a_mistake(bench: Bench, left_out: str) -> None:
    with pytest.raises(ConfigurationError, match="go together"):
        DomoReader("d", {k: v for k, v in bench.options.items() if k != left_out})


@pytest.mark.parametrize("scope", ["dashboard", "user", "audit"])
def test_the_probe_names_a_missing_scope_and_where_to_add_it(bench: Bench, scope: str) -> None:
    bench.there.public.scopes.discard(scope)
    assert any(
        said.startswith(f"scope {scope}") and "Manage Clients" in said and f"scope {scope}" in said
        for said in bench.failed()
    )


@pytest.mark.parametrize(
    ("grant", "name", "page"),
    [
        ("view.audit", "read the access log", "Admin > Roles"),
        ("content.admin", "see every card", "Admin > Roles"),
    ],
)
def test_the_probe_names_a_missing_grant_and_where_to_give_it(
    bench: Bench, grant: str, name: str, page: str
) -> None:
    bench.there.users[bench.there.me].grants.discard(grant)
    said = next(said for said in bench.failed() if said.startswith(name))
    assert page in said
    assert {"view.audit": "View activity log", "content.admin": "Manage all cards and pages"}[grant] in said


def test_the_probe_names_a_refused_developer_token(bench: Bench) -> None:
    bench.there.instance.developer_token = "revoked"
    assert [said.split(":")[0] for said in bench.failed()] == ["log in at the instance"]
    assert "Access tokens" in bench.failed()[0]


def test_the_probe_names_a_robot_nobody_is(bench: Bench) -> None:
    reader = DomoReader("d", {**bench.options, "robots": ("nobody",)})
    assert [probe.name for probe in reader.probe() if not probe.ok] == ["robot nobody"]
    reader.close()
