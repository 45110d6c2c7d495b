"""What the ledger says, held against what the servers have: once all is settled, the two agree exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from bi_governance import events as ev
from bi_governance.errors import StorageError
from bi_governance.ledger import SqlLedger
from bi_governance.model import NoticeKind, VisualKey
from tests.prove.company import SOURCES, Company, Item

# What a run does besides writing down that it ran.
EFFECTS = (
    ev.NoticeDelivered,
    ev.Removed,
    ev.RemovalFailed,
    ev.RemovalSimulated,
    ev.Rescued,
    ev.Restored,
    ev.Regretted,
)
# Who is told where a trial tells nobody.
NOBODY = "none"


class Record:
    """The ledger and the servers of one moment."""

    def __init__(self, company: Company, ledger: SqlLedger) -> None:
        self._company, self._ledger = company, ledger
        self.events = list(ledger.events())

    def effects(self, but: Collection[VisualKey] = ()) -> Counter[str]:
        """Everything that was done so far, about other visuals than these."""
        done = Counter(
            f"{e.kind} {e.key}" for e in self.events if isinstance(e, EFFECTS) and e.key not in but
        )
        for source in SOURCES:
            done[f"writes at {source}"] = self._company.writes(source)
        return done

    def counts(self) -> Counter[str]:
        """How much happened, for the table at the end."""
        kinds = Counter(e.kind for e in self.events)
        told = Counter(f"told: {e.notice}" for e in self.events if isinstance(e, ev.NoticeDelivered))
        return Counter({**{f"event {kind}": count for kind, count in kinds.items()}, **told})

    def disagreements(self, removed: list[tuple[datetime, Item]]) -> Iterator[str]:
        """Everything that one side has and the other has not."""
        try:
            self._ledger.verify()
        except StorageError as error:
            yield f"the chain does not hold: {error}"
        state = self._ledger.state()
        if state.unsettled_notices:
            yield f"what became of messages is not known: {sorted(state.unsettled_notices)}"
        for case in state.cases.values():
            if case.removal_intended or case.restore_intended:
                yield f"what became of {case.key} is not known"
        yield from self._removals(removed)
        yield from self._messages()

    def _removals(self, removed: list[tuple[datetime, Item]]) -> Iterator[str]:
        told = Counter(e.key for e in self.events if isinstance(e, ev.Removed))
        done = Counter(item.key for _, item in removed)
        for key in told.keys() | done.keys():
            if told[key] != done[key]:
                yield f"{key} was removed {done[key]} time(s) and recorded {told[key]} time(s)"

    def _messages(self) -> Iterator[str]:
        delivered = [e for e in self.events if isinstance(e, ev.NoticeDelivered)]
        recorded = {e.message_id for e in delivered if e.recipient != NOBODY}
        # What the team is told by the way (`run-...`, `month-...`) is no notice; notices have plain numbers.
        ids = (_message_id(message) for message in self._company.slack.messages())
        posted = Counter(found for found in ids if found and "-" not in found)
        for message, count in posted.items():
            if count > 1:
                yield f"message {message} was posted {count} times"
        for message in posted.keys() - recorded:
            yield f"message {message} stands in Slack and not in the ledger"
        for message in recorded - posted.keys():
            yield f"message {message} stands in the ledger and not in Slack"
        once = Counter(
            (e.key, e.episode, e.notice, e.mode, e.days_before)
            for e in self.events
            if isinstance(e, ev.NoticeDelivered) and e.notice is NoticeKind.WARNING
        )
        for what, count in once.items():
            if count > 1:
                yield f"{what[0]} was warned of {count} times in one episode"


def _message_id(message: object) -> str | None:
    metadata = getattr(message, "metadata", None) or {}
    return (metadata.get("event_payload") or {}).get("message_id")
