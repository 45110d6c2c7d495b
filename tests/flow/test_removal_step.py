"""The one choke point: everything that must hold right before a visual is removed, one guard a test."""

from dataclasses import replace
from datetime import UTC, time

import pytest

from bi_governance import __version__
from bi_governance import events as ev
from bi_governance.errors import BackupUnreadable, LeaseLost, SourceBroken, SourceUnreachable, StorageError
from bi_governance.fidelity import Part
from bi_governance.guards import Limits
from bi_governance.model import Action, Mode, RemovalRoute
from bi_governance.ports import BackupContent, Capabilities, Probe
from bi_governance.rules import Policy
from bi_governance.run import collect_stage, daily_run, delete_stage, one_runner, prepare_plan, transform
from bi_governance.run_report import RunReport, summary
from bi_governance.window import ActionWindow
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import ThingReader, World


@pytest.fixture
def due(world):
    """A company with one board that today's run would delete."""
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7)
    return world


def refusals(world):
    return [e.guard for e in world.ledger.events() if isinstance(e, ev.RemovalRefused)]


def during_backup(world, action):
    """Let something happen in the minutes a backup takes."""

    def fail():
        world.shelf.fail = lambda: None
        action()

    world.shelf.fail = fail


def untouched(world, guard):
    report = daily_run(world.services)
    assert world.bi.writes == []
    assert report.deleted.removed == []
    assert refusals(world) == [guard]
    return report


def test_nothing_in_the_way_it_is_removed(due):
    daily_run(due.services)
    assert due.bi.writes == ["remove 1"]
    assert refusals(due) == []


def test_mode_is_read_again_before_every_removal(due):
    switch = ev.ModeChanged(at=due.clock.now(), mode=Mode.DRY_RUN, reason="stop")
    during_backup(due, lambda: due.ledger.append([switch]))
    untouched(due, "mode")


def test_the_armory_itself_refuses_in_dry_run(due):
    """The last line: even with every check passed, a source that is not live has no remover."""
    real = due.ledger.append

    def switch_with_the_intent(events, lease=None):
        if any(isinstance(e, ev.RemovalIntended) for e in events):
            real([ev.ModeChanged(at=due.clock.now(), mode=Mode.DRY_RUN, reason="stop")])
        return real(events, lease)

    due.ledger.append = switch_with_the_intent
    report = daily_run(due.services)
    assert due.bi.writes == []
    assert "dry-run" in report.deleted.failed[0]


@pytest.mark.parametrize(
    "event",
    [
        lambda w: ev.Exempted(at=w.clock.now(), key=w.key("1"), reason="needed"),
        lambda w: ev.KeptUntil(at=w.clock.now(), key=w.key("1"), until=w.clock.now().replace(year=2030)),
        lambda w: ev.Restored(
            at=w.clock.now(), key=w.key("1"), immune_until=w.clock.now().replace(year=2030)
        ),
        lambda w: ev.Rescued(
            at=w.clock.now(), key=w.key("1"), episode=0, mode=Mode.LIVE, code="used", reason="clicked keep"
        ),
    ],
    ids=["exempted", "kept", "restored", "rescued"],
)
def test_what_people_said_since_the_plan_counts(due, event):
    during_backup(due, lambda: due.ledger.append([event(due)]))
    untouched(due, "no_longer_due")


def test_the_window_may_close_while_the_batch_runs(due):
    policy = Policy(window=ActionWindow(zone=UTC, opens=time(6), closes=time(7)))
    due.services = replace(due.services, policy=policy)
    during_backup(due, lambda: due.clock.forward(0.1))
    untouched(due, "window")


def plan_then(world, action, only=None):
    """Plan on what was collected, let something happen, then carry the plan out."""
    report = RunReport("r", world.clock.now())
    with one_runner(world.services) as lease:
        collect_stage(world.services, "r", lease)
        transform(world.services, "r", lease)
        prepare_plan(world.services, report, lease)
        action()
        delete_stage(world.services, report, lease, only)
    return report


def test_who_lost_the_lease_removes_nothing_more(due):
    """The backup took longer than the lease lasts, and another runner took over meanwhile."""

    def overtaken():
        due.clock.forward(1)
        due.ledger.acquire("somebody else", due.clock.now(), 900)

    during_backup(due, overtaken)
    with pytest.raises(LeaseLost):
        daily_run(due.services)
    assert due.bi.writes == []


def test_a_view_the_feed_has_not_shown_yet_is_seen_live(due):
    def view():
        due.clock.forward(0.01)
        due.bi.view("1")
        due.clock.forward(0.01)

    plan_then(due, view)
    assert due.bi.writes == []
    assert refusals(due) == ["used"]


