"""Whether a Power BI connection can do its work: sign-in, tenant settings, log, workspace roles, budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta

from bi_governance.connectors.powerbi.activity import ActivityLog
from bi_governance.connectors.powerbi.capabilities import MOST_ASKED_FOR_SUBSCRIPTIONS
from bi_governance.connectors.powerbi.client import ORG, PowerBIClient
from bi_governance.connectors.powerbi.inventory import PERSONAL, first_workspaces
from bi_governance.connectors.powerbi.scan import WORKSPACES_PER_SCAN, scan
from bi_governance.connectors.powerbi.sighting import published_ids
from bi_governance.connectors.powerbi.tenant import REPORTS
from bi_governance.errors import SourceError
from bi_governance.model import Interval
from bi_governance.ports import Probe

ADMIN_PAGE = "https://app.powerbi.com/admin-portal/tenantSettings"
READ_ONLY = (
    "A Fabric administrator allows 'Service principals can access read-only admin APIs' for a security group "
    f"our app is in: {ADMIN_PAGE} > Admin API settings. The app itself must have no Power BI permissions "
    "that need an administrator's consent in Microsoft Entra."
)
DETAILED = (
    "A Fabric administrator allows 'Enhance admin APIs responses with detailed metadata' and 'Enhance admin "
    f"APIs responses with DAX and mashup expressions': {ADMIN_PAGE} > Admin API settings. Until then the "
    "tables behind reports are unknown."
)
FABRIC_APIS = (
    "A Fabric administrator allows 'Service principals can call Fabric public APIs' for a group our app "
    f"is in: {ADMIN_PAGE} > Developer settings. Until then nothing can be exported or deleted."
)
MEMBER = (
    "Give our service principal the role Contributor in the workspaces to be cleaned up: "
    "https://app.powerbi.com > workspace > Manage access. Until then nothing there can be exported."
)


def probes(
    admin: PowerBIClient, member: PowerBIClient, *, reads_subscriptions: bool = True
) -> Iterator[Probe]:
    """One result after the other; without a sign-in or the admin APIs the others make no sense."""
    first = _checked("sign-in", lambda: _signed_in(admin), "")
    yield first
    if not first.ok:
        return
    second = _checked("read-only admin APIs", lambda: _admin(admin), READ_ONLY)
    yield second
    if not second.ok:
        return
    yield _checked("metadata scan", lambda: _metadata(admin), READ_ONLY)
    if reads_subscriptions:
        yield _checked("subscriptions", lambda: _subscriptions(admin), READ_ONLY)
    yield _checked("activity log", lambda: _log(admin), READ_ONLY)
    yield _checked("links published to the web", lambda: _published(admin), READ_ONLY)
    yield _checked("workspace roles", lambda: _membership(admin, member), FABRIC_APIS)


def _checked(name: str, check: Callable[[], Probe | str], advice: str) -> Probe:
    try:
        found = check()
    except SourceError as error:
        return Probe(name, ok=False, detail=str(error), advice=advice or error.hint)
    return Probe(name, ok=True, detail=found) if isinstance(found, str) else found


def _signed_in(admin: PowerBIClient) -> str:
    admin.claims()
    return f"as the app {admin.identity.client_id} of the tenant {admin.tenant_id}"


def _admin(admin: PowerBIClient) -> str:
    return f"{len(first_workspaces(admin))} workspaces on the first page"


def _metadata(admin: PowerBIClient) -> Probe | str:
    """Without the settings a scan answers all the same, only with less: datasets that have no tables."""
    ids = [str(each["id"]) for each in first_workspaces(admin)][:WORKSPACES_PER_SCAN]
    workspaces = [each for result in scan(admin, ids) for each in result["workspaces"]]
    datasets = [dataset for each in workspaces for dataset in each.get("datasets") or ()]
    told = [dataset for dataset in datasets if dataset.get("tables")]
    detail = f"{len(told)} of {len(datasets)} semantic models tell their tables"
    if datasets and not told:
        return Probe("metadata scan", ok=False, detail=detail, advice=DETAILED)
    return detail


def _subscriptions(admin: PowerBIClient) -> str:
    """Whether a collection reads them; what is said is right for up to one page of reports."""
    listed = admin.rows(REPORTS, {"$top": admin.page_size, "$skip": 0})
    count = sum(1 for each in listed if not each.get("appId"))
    if count > MOST_ASKED_FOR_SUBSCRIPTIONS:
        return (
            f"{count} reports or more, too many to ask for each one's subscriptions every day: they are read "
            "right before a removal, which they prevent, but not before a warning"
        )
    return f"read with every collection, for {count} reports"


def _log(admin: PowerBIClient) -> str:
    now: datetime = admin.now()
    midnight = datetime.combine(now.date(), time.min, now.tzinfo)
    window = Interval(max(midnight, now - timedelta(hours=1)), now + timedelta(seconds=1))
    count = sum(len(uses) for uses in ActivityLog(admin).uses(window))
    return f"{count} uses in the last hour; events arrive up to an hour late"


def _published(admin: PowerBIClient) -> str:
    return f"{len(published_ids(admin))} things are published to the web"


def _membership(admin: PowerBIClient, member: PowerBIClient) -> Probe | str:
    """A workspace we are in is one the ordinary API shows us."""
    shared = {str(each["id"]) for each in first_workspaces(admin) if each.get("type") not in PERSONAL}
    ours = {str(each["id"]) for page in member.pages(f"{ORG}/groups") for each in page}
    detail = (
        f"in {len(shared & ours)} of {len(shared)} shared workspaces; reports elsewhere are never deleted"
    )
    if shared and not shared & ours:
        return Probe("workspace roles", ok=False, detail=detail, advice=MEMBER)
    return detail
