"""Warnings through the real notifier and slack_sdk over a Slack that limits, loses answers and fails."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bi_governance import events as ev
from bi_governance.model import Action, Facts, Mode, Person, VisualKey
from bi_governance.notify import SlackNotifier
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.ports import Services, TrialNotices
from bi_governance.run import daily_run, one_runner
from bi_governance.run_report import summary
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import Fault
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_limits import RateLimits
from bi_governance.usage import Usage
from bi_governance.warn import WarnReport, settle_notices, warn
from tests.flow.test_daily_run import go_live
from tests.flow.world import START, World
from tests.notify.block_rules import problems, texts
from tests.notify.samples import NASTY_TITLES, ZONE

CHANNEL = "bi-deprecation"
POST = "chat.postMessage"


@dataclass
class Company:
    """A workspace and the services that tell its people, on one clock that only sleeping moves."""

    slack: SlackSandbox
    clock: SimulatedClock
    services: Services
    waits: list[float]

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    def notifier(self, **changes: Any) -> SlackNotifier:
        return SlackNotifier(
            token=self.slack.token,
            channel=f"#{CHANNEL}",
            admin_channel="#analytics",
            zone=ZONE,
            clock=self.clock,
            base_url=f"{self.slack.serve().url}/api/",
            sleep=self.sleep,
            **{"tick": lambda: self.clock.now().timestamp(), **changes},
        )

    def told(self) -> dict[str, list[tuple[str, Any]]]:
        """Per visual key, who has a message about it: an address or a channel's name."""
        found = defaultdict(list)
        for message in self.slack.messages():
            channel = self.slack.channels[message.channel]
            if channel.name == "analytics":
                continue
            assert problems(message.blocks) == []
            for text in texts(message.blocks):
                if text.startswith("\nbi:board:"):
                    key = text.strip().partition("\n")[0].partition(" · ")[0]
                    found[key].append((self._reader(channel), message))
        return found

    def _reader(self, channel: Any) -> str:
        (member,) = channel.members - {self.slack.bot_user_id} if channel.im else ("",)
        return str(self.slack.members[member].email) if member else f"#{channel.name}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("slack"))
    yield made
    made.close()


@pytest.fixture
def company(tmp_path) -> Iterator[Company]:
    made = World(tmp_path)
    with working_for(made, RateLimits()) as opened:
        yield opened
    made.close()


class working_for:  # noqa: N801 - reads as a verb
    """A company's Slack, served."""

    def __init__(self, world: World, limits: RateLimits | None) -> None:
        self.world = world
        self.slack = SlackSandbox(SimulatedClock(START), limits=limits)
        for channel in (CHANNEL, "analytics"):
            self.slack.add_channel(channel)

    def __enter__(self) -> Company:
        self.slack.serve().start()
        made = Company(self.slack, self.slack.clock, self.world.services, [])
        # The lease is renewed by real time, and here hours pass in none.
        changes = {"clock": made.clock, "notifier": made.notifier(), "lease_seconds": 10**6}
        made.services = replace(self.world.services, trial_notices=TrialNotices.OWNERS, **changes)
        return made

    def __exit__(self, *_: object) -> None:
        self.slack.serve().stop()


# Any estate

OWNERS = ("on_slack", "shouting", "shared", "ghost", "left", "bot", "inactive", "nameless", "nobody")
TITLES = st.one_of(st.sampled_from(NASTY_TITLES), st.text(max_size=80), st.text(min_size=400, max_size=600))
ESTATES = st.lists(st.tuples(st.sampled_from(OWNERS), TITLES), min_size=1, max_size=40)
TROUBLE = st.lists(
    st.builds(
        Fault,
        st.sampled_from([POST, "lookupByEmail", "conversations.open", "conversations.history"]),
        st.sampled_from(["drop", "lost", "html", "status"]),
        times=st.integers(1, 4),
        after=st.integers(0, 5),
        status=st.sampled_from([429, 500, 502, 503]),
        retry_after=st.sampled_from([1, 30, 90]),
    ),
    max_size=4,
)


def people(slack: SlackSandbox, number: int) -> dict[str, tuple[Person | None, str]]:
    """An owner of every sort, and who must be told in their place."""

    def address(name: str) -> str:
        return f"{name}.{number}@acme.example"

    for name, how in {
        "on_slack": {},
        "shouting": {},
        "shared": {},
        "left": {"active": False},
        "bot": {"bot": True},
        "inactive": {},
    }.items():
        slack.add_member(address(name), name.title(), **how)
    owners = {name: Person(name, name.title(), address(name), active=True) for name in OWNERS}
    channel = f"#{CHANNEL}"
    return {
        **{name: (owners[name], address(name)) for name in ("on_slack", "shared")},
        "shouting": (replace(owners["shouting"], email=address("shouting").upper()), address("shouting")),
        **{name: (owners[name], channel) for name in ("ghost", "left", "bot")},
        "inactive": (replace(owners["inactive"], active=False), channel),
        "nameless": (replace(owners["nameless"], email=None), channel),
        "nobody": (None, channel),
    }


