"""Otherwise: what would change the verdict on one visual, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo

from bi_governance.cases import Case
from bi_governance.model import Action, Facts
from bi_governance.policy import Decision
from bi_governance.protection import YEAR
from bi_governance.rules import Policy, Terms, terms_for
from bi_governance.window import local_day

DAY = timedelta(days=1)
_SPARES = (
    "Any view, edit, new title, folder or owner, a schedule, a keep or an exemption spares it, "
    "before {deadline}."
)
_WARNED_ANEW = "This ends its warning; as long as it stays unused, a later run warns of it anew."
# By the code of a reason: what would have to happen for the reason to hold no longer.
SENTENCES: Mapping[str, str] = {
    "removed": "A restore brings it back: bi-governance restore {key}.",
    "unsettled": "The platform's answer, which every run asks for.",
    "exempt": "The exemption revoked: bi-governance unexempt {key}.",
    "listed": "Its row taken out of the exemptions file{row_ends}.",
    "kept": "The keep ends on {kept}.",
    "restored": "Its immunity after the restore ends on {immune}.",
    "rule": "The rule '{rule}' changed, or one put before it that fits.",
    "certified": "Its certification taken away at the platform, or protect.certified: false.",
    "personal": "A move out of the personal folder, or protect.personal_folders: false.",
    "code_managed": "Taken out of the code it is kept in, or protect.code_managed: false.",
    "system": "Nothing: content of the platform itself is never touched.",
    "trashed": "Taken out of the platform's trash.",
    "seasonal": "The end of its season{season_ends}.",
    "container_protected": "The end of what protects its container, or its leaving the container.",
    "scheduled": "Its schedules and alerts, or those of what contains it, switched off or deleted.",
    "published": "Its public links, embeddings and boards, or those of what contains it, taken back.",
    "unknown": "Access history that covers it: from its first covered day on, idle days are counted.",
    "used": "{more} more covered day(s) without use: then, on {warned_on} at the earliest, it is warned of. "
    "Any use starts that afresh.",
    "idle": _SPARES,
    "warned": _SPARES,
    "waiting": _SPARES,
    "simulated": "Going live: then it is warned of anew. A use before that is recorded as a regret.",
    "renamed": _WARNED_ANEW,
    "owner_changed": _WARNED_ANEW,
    "moved": _WARNED_ANEW,
    "notice_expired": _WARNED_ANEW,
    "exemption_lapsed": _WARNED_ANEW,
    "not_removable": "A way to remove it: what this source has none for is only reported.",
    "contained": "What contains it deleted, or it taken off that.",
    "feed_older_than_notice": "Access history newer than its warning.",
    "approval": "An admin's approval: bi-governance approve, or /bi approve on Slack; until then any use, a "
    "keep or an exemption spares it.",
    "window": "The deletion window opens on {opens}.",
    "expired": "A keep, an exemption or a restore before its backup is purged.",
    "warn_cap": "Its turn in a later run.",
    "delete_cap": "Its turn in a later run; until then any use, a keep or an exemption spares it.",
    "owner_cap": "Its turn in a later run; until then any use, a keep or an exemption spares it.",
    "purge_cap": "Its turn in a later run.",
    "veto": "The veto lifted. {advice}",
    "not_configured": "Its source in the configuration again.",
}


def otherwise(
    decision: Decision, facts: Facts | None, case: Case, policy: Policy, now: datetime, advice: Iterable[str]
) -> tuple[str, ...]:
    """What would change the decision: a sentence per reason, each once.

    `advice` is what the guards that veto its source say is to be done. A visual that is protected by
    several things stays protected until the last of them has ended.
    """
    terms = terms_for(facts, policy, now) if facts else None
    to_do = " ".join(advice)
    values = _values(decision, facts, terms, case, policy, now) | {"advice": to_do}
    codes = [reason.code for reason in decision.reasons]
    if to_do and decision.action is not Action.PROTECT:
        codes.append("veto")  # it stops whatever comes next, also where nothing was due today
    sentences = dict.fromkeys(SENTENCES[code].format_map(values) for code in codes if code in SENTENCES)
    together = decision.action is Action.PROTECT and len(sentences) > 1
    return (*(["All of these together:"] if together else []), *sentences)


def _values(
    decision: Decision, facts: Facts | None, terms: Terms | None, case: Case, policy: Policy, now: datetime
) -> dict[str, str]:
    zone = policy.window.zone
    row = policy.exempts(decision.key, now)
    more = _days_until_warned(decision, terms)
    return {
        "key": str(decision.key),
        "rule": terms.protected_by if terms else "",
        "kept": _day(case.kept_until, zone),
        "immune": _day(case.immune_until, zone),
        "row_ends": f", or its last day, {row.until}, over" if row and row.until else "",
        "season_ends": _season_ends(facts, terms),
        "more": str(more),
        "warned_on": _day(now + more * DAY, zone),
        "deadline": _day(decision.deadline, zone, otherwise="its deletion"),
        "opens": _day(policy.window.next_open(now), zone),
    }


def _days_until_warned(decision: Decision, terms: Terms | None) -> int:
    """Whole covered days that are missing until it may be warned of, rounded up."""
    if terms is None:
        return 0
    missing = terms.idle - terms.warning - decision.usage.idle
    return max(-(-missing // DAY), 0)


def _season_ends(facts: Facts | None, terms: Terms | None) -> str:
    if facts is None or terms is None or facts.last_year_use is None:
        return ""
    return f", on {facts.last_year_use + YEAR + terms.season}, unless it was used later last year too"


def _day(moment: datetime | None, zone: tzinfo, *, otherwise: str = "a later day") -> str:
    return str(local_day(moment, zone)) if moment else otherwise
