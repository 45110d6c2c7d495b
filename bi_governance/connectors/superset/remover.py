"""Taking a dashboard or chart away from one Superset, and putting it back from its export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bi_governance.connectors.superset.client import SupersetWriter
from bi_governance.connectors.superset.places import Places
from bi_governance.connectors.superset.restoring import put_back
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome


class SupersetRemover:
    """Deletes and restores by uuid; takes the same options as SupersetReader."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self._client = SupersetWriter(name, options)
        self._places = Places(self._client)

    def remove(self, key: VisualKey) -> None:
        """Delete it under the number it has now; a version with a trash may move it there instead.

        SourceMissing when it is gone; SourceConflict, in Superset's words, when an alert or report needs it.
        """
        found = self._places.get(key)
        self._client.write("DELETE", f"/api/v1/{key.type}/{found.number}")

    def restore(self, key: VisualKey, route: RemovalRoute, saved: BackupContent) -> RestoreOutcome:  # noqa: ARG002
        """Take it out of Superset's trash where it is in one, else import the export, whatever `route` says.

        Then put back what is missing; done again, it finishes what an interrupted restore left.
        SourceConflict when Superset refuses, for instance because a database the visual reads is gone.
        """
        return put_back(self._client, self._places, key, saved)

    def close(self) -> None:
        """Forget the tokens and close connections."""
        self._client.close()
