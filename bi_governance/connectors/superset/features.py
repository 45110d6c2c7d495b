"""What this Superset has switched on and what its version knows, asked once and remembered."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from bi_governance.connectors.superset.client import SupersetClient
from bi_governance.connectors.superset.rison import Filter
from bi_governance.errors import SourceAuthFailed, SourceForbidden, SourceMissing

BOOTSTRAP = re.compile(r'data-bootstrap="([^"]*)"')
TYPES = ("dashboard", "chart")


class Features:
    """The feature flags and the filters of one Superset."""

    def __init__(self, client: SupersetClient) -> None:
        self._client = client
        self._filters: dict[str, Mapping[str, Any]] = {}

    def is_off(self, flag: str) -> bool:
        """Whether Superset says that this feature is off; a flag it does not show may be on."""
        return self._flags.get(flag) is False

    @property
    def has_editors(self) -> bool:
        """Whether visuals have editors (people, roles, groups) in place of owners: versions after 6.1."""
        return "editors" in self._filters_of("dashboard")

    def trashed(self, type_: str, which: str) -> tuple[Filter, ...]:
        """The filter that lists what is in Superset's trash.

        `which` is `only`, or `include` for what lives too. None for a version without trash (6.1 and
        before): the filter's name is part of what the API says about itself.
        """
        operator = f"{type_}_deleted_state"
        known = self._filters_of(type_).get("id") or ()
        return (Filter("id", operator, which),) if any(f.get("operator") == operator for f in known) else ()

    def has_trash(self, type_: str) -> bool:
        """Whether this version can put such a visual into a trash."""
        return bool(self.trashed(type_, "only"))

    @cached_property
    def _flags(self) -> Mapping[str, Any]:
        """The feature flags the log-in page tells the browser; none where somebody else's page is there."""
        try:
            found = BOOTSTRAP.search(self._client.front_page())
        except (SourceAuthFailed, SourceForbidden, SourceMissing):
            return {}
        try:
            told = json.loads(html.unescape(found[1])) if found else {}
        except json.JSONDecodeError:
            return {}
        common = told.get("common") if isinstance(told, dict) else None
        flags = common.get("feature_flags") if isinstance(common, dict) else None
        return flags if isinstance(flags, dict) else {}

    def _filters_of(self, type_: str) -> Mapping[str, Any]:
        if type_ not in self._filters:
            answer = self._client.get(f"/api/v1/{type_}/_info", {"keys": ["filters"]})
            filters = answer.get("filters") if isinstance(answer, dict) else None
            self._filters[type_] = filters if isinstance(filters, dict) else {}
        return self._filters[type_]
