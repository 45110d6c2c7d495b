"""When a visual was last used, and for how long history proves that it was not."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bi_governance.cases import Case
from bi_governance.model import Facts, VisualKey
from bi_governance.rules import Policy, Terms


class KnownUse(enum.StrEnum):
    """What history says of a visual; what it does not reach is unknown, never unused."""

    USED = "used"
    UNUSED = "unused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """When a visual was last used and how long it is proven idle since then.

    `via` names the visual whose use counted when that was a container; `idle` is covered time only.
    """

    last_used: datetime | None
    how: str
    via: VisualKey | None
    idle: timedelta
    idle_since: datetime | None
    gap: timedelta
    through: datetime | None


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The living containers around the visuals of one estate snapshot, with their cases."""

    facts: Mapping[VisualKey, Facts]
    cases: Mapping[VisualKey, Case]

    def case(self, key: VisualKey) -> Case:
        return self.cases.get(key) or Case(key)

    def containers(self, key: VisualKey) -> tuple[VisualKey, ...]:
        """All living containers of a visual, direct ones first, each once."""
        found: dict[VisualKey, None] = {}
        queue = [key]
        while queue:
            facts = self.facts.get(queue.pop(0))
            for container in facts.containers if facts else ():
                if container not in found and container != key and self.is_alive(container):
                    found[container] = None
                    queue.append(container)
        return tuple(found)

    def is_alive(self, key: VisualKey) -> bool:
        """Unknown containers count as alive: less information never frees a visual."""
        facts = self.facts.get(key)
        return facts is None or not facts.is_trashed


def usage_of(facts: Facts, around: Neighbourhood, policy: Policy, now: datetime) -> Usage:
    """Last use of a visual (or of a living container) and its proven idle time up to `now`."""
    coverage = facts.coverage.until(now)
    used = max(_uses(facts.key, around, policy, now), default=None, key=lambda use: use[0])
    if used is None or coverage.start is None:
        moment, how, via = used or (None, "no known use", None)
        return Usage(moment, how, via, timedelta(0), None, timedelta(0), coverage.through)
    moment, how, via = used
    since = max(moment, coverage.start)
    return Usage(
        moment, how, via, coverage.since(moment), since, coverage.gap_after(moment), coverage.through
    )


def known_use(usage: Usage, terms: Terms) -> KnownUse:
    """Used, unused for as long as a warning takes, or unknown: no covered day says either."""
    if usage.last_used is None or usage.idle_since is None:
        return KnownUse.UNKNOWN
    return KnownUse.UNUSED if usage.idle >= terms.idle - terms.warning else KnownUse.USED


def _uses(
    key: VisualKey, around: Neighbourhood, policy: Policy, now: datetime
) -> list[tuple[datetime, str, VisualKey | None]]:
    found: list[tuple[datetime, str, VisualKey | None]] = []
    for member in (key, *around.containers(key)):
        facts = around.facts.get(member)
        if facts is None:
            continue
        via = None if member == key else member
        for moment, how in own_uses(facts, around.case(member), policy):
            # A clock that runs ahead must not hide a use: what is dated later than now happened now.
            found.append((min(moment, now), how, via))
    return found


def own_uses(facts: Facts, case: Case, policy: Policy) -> list[tuple[datetime, str]]:
    """Every moment that counts as use of the visual itself, with its name."""
    created = facts.created_at or (facts.first_seen_at if facts.updated_at is None else None)
    moments = (
        (created, "created"),
        (facts.updated_at, "changed"),
        (facts.last_delivered_at if policy.count_deliveries else None, "delivered"),
        (facts.last_viewed_at, "viewed"),
        # Whoever takes something out of the trash wants it, and no platform counts that as a change.
        (facts.returned_at, "taken out of the trash"),
        (case.restored_at, "restored"),
    )
    return [(moment, how) for moment, how in moments if moment is not None]


def shown_day(moment: datetime | None) -> str:
    """A day for people, by UTC."""
    return f"{moment:%Y-%m-%d}" if moment else "an unknown date"
