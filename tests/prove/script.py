"""What happens in one simulated world, as plain data: drawn from a seed, and cut down when it fails."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.prove.company import LOOKER, SUPERSET

FOREVER = None


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody does something to the visual of that number (of those there are by then)."""

    what: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one server does to requests during one run; `sort` says what may be expected of it.

    `feed`: history or inventory cannot be read, and everybody can see that. `silent`: history answers that
    nothing happened. `any`: whatever comes of it.
    """

    where: str
    sort: str
    match: str
    kind: str
    status: int = 500
    after: int = 0
    times: int | None = FOREVER


@dataclass(frozen=True, slots=True)
class Run:
    """One daily run: what goes wrong around it, at which effect it dies, who interferes at which."""

    troubles: tuple[Trouble, ...] = ()
    dies_at: int = 0
    dies_before: bool = False
    tried_at_once: bool = False
    meanwhile: tuple[int, Act] | None = None
    again: bool = False
    fails_a_test: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """People first, then perhaps a run the next morning."""

    acts: tuple[Act, ...] = ()
    run: Run | None = None
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """One world: its settings and its days."""

    settings: dict[str, Any] = field(default_factory=dict)
    days: tuple[Day, ...] = ()


ACTS = (
    *("use",) * 5, *("make",) * 5, *("live",) * 3, "stop", "live one", "stop one", "robot", "robot",
    "rename", "edit", "give", "schedule", "unschedule", "unschedule", "certify", "uncertify", "uncertify",
    "put on", "lose", "bring back", "keep", "exempt", "unexempt", "unexempt", "press keep",
    *("press delete",) * 4, "restore", "restore", "press restore",
)  # fmt: skip
MEANWHILE = ("stop", "keep", "exempt", "use", "use", "rename", "give", "schedule", "lose", "certify")
PATHS = {
    LOOKER: {
        "history": "POST /api/4.0/queries/run",
        "inventory": "GET /api/4.0/(dashboards|looks|users|folders)(/search)?$",
        "look": "GET /api/4.0/(dashboards|looks)/[0-9]+$",
        "remove": "PATCH /api/4.0/(dashboards|looks)/",
    },
    SUPERSET: {
        "history": "GET /api/v1/log/",
        "inventory": "GET /api/v1/(dashboard|chart|security/users)/$",
        "look": "GET /api/v1/(dashboard|chart)/",
        "remove": "DELETE /api/v1/(dashboard|chart)/",
    },
}
SLACK_PATHS = ("chat.postMessage", "chat.update", "conversations.open", "conversations.history", "users", "")
SLACK_KINDS = (("status", 500), ("status", 429), ("drop", 0), ("lost", 0), ("html", 0))
KINDS = (("status", 500), ("status", 403), ("drop", 0), ("lost", 0), ("expire_token", 0))


def draw(seed: int, days: int, share: float | None = None) -> Script:
    """The script of a seed, the same for ever; `share` of its days have a run, else the seed decides."""
    chance = random.Random(seed)
    settings = {
        "limits": {
            "delete_per_run": chance.choice([25, 25, 2, 1, 0]),
            "delete_percent": chance.choice([100, 100, 20, 0]),
            "delete_percent_min_population": chance.choice([2, 50]),
            "ramp": chance.choice([None, None, {"first": 1, "factor": 2, "clean_days": 3}]),
        },
        "trial": {"days": chance.choice([0, 0, 3])},
        "dry_run": {"notices": chance.choice(["channel", "owners", "none"])},
    }
    if settings["limits"]["delete_percent"] == 0 and chance.random() < 0.7:
        settings["limits"]["delete_percent"] = 100
    drawn = chance.choice([0.9, 0.5, 0.3])
    lived = tuple(_day(chance, number, share or drawn) for number in range(days))
    # By dice of its own, so that the worlds of all seeds stay as they were.
    admin = random.Random(f"approval {seed}")
    if admin.random() < 0.3:
        settings["limits"]["approval"] = True
        lived = tuple(_approving(admin, day) for day in lived)
    return Script(settings, lived)


def _approving(chance: random.Random, day: Day) -> Day:
    """On most days an admin approves what waits, some of it only on some."""
    if chance.random() > 0.6:
        return day
    return replace(day, acts=(*day.acts, Act("approve", chance.randrange(1000))))


def _day(chance: random.Random, number: int, share: float) -> Day:
    acts = [_act(chance, ACTS) for _ in range(chance.choice([0, 0, 1, 1, 2, 3]))]
    if number == 1:
        acts.append(Act("live"))
    run = _run(chance) if number == 0 or chance.random() < share else None
    return Day(tuple(acts), run, chance.random() < 0.1)


def _act(chance: random.Random, kinds: tuple[str, ...]) -> Act:
    return Act(chance.choice(kinds), chance.randrange(1000))


def _run(chance: random.Random) -> Run:
    if chance.random() < 0.1:
        return Run(again=True)
    run = Run()
    if chance.random() < 0.3:
        drawn = [_trouble(chance) for _ in range(chance.choice([1, 1, 2]))]
        # At most one for each server, so that what may be expected of it is known.
        run = replace(run, troubles=tuple({t.where: t for t in drawn}.values()))
    if chance.random() < 0.18:
        run = replace(
            run,
            dies_at=chance.choice([chance.randint(1, 12), chance.randint(8, 40), chance.randint(20, 90)]),
            dies_before=chance.random() < 0.5,
            tried_at_once=chance.random() < 0.5,
        )
    if chance.random() < 0.15:
        run = replace(run, meanwhile=(chance.randint(8, 60), _act(chance, MEANWHILE)))
    return replace(run, fails_a_test=chance.random() < 0.03)


def _trouble(chance: random.Random) -> Trouble:
    where = chance.choice([LOOKER, SUPERSET, "slack"])
    if where == "slack":
        match = chance.choice(SLACK_PATHS)
        kind, status = chance.choice(SLACK_KINDS)
        return Trouble(where, "any", match, kind, status, chance.randrange(4), chance.choice([1, 3, FOREVER]))
    paths, sort = PATHS[where], chance.choice(["feed", "feed", "silent", "any", "any"])
    if sort == "silent":
        return Trouble(where, sort, paths["history"], "empty")
    if sort == "feed":
        kind, status = chance.choice([("status", 500), ("status", 403), ("drop", 0), ("html", 0)])
        return Trouble(where, sort, paths[chance.choice(["history", "inventory"])], kind, status)
    match = chance.choice([paths["look"], paths["remove"], paths["remove"], ""])
    kind, status = chance.choice(KINDS)
    after = chance.randrange(3) if match else chance.randrange(140)
    return Trouble(where, sort, match, kind, status, after, chance.choice([1, 2, FOREVER]))


def smaller(script: Script) -> Iterator[Script]:
    """The same world with a little less happening, the boldest cuts first."""
    days = script.days
    for size in (16, 8, 4, 2):
        for start in range(0, len(days), size):
            cut = days[start : start + size]
            if any(day != Day() for day in cut):
                yield replace(script, days=days[:start] + (Day(),) * len(cut) + days[start + size :])
    for place, day in enumerate(days):
        for less in _less(day):
            yield replace(script, days=(*days[:place], less, *days[place + 1 :]))


def _less(day: Day) -> Iterator[Day]:
    for number in range(len(day.acts)):
        yield replace(day, acts=day.acts[:number] + day.acts[number + 1 :])
    if day.run not in (None, Run()):
        yield replace(day, run=Run())
        yield replace(day, run=replace(day.run, troubles=()))
        yield replace(day, run=replace(day.run, dies_at=0))
        yield replace(day, run=replace(day.run, meanwhile=None))
    if day.is_quiet:
        yield replace(day, is_quiet=False)
