"""Per owner: how many of one person's visuals one run may delete, counted from what really happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bi_governance.guards import LATELY
from bi_governance.lifecycle import State
from bi_governance.model import Facts, VisualKey


def owner_of(facts: Facts | None) -> str:
    """The owner's id at their source; empty where nobody knows, so that it may be anybody's."""
    return facts.owner.id if facts is not None and facts.owner is not None else ""


@dataclass(frozen=True, slots=True)
class OwnerTurns:
    """Whose turn it still is; without a `cap` always everybody's, and 0 means nobody's."""

    cap: int | None
    owners: Mapping[VisualKey, str]
    taken: Counter[tuple[str, str]]

    @classmethod
    def of(cls, estate: Iterable[Facts], state: State, cap: int | None, now: datetime) -> OwnerTurns:
        """What is left after the deletions (in dry-run: simulated ones) of the last 20 hours.

        What was begun and is not settled yet counts as deleted.
        """
        if cap is None:
            return cls(None, {}, Counter())
        owners = {f.key: owner_of(f) for f in estate}
        lately = [(r.key.source, r.owner_id) for r in state.removals if now - r.at < LATELY]
        for key, case in state.cases.items():
            if case.last_simulated_at is not None and now - case.last_simulated_at < LATELY:
                lately.append((key.source, owners.get(key, "")))
            if case.removal_intended is not None and now - case.removal_intended.at < LATELY:
                lately.append((key.source, case.removal_intended.owner_id))
        return cls(cap, owners, Counter(lately))

    def is_over(self, key: VisualKey) -> bool:
        """Whether its owner has lost as much as they may in one run."""
        if self.cap is None:
            return False
        source, owner = self._whose(key)
        # What has no known owner may be anybody's: it counts against everybody, and everybody's against it.
        theirs = [n for (at, who), n in self.taken.items() if at == source and who and owner in ("", who)]
        return max(theirs, default=0) + self.taken[source, ""] >= self.cap

    def take(self, key: VisualKey) -> None:
        """Count one more deletion."""
        self.taken[self._whose(key)] += 1

    def _whose(self, key: VisualKey) -> tuple[str, str]:
        return key.source, self.owners.get(key, "")