def test_a_view_while_the_backup_is_made_is_seen_live(due):
    during_backup(due, lambda: due.bi.view("1"))
    untouched(due, "used")


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ({"title": "Renamed"}, "identity"),
        ({"owner": "eve"}, "identity"),
        ({"folder": "Moved"}, "identity"),
        ({"references": ("schedule 7",)}, "referenced"),
        ({"exists": False}, "already_gone"),
    ],
)
def test_the_platform_has_the_last_word(due, change, guard):
    plan_then(due, lambda: [setattr(due.bi.things["1"], k, v) for k, v in change.items()])
    assert due.bi.writes == []
    assert refusals(due) == [guard]


def test_an_edit_since_the_warning_is_seen_live(due):
    def edit():
        due.bi.things["1"].updated_at = due.clock.now()

    plan_then(due, edit)
    assert refusals(due) == ["changed"]


def test_another_instance_behind_the_name_since_the_collection_is_not_touched(due):
    plan_then(due, lambda: setattr(due.bi, "instance", "instance-2"))
    assert due.bi.writes == []
    assert refusals(due) == ["same_instance"]


def test_a_platform_that_cannot_say_who_it_is_is_not_touched(due):
    error = SourceUnreachable("no answer", source="bi")
    plan_then(due, lambda: due.bi.failing.update(fingerprint=error))
    assert refusals(due) == ["live_check"]


def test_a_platform_that_cannot_be_asked_is_not_touched(due):
    due.bi.failing["look"] = SourceUnreachable("no answer", source="bi")
    untouched(due, "live_check")


@pytest.mark.parametrize("error", [StorageError("disk full"), BackupUnreadable("checksum differs")])
def test_no_backup_no_deletion(due, error):
    def fail():
        raise error

    due.shelf.fail = fail
    untouched(due, "backup")


def test_a_platform_that_cannot_export_is_not_deleted_from(due):
    due.bi.failing["backup"] = SourceBroken("export failed", source="bi", status=500)
    untouched(due, "backup")


def test_unless_that_source_allows_what_cannot_be_recovered(due):
    due.bi.failing["backup"] = SourceBroken("export failed", source="bi", status=500)
    due.services = replace(due.services, allow_unrecoverable=frozenset({"bi"}))
    daily_run(due.services)
    assert due.bi.writes == ["remove 1"]


def test_a_backup_of_something_else_does_not_count(due):
    real = due.shelf.load
    due.shelf.load = lambda path: replace(real(path), manifest={"key": "bi:board:2"})
    untouched(due, "backup")


def test_a_backup_says_what_it_holds_and_what_it_lacks(due):
    daily_run(due.services)
    (saved,) = due.shelf.saved.values()
    assert saved.manifest["fidelity"] == {
        "platform": "fake",
        "platform_version": None,
        "producer": f"bi-governance {__version__}",
        "holds": {"content": ["thing.txt"]},
        "lacks": [str(part) for part in Part if part is not Part.CONTENT],
    }


def test_an_empty_backup_does_not_count(due):
    real = due.shelf.load
    due.shelf.load = lambda path: BackupContent({}, real(path).manifest)
    untouched(due, "backup")


class ReportOnly(ThingReader):
    """A platform whose boards cannot be removed."""

    capabilities = Capabilities(None, {})


def test_types_without_a_route_are_never_removed(due):
    """Whoever was warned while they could be is told the truth by the plan: they no longer can."""
    due.services = replace(due.services, readers={"bi": ReportOnly(due.bi)})
    report = daily_run(due.services)
    assert (due.bi.writes, refusals(due), report.rescued) == ([], [], [due.key("1")])
    [reason] = report.plan.decision(due.key("1")).reasons
    assert (reason.code, str(reason)) == ("not_removable", "this source has no way to remove boards")
    told = due.post.told()
    due.clock.forward(1)
    again = daily_run(due.services)
    assert again.plan.decision(due.key("1")).action is Action.NONE
    assert due.post.told() == told
    assert "bi: 1 unused, only reported: this source has no way to remove boards" in summary(again)[1]


def test_a_way_to_remove_that_is_gone_since_the_plan_is_refused(due):
    reader, real = ThingReader(due.bi), due.ledger.append

    def lose_the_way(events, lease=None):
        if any(isinstance(e, ev.PlanRecorded) for e in events):
            reader.capabilities = Capabilities(None, {})
        return real(events, lease)

    due.ledger.append = lose_the_way
    due.services = replace(due.services, readers={"bi": reader})
    untouched(due, "not_removable")


