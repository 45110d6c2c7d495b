"""Digests to render: everyday ones, and the nastiest titles a platform can hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bi_governance.follow import UNKNOWN
from bi_governance.model import (
    Action,
    Coverage,
    Facts,
    Interval,
    Mode,
    NoticeKind,
    Person,
    Reason,
    RemovalRoute,
    Role,
    Viewer,
    VisualKey,
)
from bi_governance.policy import Decision
from bi_governance.ports import Announcement, Digest, DigestItem, Recipient
from bi_governance.told import Ending
from bi_governance.usage import Usage

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
ADA = Person("7", "Ada Lovelace", "ada@acme.example", active=True)
TO_ADA = Recipient("U0ADA00001", "Ada Lovelace")
TO_CHANNEL = Recipient("#bi-deprecation", "#bi-deprecation", "its owner is not on Slack")
TO_EVE = Recipient(
    "U0EVE00001",
    "Eve Day",
    "its owner has left: the account is deactivated; no owner of its folder is known",
    role=Role.MANAGER,
)
TO_BOB = Recipient("U0BOB00001", "Bob Fry", role=Role.VIEWER)
NASTY_TITLES = (
    "<b>Sales</b> & *margin* _by_ ~region~ `now`",
    'Say "hi" to {{ 7*7 }} {% raw %} ${x} \\ | # !',
    "<!channel> <@U123> @here :tada: [a](javascript:alert(1))",
    "売上ダッシュボード 📊👩🏽‍💻 — Übersicht / تقرير المبيعات",
    "x" * 500,
    "two\nlines\tand \u202eback",
    "   ",
    "-- 1. > + =cmd|'/c calc'!A1",
)


def item(
    native_id: str = "42",
    title: str = "Weekly sales",
    *,
    source: str = "looker_prod",
    type_: str = "dashboard",
    owner: Person | None = ADA,
    gap_days: int = 0,
    reasons: tuple[Reason, ...] = (Reason("idle", "idle 53 covered days (limit 60)"),),
    note: str = "",
    lost: tuple[str, ...] = (),
    rule: str = "",
    deadline: datetime | None = NOW + timedelta(days=7, hours=2),
    via: VisualKey | None = None,
    url: str | None = None,
    folder: str = "Shared/Sales",
    days_before: int | None = None,
    viewers: tuple[int, int] = (4, 2),
    part_of: tuple[str, ...] = (),
    holds: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
    route: RemovalRoute | None = RemovalRoute.TRASH,
    viewed: int | None = None,
) -> DigestItem:
    """One visual idle for 53 days, last viewed late on 7 January (UTC) - which is the 8th in Amsterdam."""
    key = VisualKey(source, type_, native_id)
    last_used = datetime(2026, 1, 7, 23, 30, tzinfo=UTC)
    usage = Usage(last_used, "viewed", via, timedelta(days=53), last_used, timedelta(days=gap_days), NOW)
    decision = Decision(key, Action.WARN, reasons, 0, usage, deadline, rule, days_before)
    link = f"https://looker.acme.example/dashboards/{native_id}" if url is None else url
    views, people = viewers
    covered = Coverage((Interval(datetime(2025, 9, 1, tzinfo=UTC), NOW),))
    facts = Facts(
        key, "looker", title, link, folder, owner, view_count=views, viewer_count=people, coverage=covered
    )
    used = Viewer(Person("8", "Bob"), viewed, last_used - timedelta(days=9)) if viewed else None
    return DigestItem(facts, decision, deadline, note, lost, route, part_of, holds, reads, viewed=used)


def ended(
    given: DigestItem, kind: NoticeKind | None, code: str = "", *, reason: str = "", actor: str = ""
) -> DigestItem:
    """The item after something became of it, as the next run tells: its platform no longer shows it."""
    at = NOW + timedelta(days=7, hours=2)
    ending = Ending(kind, at, code or str(kind), reason, actor)
    decision = replace(given.decision, reasons=(Reason(code, reason),) if reason else (), usage=UNKNOWN)
    until = at + timedelta(days=30) if ending.code == "deleted" else None
    facts = replace(given.facts, url="", coverage=Coverage())
    return replace(given, facts=facts, decision=decision, ending=ending, restorable_until=until)


def digest(
    kind: NoticeKind, mode: Mode, *items: DigestItem, recipient: Recipient = TO_ADA, message_id: str = "m1"
) -> Digest:
    return Digest(message_id, kind, mode, recipient, items)


def nasty_items() -> tuple[DigestItem, ...]:
    return tuple(
        item(str(number), title, owner=Person("9", title)) for number, title in enumerate(NASTY_TITLES)
    )


EVERYDAY = {
    "warning_owner_live": digest(
        NoticeKind.WARNING,
        Mode.LIVE,
        item(
            lost=("subscriptions", "alerts"),
            viewers=(1200, 3),
            part_of=("dashboard 'Board pack'",),
            holds=tuple(f"look 'Part {n}'" for n in range(1, 6)),
            reads=("shop.orders", "shop.customers"),
        ),
        item("model::kpis", "KPIs & targets", gap_days=4, rule="boards live longer", folder="", url=""),
    ),
    "warning_channel_live": digest(NoticeKind.WARNING, Mode.LIVE, item(owner=None), recipient=TO_CHANNEL),
    "warning_channel_trial": digest(
        NoticeKind.WARNING,
        Mode.DRY_RUN,
        item(),
        item("9", "Orders", type_="look", via=VisualKey("looker_prod", "dashboard", "42")),
        recipient=Recipient("#analytics", "#analytics"),
    ),
    "warning_manager_live": digest(NoticeKind.WARNING, Mode.LIVE, item(), item("9"), recipient=TO_EVE),
    "viewer_live": digest(
        NoticeKind.VIEWER, Mode.LIVE, item(viewed=4), item("9", "Orders", viewed=1), recipient=TO_BOB
    ),
    "viewer_trial": digest(NoticeKind.VIEWER, Mode.DRY_RUN, item(viewed=4), recipient=TO_BOB),
    "escalation_manager_live": digest(
        NoticeKind.ESCALATION,
        Mode.LIVE,
        item(),
        item("9", "Orders"),
        recipient=replace(TO_EVE, succession=""),
    ),
    "escalation_manager_trial": digest(
        NoticeKind.ESCALATION, Mode.DRY_RUN, item(), recipient=replace(TO_EVE, succession="")
    ),
    "escalation_channel_live": digest(
        NoticeKind.ESCALATION, Mode.LIVE, item(), recipient=replace(TO_CHANNEL, succession="")
    ),
    "warning_owner_trial": digest(NoticeKind.WARNING, Mode.DRY_RUN, item()),
    "reminder_owner_live": digest(NoticeKind.REMINDER, Mode.LIVE, item(days_before=3), item("9", "Orders")),
    "rescued_owner_live": digest(
        NoticeKind.RESCUED,
        Mode.LIVE,
        item(reasons=(Reason("used", "last viewed on 2026-03-01"), Reason("kept", "kept until 2026-06-01"))),
    ),
    "reminder_owner_trial": digest(NoticeKind.REMINDER, Mode.DRY_RUN, item(days_before=1)),
    "rescued_owner_trial": digest(
        NoticeKind.RESCUED, Mode.DRY_RUN, item(reasons=(Reason("used", "last viewed on 2026-03-01"),))
    ),
    "deleted_owner_live": digest(
        NoticeKind.DELETED, Mode.LIVE, ended(item(lost=("subscriptions",)), NoticeKind.DELETED)
    ),
    "deleted_channel_trial": digest(
        NoticeKind.DELETED,
        Mode.DRY_RUN,
        ended(item(), NoticeKind.DELETED, "simulated"),
        recipient=Recipient("#analytics", "#analytics"),
    ),
    "restored_owner_live": digest(
        NoticeKind.RESTORED, Mode.LIVE, ended(item(lost=("subscriptions",)), NoticeKind.RESTORED)
    ),
    "last_call_owner_live": digest(NoticeKind.LAST_CALL, Mode.LIVE, item(days_before=0)),
    "last_call_owner_trial": digest(NoticeKind.LAST_CALL, Mode.DRY_RUN, item(days_before=0)),
    # Warnings as they read after something became of what they name.
    "warning_mended": digest(
        NoticeKind.WARNING,
        Mode.LIVE,
        item("42", viewers=(1200, 3), holds=("look 'Orders'", "look 'Returns'"), reads=("shop.orders",)),
        ended(item("43", "Margins"), NoticeKind.RESCUED, "used", reason="last viewed on 2026-03-05"),
        ended(item("44", "Churn"), None, "kept", reason="2026-06-01T00:00:00+00:00", actor="Grace"),
        ended(item("45", "Old targets"), NoticeKind.DELETED),
    ),
    "warning_settled": digest(
        NoticeKind.WARNING,
        Mode.LIVE,
        ended(item("43", "Margins"), None, "exempt", reason="audited every May", actor="Grace"),
        ended(item("44", "Churn"), None, "switched_to_dry-run"),
        ended(item("45", "Old targets"), NoticeKind.RESTORED),
    ),
    "warning_settled_trial": digest(
        NoticeKind.WARNING,
        Mode.DRY_RUN,
        ended(item("43", "Margins"), NoticeKind.DELETED, "simulated"),
        ended(item("44", "Churn"), None, "switched_to_live"),
        recipient=Recipient("#analytics", "#analytics"),
    ),
}

ANNOUNCEMENT = Announcement(
    "a1", "Daily run: 2 warned, 1 deleted", ("looker_prod: 2 warned", "superset: vetoed <feed is old>", "")
)
