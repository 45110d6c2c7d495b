"""Digests to render: everyday ones, and the nastiest titles a platform can hold."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bi_governance.model import Action, Facts, Mode, NoticeKind, Person, Reason, Role, Viewer, VisualKey
from bi_governance.policy import Decision, Usage
from bi_governance.ports import Announcement, Digest, DigestItem, Recipient

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
ADA = Person("7", "Ada Lovelace", "ada@acme.example", active=True)
TO_ADA = Recipient("U0ADA00001", "Ada Lovelace")
TO_CHANNEL = Recipient("#bi-deprecation", "#bi-deprecation", "its owner is not on Slack")
TO_EVE = Recipient(
    "U0EVE00001",
    "Eve Day",
    "its owner has left: the account is deactivated; no owner of its folder is known",
    Role.MANAGER,
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
    viewed: int | None = None,
) -> DigestItem:
    """One visual idle for 53 days, last viewed late on 7 January (UTC) - which is the 8th in Amsterdam."""
    key = VisualKey(source, type_, native_id)
    last_used = datetime(2026, 1, 7, 23, 30, tzinfo=UTC)
    usage = Usage(last_used, "viewed", via, timedelta(days=53), last_used, timedelta(days=gap_days), NOW)
    decision = Decision(key, Action.WARN, reasons, 0, usage, deadline, rule, days_before)
    link = f"https://looker.acme.example/dashboards/{native_id}" if url is None else url
    facts = Facts(key, "looker", title, link, folder, owner)
    used = Viewer(Person("8", "Bob"), viewed, last_used - timedelta(days=9)) if viewed else None
    return DigestItem(facts, decision, deadline, note, lost, used)


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
        item(lost=("subscriptions", "alerts")),
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
        NoticeKind.DELETED,
        Mode.LIVE,
        item(note="can be restored until Wed 8 Apr 2026", lost=("subscriptions",)),
    ),
    "deleted_channel_trial": digest(
        NoticeKind.DELETED, Mode.DRY_RUN, item(), recipient=Recipient("#analytics", "#analytics")
    ),
    "restored_owner_live": digest(
        NoticeKind.RESTORED, Mode.LIVE, item(note="left alone until Wed 8 Apr 2026", lost=("subscriptions",))
    ),
}

ANNOUNCEMENT = Announcement(
    "a1", "Daily run: 2 warned, 1 deleted", ("looker_prod: 2 warned", "superset: vetoed <feed is old>", "")
)
