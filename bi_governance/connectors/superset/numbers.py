"""Which visual had which number while it was read: Superset's log knows numbers, which a restore changes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from bi_governance.connectors.superset.client import SupersetClient
from bi_governance.connectors.superset.features import TYPES, Features


class Numbers:
    """The uuids behind the numbers of one Superset, read when first needed, with what is in its trash."""

    def __init__(self, client: SupersetClient, features: Features) -> None:
        self._client, self._features = client, features

    def uuid_of(self, type_: str, number: int) -> str | None:
        """The uuid of the visual that has this number now; None when it is gone."""
        return self._uuids.get((type_, number))

    @cached_property
    def _uuids(self) -> Mapping[tuple[str, int], str]:
        return {
            (type_, int(item["id"])): str(item["uuid"])
            for type_ in TYPES
            for page in self._client.scan(type_, ("uuid",), self._features.trashed(type_, "include"))
            for item in page
        }