def test_a_removal_the_platform_refuses_is_recorded_as_failed(due):
    due.bi.failing["remove"] = SourceBroken("server error", source="bi", status=500)
    report = daily_run(due.services)
    assert "server error" in report.deleted.failed[0]
    assert [e.kind for e in due.ledger.events(key=due.key("1"))][-2:] == [
        "removal.intended",
        "removal.failed",
    ]
    del due.bi.failing["remove"]
    due.clock.forward(1)
    daily_run(due.services)
    assert due.bi.writes == ["remove 1"]


def test_gone_already_when_we_remove_it_is_done_not_an_error(due):
    class Racing(ThingReader):
        """Somebody deletes the board between our intent and our call."""

    real = due.ledger.append

    def somebody_is_faster(events, lease=None):
        if any(isinstance(e, ev.RemovalIntended) for e in events):
            due.bi.things["1"].exists = False
        return real(events, lease)

    due.ledger.append = somebody_is_faster
    report = daily_run(due.services)
    assert report.deleted.removed == [due.key("1")]
    assert report.deleted.failed == []


def test_a_removal_that_did_not_take_effect_is_not_recorded_as_done(due, monkeypatch):
    monkeypatch.setattr("tests.flow.world.ThingWriter.remove", lambda self, key: None)
    report = daily_run(due.services)
    assert report.deleted.removed == []
    assert "still shows it" in report.deleted.failed[0]


def test_what_cannot_be_confirmed_stays_open_and_is_settled_by_the_next_run(due, monkeypatch):
    real = ThingReader.look

    def look(self, key, since):
        if due.bi.writes and "blind" not in due.bi.writes:
            due.bi.writes.append("blind")
            raise SourceUnreachable("no answer", source="bi")
        return real(self, key, since)

    monkeypatch.setattr(ThingReader, "look", look)
    report = daily_run(due.services)
    assert "not confirmed" in report.deleted.failed[0]
    assert due.ledger.state().case(due.key("1")).removal is None
    due.clock.forward(1)
    daily_run(due.services)
    assert due.ledger.state().case(due.key("1")).removal is not None
    assert due.bi.writes == ["remove 1", "blind"]


class TestCaps:
    def company(self, tmp_path, **limits):
        settings = {"trial_days": 0, "ramp_first": None, "delete_percent": 100.0, **limits}
        world = World(tmp_path, limits=Limits(**settings))
        for n in range(6):
            world.bi.add(str(n))
        go_live(world)
        daily_run(world.services)
        world.clock.forward(7)
        return world

    @pytest.mark.parametrize("cap", [0, 1, 2, 5, 6, 25])
    def test_a_run_never_deletes_more_than_the_cap(self, tmp_path, cap):
        world = self.company(tmp_path, delete_per_run=cap)
        daily_run(world.services)
        assert len(world.bi.writes) == min(cap, 6)
        daily_run(world.services)
        assert len(world.bi.writes) == min(cap, 6), "a second run the same day must not start a new allowance"
        world.close()

    def test_the_removal_step_counts_what_really_happened(self, tmp_path):
        """Even a plan that lists too much is held to the cap."""
        world = self.company(tmp_path, delete_per_run=6)

        def lower_the_cap():
            world.services = replace(world.services, limits=replace(world.services.limits, delete_per_run=2))

        plan_then(world, lower_the_cap)
        assert len(world.bi.writes) == 2
        assert refusals(world) == ["cap"] * 4
        world.close()


class TestPerOwner:
    """`limits.delete_per_owner`: nobody loses everything in one night."""

    def company(self, tmp_path, cap):
        world = World(tmp_path, limits=Limits(trial_days=0, ramp_first=None, delete_per_owner=cap))
        for number, owner in enumerate(["ada"] * 5 + ["bob"] * 2):
            world.bi.add(str(number), owner=owner)
        go_live(world)
        daily_run(world.services)
        world.clock.forward(7)
        return world

    @pytest.mark.parametrize(
        ("cap", "adas", "bobs"), [(0, 0, 0), (1, 1, 1), (2, 2, 2), (4, 4, 2), (None, 5, 2)]
    )
    def test_a_run_deletes_no_more_of_one_owner_than_it_may(self, tmp_path, cap, adas, bobs):
        world = self.company(tmp_path, cap)
        for _ in range(2):  # repeating a run adds nothing
            report = daily_run(world.services)
            gone = [write.removeprefix("remove ") for write in world.bi.writes]
            assert sum(world.bi.things[n].owner == "ada" for n in gone) == adas
            assert sum(world.bi.things[n].owner == "bob" for n in gone) == bobs
            assert refusals(world) == []
        waiting = [d for d in report.plan.decisions if d.reasons[0].code == "owner_cap"]
        assert len(waiting) == 7 - adas - bobs
        world.close()

    def test_the_rest_goes_on_the_next_days(self, tmp_path):
        world = self.company(tmp_path, 2)
        run_days(world, 3)
        assert len(world.bi.writes) == 7
        world.close()

    def test_the_removal_step_counts_what_really_happened_to_an_owner(self, tmp_path):
        """Even a plan that lists too much is held to it."""
        world = self.company(tmp_path, None)

        def lower_the_cap():
            limits = replace(world.services.limits, delete_per_owner=1)
            world.services = replace(world.services, limits=limits)

        plan_then(world, lower_the_cap)
        assert len(world.bi.writes) == 2
        assert refusals(world) == ["owner_cap"] * 5
        world.close()

    def test_in_dry_run_it_holds_too(self, tmp_path):
        world = World(tmp_path, limits=Limits(trial_days=0, ramp_first=None, delete_per_owner=2))
        for number in "12345":
            world.bi.add(number)
        run_days(world, 7)
        assert len(daily_run(world.services).deleted.simulated) == 2
        assert daily_run(world.services).deleted.simulated == []
        world.close()


