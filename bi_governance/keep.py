"""Keep: what people say about a visual outranks every rule; here it is written down."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime

from bi_governance import events as ev
from bi_governance.errors import ConfigurationError
from bi_governance.model import VisualKey
from bi_governance.ports import Services


def known_key(text: str, known: Iterable[VisualKey]) -> VisualKey:
    """Read a key and insist that such a visual exists; names the nearest ones when it does not."""
    key = VisualKey.parse(text)
    names = {str(k) for k in known}
    if text in names:
        return key
    near = difflib.get_close_matches(text, names, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; see: bi-governance status"
    raise ConfigurationError(f"no visual {text} is known{hint}")


def keep_until(services: Services, key: VisualKey, until: datetime, *, actor: str, reason: str = "") -> None:
    """Keep the visual until a date; its warning, if any, is over."""
    now = services.clock.now()
    if until <= now:
        raise ConfigurationError(f"--until {until:%Y-%m-%d} is not in the future.")
    services.ledger.append([ev.KeptUntil(at=now, actor=actor, key=key, until=until, reason=reason)])


def exempt(services: Services, key: VisualKey, *, actor: str, reason: str) -> None:
    """Exempt the visual until somebody revokes it."""
    if not reason.strip():
        raise ConfigurationError("an exemption needs a reason that others can judge later: --reason TEXT")
    services.ledger.append(
        [ev.Exempted(at=services.clock.now(), actor=actor, key=key, reason=reason.strip())]
    )


def unexempt(services: Services, key: VisualKey, *, actor: str, reason: str = "") -> None:
    """Revoke an exemption; the whole cycle starts afresh."""
    if services.ledger.state().case(key).exempt_reason is None:
        raise ConfigurationError(f"{key} is not exempt, so there is nothing to revoke.")
    services.ledger.append([ev.Unexempted(at=services.clock.now(), actor=actor, key=key, reason=reason)])
