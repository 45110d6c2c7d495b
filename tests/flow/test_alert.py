"""What the admins are told once: when something begins that needs them, what to do, and when it is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance import events as ev
from bi_governance.alert import LAST_SUCCESS, alert_silence
from bi_governance.errors import DeliveryError, SourceUnreachable
from bi_governance.explain import status
from bi_governance.guards import Limits
from bi_governance.model import VisualKey
from bi_governance.run import daily_run
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import DAY, START, World


def concerns(world):
    """What was said about concerns, message by message."""
    return [a for a in world.post.announced if a.message_id.startswith("concerns-")]


def summaries(world):
    return [a.lines for a in world.post.announced if a.message_id.startswith("run-")]


def break_down(world, source="bi"):
    world.platforms[source].failing["history"] = SourceUnreachable("no answer", source=source)


def refuse(announcement):
    raise DeliveryError("channel_not_found")


def test_where_nobody_can_say_whether_it_was_told_it_is_told(world):
    world.bi.add("1")
    break_down(world)
    world.post.refuse = "missing_scope"
    daily_run(world.services)
    assert len(concerns(world)) == 1


def test_nothing_wrong_nothing_told(world):
    world.bi.add("1")
    run_days(world, 3)
    assert concerns(world) == []


def test_a_veto_is_told_when_it_begins_and_when_it_ends_and_not_daily(world):
    patient = replace(world.services.limits, feed_max_age=10 * DAY)
    world.services = replace(world.services, limits=patient)
    world.bi.add("1")
    go_live(world)
    run_days(world, 1)
    break_down(world)
    run_days(world, 3)
    (told,) = concerns(world)
    assert told.title == "bi: please look"
    first, todo = told.lines
    assert first.startswith("bi: collection_complete - nobody is warned and nothing deleted there, because")
    assert "no answer" in first
    assert todo.startswith("What to do: Run `bi-governance doctor`")
    for lines in summaries(world)[2:]:
        assert [line for line in lines if "bi" in line.split()[:2] and "Stopped" in line] == [lines[-1]]
        assert lines[-1].startswith("Stopped bi since 2026-03-03: collection_complete")
        assert "no answer" not in " ".join(lines)
    world.bi.failing.clear()
    run_days(world, 3)
    began, *_, ended = concerns(world)
    assert began == told
    assert (ended.title, ended.lines) == (
        "bi: all is well again", ("Over: bi: collection_complete (known since 2026-03-03)",)
    )  # fmt: skip
    break_down(world)
    run_days(world, 2)
    assert concerns(world)[-1].title == "bi: please look"
    assert len({a.message_id for a in concerns(world)}) == len(concerns(world))


def test_the_terminal_and_the_ledger_keep_all_the_reasons(world):
    world.bi.add("1")
    break_down(world)
    run_days(world, 2)
    for event in world.ledger.events():
        if isinstance(event, ev.RunFinished):
            assert "no answer" in event.summary


def test_what_could_not_be_told_is_told_by_the_next_run(world, monkeypatch):
    world.bi.add("1")
    break_down(world)
    with monkeypatch.context() as patch:
        patch.setattr(world.post, "announce", refuse)
        report = daily_run(world.services)
    assert report.problems[0] == "the admins could not be told of what needs them: channel_not_found"
    assert world.ledger.state().concerns == {}
    world.clock.forward(1)
    daily_run(world.services)
    assert len(concerns(world)) == 1


def test_a_crash_after_telling_tells_nothing_twice(world):
    world.bi.add("1")
    break_down(world)
    real = world.ledger.append

    def crash(events, lease=None):
        if any(isinstance(e, ev.ConcernRaised) for e in events):
            raise KeyboardInterrupt
        return real(events, lease)

    world.ledger.append = crash
    with pytest.raises(KeyboardInterrupt):
        daily_run(world.services)
    world.ledger.append = real
    daily_run(world.services)
    assert len(concerns(world)) == 1
    assert ("bi", "collection_complete", "") in world.ledger.state().open_concerns()


def test_a_run_of_one_source_says_nothing_about_the_others(tmp_path):
    world = World(tmp_path, "bi", "other")
    break_down(world, "other")
    daily_run(world.services)
    only = {"bi": world.services.readers["bi"]}
    world.clock.forward(1)
    daily_run(replace(world.services, readers=only))
    assert len(concerns(world)) == 1
    assert world.ledger.state().open_concerns()
    world.close()


class TestCrawler:
    """One account looks at everything, every day."""

    @pytest.fixture
    def crawled(self, world):
        for n in range(25):
            world.bi.add(str(n))
        go_live(world)
        return world

    def crawl(self, world, days, who="spider"):
        for _ in range(days):
            for n in range(25):
                world.bi.view(str(n), who, world.clock.now() - timedelta(hours=1))
            daily_run(world.services)
            world.clock.forward(1)

    def test_a_crawler_is_told_once_by_name(self, crawled):
        self.crawl(crawled, 3)
        (told,) = concerns(crawled)
        assert "spider (spider@acme.example) used 25 different visuals on" in told.lines[0]
        assert "add spider@acme.example to sources.bi.robots" in told.lines[1]
        assert "Still to look at bi: actor_domination spider" in summaries(crawled)[-1]

    def test_it_stops_nothing(self, crawled):
        crawled.bi.add("idle")
        self.crawl(crawled, 9)
        assert crawled.bi.writes == ["remove idle"]

    def test_listed_as_a_robot_it_is_over(self, crawled):
        self.crawl(crawled, 1)
        self.crawl(crawled, 1, "robot")
        assert len(concerns(crawled)) == 1
        crawled.clock.forward(9)
        self.crawl(crawled, 1, "robot")
        assert concerns(crawled)[-1].lines[0].startswith("Over: bi: actor_domination spider")


class TestWarningFatigue:
    """Twenty-five owners' warnings, and hardly anybody does anything about them."""

    @pytest.fixture
    def warned(self, world):
        for n in range(25):
            world.bi.add(str(n))
        go_live(world)
        run_days(world, 1)
        return world

    def unread(self, world):
        return [a for a in concerns(world) if "warnings_unread" in a.lines[0]]

    def test_warnings_nobody_reads_are_told_to_the_admins_once(self, warned):
        warned.bi.view("3")
        run_days(warned, 6)
        assert self.unread(warned) == []
        run_days(warned, 4)
        (told,) = self.unread(warned)
        assert "only 1 of 25 warned visuals (4%) got a reaction" in told.lines[0]
        assert len(warned.bi.writes) == 24
        (source,) = status(warned.services).sources
        assert (source.attention.asked, source.attention.answered) == (25, 1)
        assert source.to_json()["acknowledged"] == 1

    def test_with_some_reactions_nobody_is_called(self, warned):
        for n in range(3):
            warned.bi.view(str(n))
        run_days(warned, 10)
        assert self.unread(warned) == []