def test_delete_with_a_plan_file_removes_only_the_intersection(tmp_path):
    world = World(tmp_path)
    world.bi.add("1")
    world.bi.add("2")
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7)
    plan_then(world, lambda: None, frozenset({world.key("2"), world.key("99")}))
    assert world.bi.writes == ["remove 2"]
    world.close()


def test_the_route_is_written_down(due):
    daily_run(due.services)
    (removed,) = [e for e in due.ledger.events() if isinstance(e, ev.Removed)]
    assert removed.route is RemovalRoute.HARD


def test_what_is_not_settled_yet_is_neither_rescued_nor_deleted_again(due, monkeypatch):
    """Accepted but never confirmed, and the platform does not answer the next day either."""
    due.ledger.append(
        [
            ev.RemovalIntended(
                at=due.clock.now(),
                key=due.key("1"),
                episode=0,
                route=RemovalRoute.HARD,
                backup="b",
                plan_digest="d",
            )
        ]
    )
    due.bi.failing["look"] = SourceUnreachable("no answer", source="bi")
    report = daily_run(due.services)
    (decision,) = report.plan.decisions
    assert [r.code for r in decision.reasons] == ["unsettled"]
    assert due.bi.writes == []
    del due.bi.failing["look"]
    daily_run(due.services)
    assert due.bi.writes == ["remove 1"]


class TestPermissions:
    """What `doctor` asks is asked once a run, before the first removal at each source."""

    LACKING = Probe("see_schedules", ok=False, detail="missing", advice="Give our account the role Admin.")

    @pytest.fixture
    def two(self, tmp_path):
        """Two sources with two boards each that today's run would delete."""
        company = World(tmp_path, "bi", "other")
        for truth in company.platforms.values():
            truth.add("1")
            truth.add("2")
        go_live(company)
        daily_run(company.services)
        company.clock.forward(7)
        yield company
        company.close()

    def test_a_missing_permission_refuses_that_source_s_deletions_with_its_advice(self, two):
        two.bi.lacking.append(self.LACKING)
        report = daily_run(two.services)
        assert two.bi.writes == []
        assert two.platforms["other"].writes == ["remove 1", "remove 2"]
        refused = [e for e in two.ledger.events() if isinstance(e, ev.RemovalRefused)]
        assert [(str(e.key), e.guard, e.reason) for e in refused] == [
            (f"bi:board:{n}", "permissions", "see_schedules: missing - Give our account the role Admin.")
            for n in "12"
        ]
        assert len(report.deleted.refused) == 2
        assert two.shelf.saved.keys() == {"other:board:1/0", "other:board:2/0"}

    def test_it_is_asked_once_a_run_and_again_in_the_next(self, two):
        two.bi.lacking.append(self.LACKING)
        daily_run(two.services)
        assert [p.probed for p in two.platforms.values()] == [1, 1]
        two.bi.lacking.clear()
        two.clock.forward(1)
        daily_run(two.services)
        assert two.bi.probed == 2
        assert two.bi.writes == ["remove 1", "remove 2"]

    def test_where_nothing_is_due_or_live_nothing_is_asked(self, world):
        world.bi.add("1")
        for _ in range(9):
            daily_run(world.services)
            world.clock.forward(1)
        assert world.bi.probed == 0

    def test_a_source_that_cannot_be_asked_is_not_touched(self, due):
        due.bi.failing["probe"] = SourceUnreachable("no answer", source="bi")
        untouched(due, "permissions")

    def test_a_robot_s_name_that_fits_nobody_stops_nothing(self, due):
        unknown = Probe("robot x", ok=False, detail="no such user", advice="Correct it.", is_needed=False)
        due.bi.lacking.append(unknown)
        daily_run(due.services)
        assert due.bi.writes == ["remove 1"]