def facts_of(number: int, index: int, title: str, owner: Person | None) -> Facts:
    key = VisualKey("bi", "board", f"e{number:04}-{index:03}")
    return Facts(key, "fake", title, "https://bi.example/1", "Shared", owner)


def warned(services: Services, estate: Sequence[Facts], number: int, mode: Mode) -> WarnReport:
    """Settle what is open, and warn about all that was not told yet."""
    with one_runner(services) as lease:
        state = services.ledger.state()
        run_id = f"run-{number}-{len(state.unsettled_notices)}-{services.clock.now().timestamp()}"
        settle_notices(services, state, lease, run_id)
        done = {e.key for e in services.ledger.events() if isinstance(e, ev.NoticeDelivered)}
        now = services.clock.now()
        usage = Usage(now - timedelta(days=53), "viewed", None, timedelta(days=53), now, timedelta(0), now)
        decisions = tuple(Decision(f.key, Action.WARN, (), 0, usage) for f in estate if f.key not in done)
        plan = Plan(run_id, now, decisions, (), {"bi": mode})
        return warn(services, plan, estate, lease)


NUMBERS = iter(range(10**6))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@example(  # whether it arrived cannot be found out in the same run
    estate=[("on_slack", "Sales")],
    trouble=[Fault(POST, "lost"), Fault("conversations.history", "drop", times=3)],
    mode=Mode.LIVE,
)
@example(  # one look-up fails, and the others are told all the same
    estate=[("on_slack", "Sales"), ("shared", "Margins"), ("nobody", "Costs")],
    trouble=[Fault("lookupByEmail", "status", status=429, retry_after=90)],
    mode=Mode.LIVE,
)
@example(estate=[("shared", "Sales")] * 40, trouble=[Fault(POST, "lost", times=2)], mode=Mode.LIVE)
@given(estate=ESTATES, trouble=TROUBLE, mode=st.sampled_from([Mode.LIVE, Mode.DRY_RUN]))
def test_every_warned_visual_is_in_exactly_one_message_of_exactly_its_owner(world, estate, trouble, mode):
    number = next(NUMBERS)
    with working_for(world, RateLimits()) as company:
        sorts = people(company.slack, number)
        facts = [facts_of(number, n, title, sorts[owner][0]) for n, (owner, title) in enumerate(estate)]
        readers = {str(f.key): sorts[owner][1] for f, (owner, _) in zip(facts, estate, strict=True)}

        company.slack.faults.add(*trouble)
        report = warned(company.services, facts, number, mode)
        assert {str(u.key) for u in report.untold} == readers.keys() - delivered(company, number).keys()
        assert once(company) <= readers.items()

        company.slack.faults.clear()
        company.sleep(3600)
        company.services = replace(company.services, notifier=company.notifier())
        again = warned(company.services, facts, number, mode)
        assert again.untold == []
        assert once(company) == readers.items()
        receipts = {key: (m.channel, m.ts) for key, [(_, m)] in company.told().items()}
        assert delivered(company, number) == receipts


def once(company: Company) -> set[tuple[str, str]]:
    """Visual and reader, after making sure that no visual has two."""
    told = company.told()
    assert {key: len(found) for key, found in told.items()} == dict.fromkeys(told, 1)
    return {(key, reader) for key, [(reader, _)] in told.items()}


def delivered(company: Company, number: int) -> dict[str, tuple[str, str]]:
    """What the ledger says was delivered, each once."""
    prefix = f"bi:board:e{number:04}"
    found = [
        e
        for e in company.services.ledger.events()
        if isinstance(e, ev.NoticeDelivered) and str(e.key).startswith(prefix)
    ]
    assert len({e.key for e in found}) == len(found)
    return {str(e.key): (e.channel, e.ts) for e in found}


# Thousands of owners


def moody(slack: SlackSandbox, seed: int) -> dict[str, int]:
    """Let one call in twenty go wrong: refused for a while, failed, or its answer lost. Counts them."""
    chance, met = random.Random(seed), defaultdict(int)

    def take(method: str, path: str) -> list[Fault]:
        roll = chance.random()
        if roll < 0.03:
            fault = Fault("", "status", status=429, retry_after=chance.randint(1, 30))
        elif roll < 0.04:
            fault = Fault("", "status", status=500)
        elif roll < 0.05:
            fault = Fault("", "lost")
        else:
            return []
        met[f"{fault.kind} {fault.status}"] += 1
        return [fault]

    slack.faults.take = take
    return met


