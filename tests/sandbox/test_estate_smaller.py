"""The estate's sides in Tableau, Power BI and Domo are what their truth says they are."""

from datetime import timedelta

import pytest

from bi_governance.sandbox.domo import DomoSandbox
from bi_governance.sandbox.estate import Estate
from bi_governance.sandbox.estate_plan import HORIZON_DAYS, PIECES, ROBOT
from bi_governance.sandbox.powerbi import PowerBISandbox
from bi_governance.sandbox.tableau import TableauSandbox

IDLE_DAYS, RESCUE_DAY = 60, 3


class Smaller:
    """The three sandboxes, filled, and what each recorded of people's use."""

    def __init__(self, clock):
        self.clock = clock
        self.tableau, self.powerbi, self.domo = (
            TableauSandbox(clock),
            PowerBISandbox(clock),
            DomoSandbox(clock),
        )
        self.estate = Estate(clock, rescue_day=RESCUE_DAY)
        self.estate.fill_tableau(self.tableau)
        self.estate.fill_powerbi(self.powerbi)
        self.estate.fill_domo(self.domo)

    def of(self, platform):
        return [truth for truth in self.estate.truths if truth.platform == platform]

    def title_and_owner(self, truth):
        """As the sandbox has them; the owner is None where it names none."""
        id_ = truth.native_id
        if truth.platform == "tableau":
            view = self.tableau.views.get(id_)
            workbook = self.tableau.workbooks[view.workbook_id if view else id_]
            return view.name if view else workbook.title, self.tableau.users[workbook.owner_id].email
        if truth.platform == "powerbi":
            if truth.type == "dashboard":
                return self.powerbi.dashboards[id_].name, None
            return self.powerbi.reports[id_].name, self.powerbi.reports[id_].created_by
        if truth.type == "card":
            card = self.domo.cards[int(id_)]
            return card.title, self.domo.users[card.owner_ids[0]].email
        page = self.domo.pages[int(id_)]
        return page.name, self.domo.users[page.owner_ids[0]].email

    def last_view(self, truth):
        """The newest use by a person, from the sandbox's own log."""
        if truth.platform == "tableau":
            view = self.tableau.views.get(truth.native_id) or self.tableau.views_of(truth.native_id)[0]
            events = self.tableau.events
            found = [e.at for e in events if e.item_number == view.number and e.actor_name != ROBOT.email]
        elif truth.platform == "powerbi":
            activities = ("ViewReport", "ViewDashboard")
            events = [e for e in self.powerbi.events if e.activity in activities and e.user != ROBOT.email]
            found = [e.at for e in events if e.fields["ArtifactId"] == truth.native_id]
        else:
            found = [e.at for e in self.domo.events if e.object_id == int(truth.native_id)]
        return max(found, default=None)


@pytest.fixture
def smaller(clock):
    return Smaller(clock)


def test_every_platform_has_a_handful_of_pieces(smaller):
    for platform in ("tableau", "powerbi", "domo"):
        pieces = [piece.title for piece in PIECES if piece.platform == platform]
        assert 5 <= len(pieces) <= 8
        assert [t.title for t in smaller.of(platform) if t.type != "view"] == pieces


def test_truths_name_what_is_there(smaller):
    for truth in smaller.estate.truths:
        assert smaller.title_and_owner(truth) == (truth.title, truth.owner_email)


def test_every_workbook_has_its_view_with_a_truth(smaller):
    views = {t.native_id: t for t in smaller.of("tableau") if t.type == "view"}
    assert views.keys() == smaller.tableau.views.keys()
    expected = {t.native_id: t.expected for t in smaller.of("tableau") if t.type == "workbook"}
    along = {
        expected[smaller.tableau.views[id_].workbook_id]
        for id_, view in views.items()
        if view.expected == "went along"
    }
    assert along == {"deleted"}


def test_last_used_is_what_the_sandboxes_recorded(smaller):
    for truth in smaller.estate.truths:
        used = smaller.last_view(truth)
        assert truth.last_used == (used.date() if used else None), truth


def test_what_should_be_due_is_unused_for_long_and_what_is_used_stays_used(smaller):
    for _ in range(HORIZON_DAYS):
        smaller.estate.next_day()
    for truth in smaller.estate.truths:
        used = smaller.last_view(truth)
        if truth.expected in ("deleted", "kept", "reported", "too early") or truth.label == "alerted":
            assert used is None or smaller.clock.now() - used > timedelta(days=IDLE_DAYS), truth
        elif truth.label == "viewed_weekly":
            assert smaller.clock.now() - used <= timedelta(days=7), truth
        elif truth.label == "rescued_by_viewer":
            assert used.date() == (smaller.estate.start + timedelta(days=RESCUE_DAY)).date(), truth


def test_conditions_behind_the_labels_hold(smaller):
    scheduled = {t.platform: t.native_id for t in smaller.estate.labelled("scheduled")}
    (alerted,) = smaller.estate.labelled("alerted")
    (view,) = smaller.tableau.views_of(alerted.native_id)
    targets = {d.kind: d.target_id for d in smaller.tableau.deliveries.values()}
    assert targets == {"subscription": scheduled["tableau"], "alert": view.id}
    assert [s.artifact_id for s in smaller.powerbi.subscriptions.values()] == [scheduled["powerbi"]]
    (report,) = smaller.domo.reports.values()
    assert str(report.resource_id) == scheduled["domo"]
    assert report.last_run_at is not None
    (certified,) = smaller.estate.labelled("certified")
    assert smaller.powerbi.reports[certified.native_id].endorsement == "Certified"
    (shown,) = smaller.estate.labelled("card_on_live_page")
    on = smaller.domo.pages_with(int(shown.native_id))
    assert [t.label for t in smaller.of("domo") for page in on if t.native_id == str(page.id)] == [
        "viewed_weekly"
    ]
