"""Where a Looker visual lives: paths such as "Marketing/Weekly", built the same way everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from looker_sdk.sdk.api40.models import Folder, FolderBase

from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import SourceMissing

AnyFolder = FolderBase | Folder
FIELDS = "id,name,parent_id,creator_id,is_personal,is_personal_descendant,is_shared_root,is_embed"
_DEEPEST = 100  # a loop among parents must not hang us


@dataclass(frozen=True, slots=True)
class Place:
    """A folder as seen from its root."""

    path: str
    is_personal: bool


class FolderTree:
    """Folders by id; unknown parents simply end a path."""

    def __init__(self, folders: Iterable[AnyFolder]) -> None:
        self.folders: Mapping[str, AnyFolder] = {str(f.id): f for f in folders}

    def place(self, folder_id: str | None) -> Place:
        """The path from the root to this folder, and whether it is somebody's own or below such a one.

        The shared root is left out: everybody's folders lie in it, and a rule that protects
        `Executive/**` must not miss because nobody thinks of that folder as "Shared/Executive".
        """
        chain = list(self._upwards(folder_id))
        personal = any(f.is_personal or f.is_personal_descendant for f in chain)
        return Place("/".join(f.name for f in reversed(chain) if not f.is_shared_root), personal)

    def orphans(self) -> set[str]:
        """Parents that are referred to but not there: a sign that the list is not everything."""
        return {str(f.parent_id) for f in self.folders.values() if f.parent_id} - self.folders.keys()

    def _upwards(self, folder_id: str | None) -> Iterable[AnyFolder]:
        for _ in range(_DEEPEST):
            folder = self.folders.get(str(folder_id))
            if folder is None:
                return
            yield folder
            folder_id = folder.parent_id


def path_now(client: LookerClient, folder_id: str | None) -> str:
    """The path of one folder as it is at this moment, one request per level; "" when it is gone."""
    chain: list[Folder] = []
    while folder_id and len(chain) < _DEEPEST:
        try:
            folder = client.ask(lambda sdk, id_=folder_id: sdk.folder(id_, fields=FIELDS))  # type: ignore[misc]
        except SourceMissing:
            break
        chain.append(folder)
        folder_id = folder.parent_id
    start = str(chain[0].id) if chain else None
    return FolderTree(chain).place(start).path