def test_2000_owners_of_a_moody_slack_are_all_told_once(company: Company):
    slack, number, owners = company.slack, 9999, int(__import__("os").environ.get("N", "2000"))
    met = moody(slack, seed=4)
    names = [f"o{n}" for n in range(owners)]
    for name in names:
        slack.add_member(f"{name}@acme.example", name)
    facts = [
        facts_of(number, n, f"Board {n}", Person(name, name, f"{name}@acme.example", active=True))
        for n, name in enumerate(names)
    ]
    report = warned(company.services, facts, number, Mode.LIVE)
    assert report.delivered + len(report.untold) == owners
    assert report.delivered > 0.95 * owners
    again = warned(company.services, facts, number, Mode.LIVE)
    last = warned(company.services, facts, number, Mode.LIVE) if again.untold else again
    assert last.untold == []
    assert once(company) == {(str(f.key), f.owner.email) for f in facts}
    assert delivered(company, number).keys() == {str(f.key) for f in facts}
    assert min(met["status 429"], met["status 500"], met["lost 500"]) > 20
    by_limit = [r for r in slack.requests if r.status == 429]
    assert len(by_limit) == met["status 429"]  # ours were paced: Slack's own limits were never met
    # Fifty conversations a minute: most of it is waiting, and none of it was slept through here.
    assert sum(company.waits) > owners / 50 * 60


@pytest.mark.parametrize("is_paced", [True, False])
def test_without_pacing_slack_would_have_to_insist(company: Company, is_paced: bool):
    """The same work twice: by a clock that runs, and by one that always says enough time has passed."""
    later = iter(range(0, 10**9, 3600))
    ticks = {} if is_paced else {"tick": lambda: float(next(later))}
    notifier = company.notifier(**ticks)
    facts = [
        facts_of(9998, n, f"Board {n}", None if n % 2 else Person(f"o{n}", "", f"o{n}@acme.example"))
        for n in range(150)
    ]
    for f in facts:
        if f.owner:
            company.slack.add_member(f.owner.email, f.owner.id)
    services = replace(company.services, notifier=notifier)
    assert warned(services, facts, 9998, Mode.LIVE).untold == []
    assert len(once(company)) == len(facts)
    insisted = [r.path.rpartition("/")[2] for r in company.slack.requests if r.status == 429]
    assert set(insisted) == (set() if is_paced else {POST, "users.lookupByEmail", "conversations.open"})


# What the analytics team hears


def test_the_summary_says_who_could_not_be_told_how_many_and_why(tmp_path):
    """Not delivered, hence not notified, hence not deleted, however long it goes on."""
    world = World(tmp_path)
    for n in range(30):
        world.bi.add(str(n), owner="ada" if n % 3 else "ben")
    go_live(world)
    with working_for(world, None) as company:
        company.slack.add_member("ada@acme.example", "Ada Lovelace")
        company.slack.add_member("ben@acme.example", "Ben Franklin")
        (ben,) = (m.id for m in company.slack.members.values() if m.email == "ben@acme.example")
        real = company.slack._methods["conversations.open"]
        refuse_ben(company.slack, ben)
        for _ in range(12):
            report = daily_run(company.services)
            company.clock.advance(timedelta(days=1))
        assert report.outcome == "failed"
        _, lines = summary(report)
        assert (
            "Could not be told: 1 reader(s) about 10 visual(s). Without a warning 10 of these will not "
            in ("\n".join(lines))
        )
        (told,) = (line for line in lines if line.startswith("Not told about"))
        assert told.startswith(
            "Not told about 10 visual(s): Ben Franklin: Slack refused conversations.open: "
        )
        assert any(told in "\n".join(texts(m.blocks)) for m in company.slack.messages("#analytics")[-1:])
        assert world.bi.writes
        assert {int(w.removeprefix("remove ")) % 3 for w in world.bi.writes} == {1, 2}
        company.slack._methods["conversations.open"] = real
        assert daily_run(company.services).outcome == "done"
    world.close()


def refuse_ben(slack: SlackSandbox, ben: str) -> None:
    """Slack will not open a conversation with one member."""
    scope, real = slack._methods["conversations.open"]

    def picky(arguments):
        return real({**arguments, "users": "U999" if ben in str(arguments["users"]) else arguments["users"]})

    slack._methods = {**slack._methods, "conversations.open": (scope, picky)}