class TestCanaries:
    @pytest.fixture
    def watched(self, tmp_path):
        """A company with a board somebody opens every day, and one nobody does."""
        made = World(tmp_path, canaries={"bi": (VisualKey("bi", "board", "busy"),)})
        made.bi.add("busy")
        made.bi.add("idle")
        made.services = replace(made.services, limits=replace(made.services.limits, canary_days=5))
        go_live(made)
        yield made
        made.close()

    def days(self, world, count, *, is_seen=True):
        for _ in range(count):
            if is_seen:
                world.bi.view("busy", at=world.clock.now() - timedelta(hours=1))
            report = daily_run(world.services)
            world.clock.forward(1)
        return report

    def test_as_long_as_it_sings_all_goes_on(self, watched):
        assert self.days(watched, 8).outcome == "done"
        assert watched.bi.writes == ["remove idle"]

    def test_a_canary_that_fell_silent_stops_its_source(self, watched):
        self.days(watched, 1)
        report = self.days(watched, 20, is_seen=False)
        assert [(v.source, v.guard) for v in report.plan.vetoes] == [("bi", "canaries")]
        assert watched.bi.writes == []
        (told,) = concerns(watched)
        assert "bi:board:busy was last seen to be used on" in told.lines[0]
        assert "Open the canary at the platform" in told.lines[1]

    def test_a_canary_that_is_gone_or_never_was_stops_its_source(self, watched):
        self.days(watched, 1)
        watched.bi.things["busy"].exists = False
        report = self.days(watched, 8)
        assert [v.reason for v in report.plan.vetoes] == ["bi:board:busy is not in the inventory"]
        assert watched.bi.writes == []

    def test_a_robot_is_no_proof(self, watched):
        watched.bi.view("busy", "robot", watched.clock.now() - DAY)
        report = daily_run(watched.services)
        assert [v.reason for v in report.plan.vetoes] == ["bi:board:busy was never seen to be used"]

    def test_two_weeks_by_default(self):
        assert Limits().canary_days == 14


class TestSilence:
    """No run has succeeded for longer than `schedule.alarm_after_hours`."""

    BEGUN = START - 100 * DAY

    def watch(self, world):
        """What `serve` does every hour."""
        two_days = timedelta(hours=48)
        return alert_silence(world.ledger, world.post, world.clock, two_days, self.BEGUN)

    def test_an_old_last_success_calls_the_admins_once_and_the_next_success_says_so(self, world):
        world.bi.add("1")
        daily_run(world.services)
        world.clock.forward(2)
        assert not self.watch(world)
        assert concerns(world) == []
        world.clock.forward(0.01)
        for _ in range(3):
            assert self.watch(world)
            world.clock.forward(1 / 24)
        (told,) = concerns(world)
        assert told.title == "bi-governance: no run has succeeded for 48 hours"
        assert told.lines[0].startswith("Last success: 2026-03-02 06:00 UTC.")
        assert "bi-governance doctor" in told.lines[-1]
        assert daily_run(world.services).outcome == "done"
        said = "Runs succeed again; the last one to succeed before this was on 2026-03-02 06:00 UTC"
        assert any(line.startswith(said) for line in summaries(world)[-1])
        assert not self.watch(world)
        run_days(world, 1)
        assert not any("Runs succeed again" in line for line in summaries(world)[-1])
        world.clock.forward(3)
        assert self.watch(world)
        assert len(concerns(world)) == 2

    def test_a_run_that_failed_is_no_success(self, world):
        world.bi.add("1")
        daily_run(world.services)
        break_down(world)
        world.clock.forward(3)
        assert daily_run(world.services).outcome == "failed"
        assert self.watch(world)
        assert not any("Runs succeed again" in line for line in summaries(world)[-1])
        assert LAST_SUCCESS in world.ledger.state().open_concerns()

    def test_before_the_first_success_it_counts_from_the_first_start(self, world):
        break_down(world)
        daily_run(world.services)
        world.clock.forward(1)
        assert not self.watch(world)
        world.clock.forward(1.01)
        assert self.watch(world)
        assert "Last success: never." in concerns(world)[-1].lines[0]

    def test_a_service_that_never_got_a_run_started_is_noticed_too(self, world):
        assert self.watch(world)

    def test_what_was_not_accepted_is_told_an_hour_later(self, world, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(world.post, "announce", refuse)
            with pytest.raises(DeliveryError):
                self.watch(world)
        self.watch(world)
        assert len(concerns(world)) == 1
