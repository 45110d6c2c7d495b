"""Superset's export archive: checked before it counts as a backup, adjusted before it is imported again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

Document = Mapping[str, Any]


class Unreadable(Exception):
    """It is no archive, is damaged, or holds something that cannot be parsed; the message says what."""


class Archive:
    """The YAML documents of one export, by file name without the leading folder."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)
        self._documents = {n: yaml.safe_load(text) for n, text in texts.items() if n.endswith(".yaml")}

    @classmethod
    def opened(cls, content: bytes) -> Archive:
        """Read a zip; raises Unreadable."""
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return cls({name: archive.read(name).decode("utf-8") for name in archive.namelist()})
        except (zipfile.BadZipFile, UnicodeDecodeError, yaml.YAMLError) as error:
            raise Unreadable(str(error)) from error

    def of(self, folder: str) -> dict[str, Document]:
        """The documents of one kind: `dashboards`, `charts`, `datasets` or `databases`."""
        return {
            name: document
            for name, document in self._documents.items()
            if folder in name.split("/")[1:-1] and isinstance(document, Mapping)
        }

    def uuids(self, folder: str) -> frozenset[str]:
        """The uuids of the documents of one kind."""
        return frozenset(str(document.get("uuid")) for document in self.of(folder).values())

    def charts_without_data(self) -> dict[str, Document]:
        """Charts whose dataset is gone; one of them makes Superset refuse the whole archive."""
        return {name: chart for name, chart in self.of("charts").items() if not chart.get("dataset_uuid")}

    def without(self, names: Iterable[str]) -> Archive:
        """The archive without these files."""
        left = set(names)
        return Archive({name: text for name, text in self._texts.items() if name not in left})

    def with_uuid_replaced(self, old: str, new: str) -> Archive:
        """The archive in which everything that means `old` means `new`."""
        return Archive({name: text.replace(old, new) for name, text in self._texts.items()})

    def with_document(self, name: str, text: str) -> Archive:
        """The archive with another text in this file."""
        return Archive({**self._texts, name: text})

    def without_slug(self) -> Archive:
        """The archive with dashboards that have no address of their own."""
        texts = dict(self._texts)
        for name, dashboard in self.of("dashboards").items():
            texts[name] = yaml.safe_dump({**dashboard, "slug": None}, sort_keys=False)
        return Archive(texts)

    def content(self) -> bytes:
        """The zip as bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self._texts.items():
                archive.writestr(name, text)
        return buffer.getvalue()
