"""The estate is what its truth says it is."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from bi_governance.sandbox.big_estate import big_looker, big_superset
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.estate import Estate
from bi_governance.sandbox.estate_plan import HISTORY_DAYS, HORIZON_DAYS, OUTCOMES, PIECES, ROBOT
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.superset import SupersetSandbox

IDLE_DAYS, WARNING_DAYS = 60, 7
USED_BY_PEOPLE = {"viewed_daily", "viewed_weekly"}
LARGE = ("looker", "superset")


@pytest.fixture
def estate(clock, looker, superset, slack):
    made = Estate(clock)
    made.fill_looker(looker)
    made.fill_superset(superset)
    made.fill_slack(slack)
    return made


def last_human_view(estate, looker, superset, truth):
    """The day of the last access by a person, from what the sandbox recorded."""
    if truth.platform == "looker":
        timeline, subject = looker.history, f"{truth.type}:{truth.native_id}"
        machines = {u.id for u in looker.users.values() if u.service_account}
    else:
        timeline = superset.log
        subject = f"{truth.native_id}/" if truth.type == "dashboard" else f"/{truth.native_id}"
        machines = {str(u.id) for u in superset.users.values() if u.email == ROBOT.email}
    rows = [timeline.row(p) for p in timeline.of_subject(subject, timeline.between(None, None))]
    human = [r.at for r in rows if r.actor not in machines and r.kind != "scheduled_task"]
    return max(human, default=None)


def idle_days(estate, truth, moment, looker, superset):
    visual = visual_of(truth, looker, superset)
    changed = visual.updated_at if truth.platform == "looker" else visual.changed_on
    used = last_human_view(estate, looker, superset, truth)
    return (moment - max(m for m in (changed, used) if m)).days


def visual_of(truth, looker, superset):
    if truth.platform == "looker":
        return looker.visual(truth.type, truth.native_id)
    return superset.visuals(truth.type)[int(truth.native_id)]


def test_every_piece_has_one_truth_and_every_label_an_outcome(estate):
    pieces = [piece for piece in PIECES if piece.platform in LARGE]
    assert (
        len(estate.truths) == len(pieces) == len({(t.platform, t.type, t.native_id) for t in estate.truths})
    )
    assert {piece.label for piece in PIECES} == OUTCOMES.keys()
    assert {t.label for t in estate.truths} == {piece.label for piece in pieces}
    assert all(t.expected == OUTCOMES[t.label] for t in estate.truths)
    assert all(40 <= n <= 60 for n in (len(estate.people), len(estate.truths)))


def test_truths_name_what_is_there(estate, looker, superset):
    for truth in estate.truths:
        visual = visual_of(truth, looker, superset)
        assert visual.title == truth.title
        owner = visual.owner_id if truth.platform == "looker" else visual.owner_ids[0]
        users = looker.users if truth.platform == "looker" else superset.users
        assert truth.owner_email == (users[owner].email if owner else None)


def test_what_should_be_deleted_is_idle_long_enough_within_the_horizon(estate, looker, superset, clock):
    horizon = clock.now() + timedelta(days=HORIZON_DAYS)
    for truth in estate.truths:
        if truth.expected in ("deleted", "kept", "rescued") and truth.label != "scheduled":
            assert idle_days(estate, truth, horizon, looker, superset) >= IDLE_DAYS + WARNING_DAYS, truth


def test_what_is_due_now_is_due_now_and_what_fades_is_not(estate, looker, superset, clock):
    for truth in estate.truths:
        idle = idle_days(estate, truth, clock.now(), looker, superset)
        if truth.label in (
            "abandoned",
            "never_opened",
            "only_robot",
            "owner_left",
            "kept_by_owner",
            "rescued_by_viewer",
        ):
            assert idle >= IDLE_DAYS, truth
        if truth.label == "fading":
            assert idle < IDLE_DAYS - WARNING_DAYS, truth


def test_the_young_and_the_edited_are_not_warned_about_within_the_horizon(estate, looker, superset, clock):
    horizon = clock.now() + timedelta(days=HORIZON_DAYS)
    for label in ("fresh", "recently_edited"):
        for truth in estate.labelled(label):
            assert idle_days(estate, truth, horizon, looker, superset) < IDLE_DAYS - WARNING_DAYS, truth


def test_live_visuals_stay_in_use_and_dead_ones_stay_dead(estate, looker, superset, clock):
    for _ in range(HORIZON_DAYS):
        estate.next_day()
    for truth in estate.truths:
        last = last_human_view(estate, looker, superset, truth)
        if truth.label in USED_BY_PEOPLE:
            assert (clock.now() - last).days <= 7, truth
        elif truth.label == "rescued_by_viewer":
            assert last.date() == (estate.start + timedelta(days=3)).date(), truth
        elif truth.label in ("abandoned", "fading", "owner_left", "executive", "certified", "kept_by_owner"):
            assert last < estate.start, truth
        elif truth.label in ("never_opened", "fresh", "lookml"):
            assert last is None, truth


def test_last_used_is_what_the_sandbox_recorded(estate, looker, superset):
    for truth in estate.truths:
        if truth.platform == "looker":
            used = last_human_view(estate, looker, superset, truth)
            assert truth.last_used == (used.date() if used else None), truth


def test_conditions_behind_the_labels_hold(estate, looker, superset):
    (scheduled, _), (alerted,) = looker_truths(estate, "scheduled"), looker_truths(estate, "alerted")
    assert any(p.visual_id == scheduled.native_id and p.last_run_at for p in looker.plans.values())
    assert [looker.tiles[a.tile_id].dashboard_id for a in looker.alerts.values()] == [alerted.native_id]
    (linked,) = estate.labelled("look_on_live_dashboard")
    live = {t.native_id for t in estate.labelled("viewed_daily")}
    assert {t.dashboard_id for t in looker.tiles.values() if t.look_id == linked.native_id} <= live
    for truth in looker_truths(estate, "owner_left"):
        assert looker.users[looker.visual("dashboard", truth.native_id).owner_id].disabled
    for truth in looker_truths(estate, "executive"):
        assert looker.folders[looker.visual(truth.type, truth.native_id).folder_id].name == "Executive"
    assert {r.dashboard_id for r in superset.reports.values()} == {
        int(t.native_id) for t in estate.labelled("scheduled") if t.platform == "superset"
    }
    (embedded,) = estate.labelled("embedded")
    assert superset.dashboards[int(embedded.native_id)].embedded_uuid


def looker_truths(estate, label):
    return [t for t in estate.labelled(label) if t.platform == "looker"]


def test_history_begins_120_days_back(estate, looker, superset):
    for timeline in (looker.history,):
        first = timeline.row(timeline.between(None, None).start).at
        assert timedelta(HISTORY_DAYS - 3) <= estate.start - first <= timedelta(HISTORY_DAYS + 1)
    views = superset.log.between(estate.start - timedelta(days=HISTORY_DAYS), estate.start)
    assert len(views) > 1000


def test_owners_are_on_slack_or_known_to_be_gone(estate, slack):
    active = {m.email for m in slack.members.values() if m.email and not m.deleted}
    unreachable = {t.owner_email for t in estate.truths if t.owner_email} - active
    assert unreachable == {t.owner_email for t in estate.labelled("owner_left")}
    assert {c.name for c in slack.channels.values()} == {"bi-deprecation", "analytics"}


def test_two_estates_of_one_seed_are_alike_and_of_two_seeds_are_not():
    def recorded(seed):
        clock = SimulatedClock(datetime(2026, 3, 2, 6, tzinfo=UTC))
        looker = LookerSandbox(clock)
        estate = Estate(clock, seed=seed)
        estate.fill_looker(looker)
        estate.next_day()
        return [looker.history.row(p) for p in looker.history.between(None, None)]

    assert recorded(1) == recorded(1)
    assert recorded(1) != recorded(2)


def test_a_day_lies_between_seven_and_six(estate, looker, clock):
    before = len(looker.history)
    assert estate.live(clock.now().date()) > 0
    lived = [looker.history.row(p).at for p in range(before, len(looker.history))]
    assert all(clock.now().date() == at.date() and 7 <= at.hour < 18 for at in lived)


def test_what_was_deleted_is_not_opened(estate, looker, superset, clock):
    (truth, *_) = looker_truths(estate, "viewed_daily")
    looker.visual("dashboard", truth.native_id).deleted = True
    before = Counter(looker.history.row(p).subject for p in looker.history.between(None, None))
    estate.next_day()
    after = Counter(looker.history.row(p).subject for p in looker.history.between(None, None))
    assert after[f"dashboard:{truth.native_id}"] == before[f"dashboard:{truth.native_id}"]


def test_big_estates_are_filled_in_bulk(clock):
    looker, superset = LookerSandbox(clock), SupersetSandbox(clock)
    big_looker(looker, 400, 20_000, people=20)
    big_superset(superset, 400, 20_000, people=20)
    assert (len(looker.visuals), len(looker.history)) == (400, 20_000)
    assert len(superset.dashboards) + len(superset.charts) == 400
    assert len(superset.log) >= 20_000
    unopened = sum(1 for v in looker.visuals.values() if v.last_viewed_at is None)
    assert 100 <= unopened <= 140
    newest = looker.history.row(len(looker.history) - 1).at
    assert timedelta(0) <= clock.now() - newest < timedelta(hours=1)


def test_slack_gets_only_those_who_are_on_it(clock):
    slack = SlackSandbox(clock)
    estate = Estate(clock)
    estate.fill_slack(slack)
    people = [m for m in slack.members.values() if not m.is_bot]
    assert len(people) == sum(1 for p in estate.people if p.on_slack) < len(estate.people)
    assert sum(1 for m in people if m.deleted) == sum(1 for p in estate.people if not p.active) > 0
