"""Who a Power BI user is, who owns a report or dashboard, and how moments are written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bi_governance.connectors.powerbi.client import Item

PERSON = "User"


def moment(value: object) -> datetime | None:
    """A Power BI time as aware UTC: written without a zone, with up to seven decimals."""
    text = str(value or "").removesuffix("Z")
    whole, _, fraction = text.partition(".")
    if not whole:
        return None
    try:
        parsed = datetime.fromisoformat(f"{whole}.{fraction[:6].ljust(6, '0')}" if fraction else whole)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def text_or_none(value: object) -> str | None:
    """A filled text, else nothing."""
    return str(value) if value not in (None, "") else None


def user_id(user: Item) -> str:
    """The one id of a principal: its sign-in name, or the object id of a group or app, in lower case."""
    return str(user.get("identifier") or user.get("emailAddress") or user.get("graphId") or "").lower()


def user_row(user: Item) -> dict[str, object]:
    """One row of `powerbi_user`; whether somebody may still sign in is not for Power BI to know."""
    return {
        "user_id": user_id(user),
        "principal_name": text_or_none(user.get("identifier")),
        "name": text_or_none(user.get("displayName")),
        "email": text_or_none(user.get("emailAddress")),
        "principal_type": text_or_none(user.get("principalType")),
        "active": None,
    }


def owner_of(users: Iterable[Item], right: str, creator: object = None) -> str | None:
    """The one owner we deal with: a person with the access right `Owner`, the creator before others.

    Without any such person the creator; None when that is not known either (dashboards, old reports).
    """
    made_by = str(creator or "").lower()
    owners = sorted(
        user_id(user)
        for user in users
        if user.get(right) == "Owner" and user.get("principalType", PERSON) == PERSON and user_id(user)
    )
    if made_by in owners:
        return made_by
    return owners[0] if owners else made_by or None
