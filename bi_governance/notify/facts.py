"""The facts a message gives about one visual: its use, its date, what is around it, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from bi_governance.model import Facts, Mode, NoticeKind, Viewer
from bi_governance.notify.message import Fact, shown
from bi_governance.notify.moments import say_day, say_moment
from bi_governance.notify.wording import TEXTS, Wording
from bi_governance.ports import Digest, DigestItem
from bi_governance.told import ASKING, Ending
from bi_governance.usage import Usage

NAME_LIMIT = 100
KEY_LIMIT = 300
FACT_LIMIT = 400
# Of what is around a visual so many are named, the rest is counted.
MOST_NAMED = 3


def facts_of(
    item: DigestItem, digest: Digest, zone: tzinfo, wording: Wording, *, is_owner: bool
) -> Iterator[Fact]:
    """What is said about one item of a digest, in the order it is read."""
    telling = _Telling(item, digest, zone, wording)
    # Of what is gone its platform no longer says whose it was.
    if not is_owner and (item.facts.owner is not None or item.ending is None):
        yield telling.fact("owner", _owner(item.facts))
    if digest.kind in ASKING and item.ending is not None:
        yield telling.fact("now", telling.now(item.ending))
        return
    if item.viewed is not None:
        yield telling.fact("viewed", _viewed(item.viewed, zone))
    yield from telling.use()
    match digest.kind:
        case NoticeKind.RESCUED:
            yield telling.fact("why_stays", _listed_reasons(item))
        case NoticeKind.DELETED:
            yield from telling.deleted()
        case NoticeKind.RESTORED:
            yield from telling.restored()
        case NoticeKind.VIEWER | NoticeKind.ESCALATION:
            yield telling.deadline()
        case _:
            yield from telling.asked()
    if item.note:
        yield telling.fact("note", shown(item.note, FACT_LIMIT))


class _Telling:
    """One item being told to one reader."""

    def __init__(self, item: DigestItem, digest: Digest, zone: tzinfo, wording: Wording) -> None:
        self.item = item
        self.is_trial = digest.mode is Mode.DRY_RUN
        self.zone = zone
        self.wording = wording
        self.say = wording.say

    def fact(self, name: str, text: str) -> Fact:
        return Fact(self.say(self.wording.of(f"fact.{name}", is_trial=self.is_trial)), text)

    def use(self) -> Iterator[Fact]:
        """When it was last used, and by how many; nothing of what is known only by name any more."""
        usage = self.item.decision.usage
        if not usage.how:
            return
        yield self.fact("last_used", _last_used(usage, self.zone))
        since = self.item.facts.coverage.start
        # A view known only from the platform's own last-access field has nobody's name to it.
        is_counted = self.item.facts.view_count > 0 or self.item.facts.last_viewed_at is None
        if since is not None and is_counted:
            yield self.fact("viewers", self._viewers(since))

    def _viewers(self, since: datetime) -> str:
        facts, day = self.item.facts, say_day(since, self.zone)
        if not facts.view_count:
            return self.say("viewers.none", day=day)
        people = "1 person" if facts.viewer_count == 1 else f"{facts.viewer_count} people"
        return self.say("viewers", views=_count(facts.view_count, "view"), people=people, day=day)

    def asked(self) -> Iterator[Fact]:
        yield self.fact("why", _why(self.item))
        yield self.deadline()
        yield from self._around()

    def deadline(self) -> Fact:
        moment = self.item.deadline
        if moment is None:
            return self.fact("deadline", self.say("deadline.unknown"))
        named = self.fact("deadline", self.say("deadline", moment=say_moment(moment, self.zone)))
        before, _, after = self.say("deadline", moment="\0").partition("\0")
        return Fact(named.name, named.text, moment, before, after)

    def _around(self) -> Iterator[Fact]:
        item = self.item
        for name, found in (("part_of", item.part_of), ("holds", item.holds), ("reads", item.reads)):
            if found:
                yield self.fact(name, _some(found))

    def deleted(self) -> Iterator[Fact]:
        ending, until = self.item.ending, self.item.restorable_until
        if self.item.decision.usage.how:
            yield self.fact("why_deleted", _why(self.item))
        if ending is not None:
            yield self.fact("deleted", say_moment(ending.at, self.zone))
        if until is not None:
            yield self.fact("restorable", say_day(until, self.zone))

    def restored(self) -> Iterator[Fact]:
        ending, lost = self.item.ending, self.item.lost_on_restore
        if ending is not None:
            yield self.fact("restored", say_moment(ending.at, self.zone))
        if lost:
            yield self.fact("lost", shown(", ".join(lost), FACT_LIMIT))

    def now(self, ending: Ending) -> str:
        """What became of it, as the message that asked about it says afterwards."""
        if ending.kind is NoticeKind.RESCUED:
            return shown(self.say("now.stays", reason=_listed_reasons(self.item)), FACT_LIMIT)
        name = f"now.{ending.code}"
        until = self.item.restorable_until
        day = say_day(_kept_until(ending) or ending.at, self.zone)
        return shown(
            self.say(
                name if name in TEXTS else "now.other",
                day=day,
                until=say_day(until, self.zone) if until else "",
                actor=shown(_name_of(ending.actor), NAME_LIMIT),
                reason=shown(ending.reason, FACT_LIMIT),
            ),
            FACT_LIMIT,
        )


def _viewed(viewer: Viewer, zone: tzinfo) -> str:
    times = "once" if viewer.views == 1 else f"{viewer.views} times"
    return f"{times}, last on {say_day(viewer.last_viewed_at, zone)}"


def _kept_until(ending: Ending) -> datetime | None:
    return datetime.fromisoformat(ending.reason) if ending.code == "kept" else None


def _some(names: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    listed = ", ".join(shown(name, NAME_LIMIT) for name in names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return shown(f"{listed} and {more} more" if more > 0 else listed, FACT_LIMIT)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def _owner(facts: Facts) -> str:
    if facts.owner is None:
        return "unknown"
    known = [shown(part, NAME_LIMIT) for part in (facts.owner.name, facts.owner.email) if part]
    return ", ".join(known) or shown(facts.owner.id, NAME_LIMIT)


def _last_used(usage: Usage, zone: tzinfo) -> str:
    if usage.last_used is None:
        return "no use is known"
    via = f" through {shown(str(usage.via), KEY_LIMIT)}" if usage.via else ""
    return f"{say_day(usage.last_used, zone)} ({usage.how}{via})"


def _listed_reasons(item: DigestItem) -> str:
    return shown("; ".join(str(reason) for reason in item.decision.reasons), FACT_LIMIT)


def _why(item: DigestItem) -> str:
    usage, rule = item.decision.usage, item.decision.rule
    text = f"not used for {_count(usage.idle.days, 'day')}"
    if usage.gap.days:
        text += f", not counting {usage.gap.days} without access history"
    if rule:
        text += f"; rule '{rule}'"
    return shown(text, FACT_LIMIT)


def _name_of(actor: str) -> str:
    """Whom people know: of `slack:U1 ada@acme.test`, as the ledger has it, the address."""
    _, _, address = actor.partition(" ")
    return address if actor.startswith("slack:") and address else actor
