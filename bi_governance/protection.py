"""What spares a visual whatever its use, or holds up what is due: protections, references, what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bi_governance.cases import Case
from bi_governance.model import Facts, Reason
from bi_governance.rules import Policy, Terms, terms_for
from bi_governance.usage import Neighbourhood, shown_day

YEAR = timedelta(days=365)


def protections(facts: Facts, around: Neighbourhood, policy: Policy, now: datetime) -> tuple[Reason, ...]:
    """Why a visual must not be touched whatever its use; a protected container protects what it holds."""
    terms = terms_for(facts, policy, now)
    found = list(_own_protections(facts, around.case(facts.key), policy, now))
    for container in around.containers(facts.key):
        held_by = around.facts.get(container)
        if held_by is None:
            continue
        if _own_protections(held_by, around.case(container), policy, now):
            found.append(Reason("container_protected", f"contained in {container}, which is protected"))
        if _is_in_season(held_by, terms, now):
            found.append(Reason("seasonal", f"{_seasonal_use(held_by)} through {container}"))
    return tuple(found)


def _is_in_season(facts: Facts, terms: Terms, now: datetime) -> bool:
    """Used around the same day of last year; where history does not reach that far, nobody can say."""
    used, a_year_ago = facts.last_year_use, (now - YEAR).date()
    return bool(terms.season) and used is not None and abs(used - a_year_ago) <= terms.season


def _seasonal_use(facts: Facts) -> str:
    return f"seasonal: used at this time of last year, on {facts.last_year_use}"


def _own_protections(facts: Facts, case: Case, policy: Policy, now: datetime) -> tuple[Reason, ...]:
    terms = terms_for(facts, policy, now)
    rule, listed = terms.protected_by, policy.exempts(facts.key, now)
    kept, immune = case.kept_until, case.immune_until
    checks = (
        (case.exempt_reason is not None, "exempt", f"exempt: {case.exempt_reason}"),
        (listed is not None, "listed", f"in the exemptions file: {listed}"),
        (kept is not None and now < kept, "kept", f"kept until {shown_day(kept)}"),
        (immune is not None and now < immune, "restored", f"restored; immune until {shown_day(immune)}"),
        (bool(rule), "rule", f"protected by rule '{rule}'"),
        (policy.protect_certified and facts.is_certified, "certified", "certified content"),
        (policy.protect_personal and facts.is_personal, "personal", "in a personal folder"),
        (
            policy.protect_code_managed and facts.is_code_managed,
            "code_managed",
            "managed as code: change it there",
        ),
        (facts.is_system, "system", "platform or governance content"),
        (facts.is_trashed, "trashed", "already in the platform's trash"),
        (_is_in_season(facts, terms, now), "seasonal", _seasonal_use(facts)),
    )
    return tuple(Reason(code, text) for holds, code, text in checks if holds)


def living_references(facts: Facts) -> tuple[Reason, ...]:
    """Machine use that never shows as a view: it spares a visual as long as it exists."""
    found = []
    if facts.active_schedules:
        found.append(Reason("scheduled", f"{facts.active_schedules} active schedule(s) or alert(s) use it"))
    if facts.published_links:
        found.append(
            Reason("published", f"{facts.published_links} public link(s), embed(s) or board(s) show it")
        )
    return tuple(found)


def container_references(facts: Facts, around: Neighbourhood) -> Iterator[Reason]:
    """A living container that machines use is in use, and so is what it holds."""
    for container in around.containers(facts.key):
        holder = around.facts.get(container)
        for reason in living_references(holder) if holder else ():
            yield Reason(reason.code, f"contained in {container}: {reason.text}")


def identity_changes(facts: Facts, case: Case) -> tuple[Reason, ...]:
    """What is no longer as the owner read it in the warning."""
    warning = case.warning
    if warning is None:
        return ()
    owner_id = facts.owner.id if facts.owner else ""
    pairs = (
        ("renamed", "title", warning.title, facts.title),
        ("owner_changed", "owner", warning.owner_id, owner_id),
        ("moved", "folder", warning.folder, facts.folder),
    )
    return tuple(
        Reason(code, f"{what} changed since the warning: '{before}' -> '{after}'")
        for code, what, before, after in pairs
        if before != after
    )


def deletion_blockers(facts: Facts, case: Case, around: Neighbourhood) -> tuple[Reason, ...]:
    """What postpones a due deletion without ending the episode."""
    found = [
        Reason("contained", f"{container} still contains it") for container in around.containers(facts.key)
    ]
    through = facts.coverage.through
    if case.warning is not None and (through is None or through <= case.warning.at):
        found.append(Reason("feed_older_than_notice", "no access history newer than the warning"))
    return tuple(found)
