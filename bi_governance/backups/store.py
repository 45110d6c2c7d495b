"""The backup store: a checked zip per visual and episode, in a folder or a bucket that is marked as ours."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from bi_governance.backups.encryption import Keys
from bi_governance.backups.places import open_place
from bi_governance.errors import BackupUnreadable, NotInBackup, StorageError, StoreUnmarked
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent, BackupRef

FORMAT = 1
MANIFEST = "manifest.json"
# Says of a folder or bucket that backups are kept here; one that is mounted empty by mistake lacks it.
MARK = "bi-governance-store.json"
# The checksum (of the bytes as stored) is part of the name, and the name is in the ledger: a changed file
# cannot pass as the original.
NAME = re.compile(r"episode-\d{4,}\.(?P<sha256>[0-9a-f]{64})\.zip(?P<sealed>\.enc)?")
# Zip entries need a date and cannot hold one before 1980; a constant keeps equal content equal.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class FsspecBackups:
    """The BackupStore port below `url`, e.g. `file://data/backups`, `file:///srv/backups`, `s3://bucket/folder`.

    Relative file URLs start at the working directory of the moment this is built. Nothing saved is
    ever overwritten: saving an episode again adds a file. With a key what is saved is encrypted; plain
    and encrypted files are read side by side. The first backup saved or found marks the store as ours,
    and only of a marked one it is believed that what is not there is gone. Raises ConfigurationError
    when the URL's scheme is unknown or its package is not installed.
    """

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self._place = open_place(url)
        self._scheme, self._fs, self._root = self._place.scheme, self._place.fs, self._place.root
        self._keys = keys or Keys()

    def check(self) -> str:
        """Write, read and remove a file the way backups are; StorageError when that is not possible."""
        path, data = f".check-{uuid.uuid4().hex}", b"bi-governance"
        with self._in_our_words("Checking the backup store failed"):
            self._write(path, self._keys.seal(data) if self._keys.can_seal else data)
            found = self._read(path)
            self._fs.rm_file(f"{self._root}/{path}")
        if (self._keys.open(found, "What was written") if self._keys.can_seal else found) != data:
            raise StorageError(f"The {self._scheme} store does not give back what was written to it.")
        return f"{self._scheme} store, writable and readable; {self._keys}"

    def save(self, key: VisualKey, episode: int, content: BackupContent, at: datetime) -> BackupRef:
        """Write the whole backup or nothing, and read it back before saying so.

        Raises StorageError when it cannot be written or is not a backup of `key`, BackupUnreadable
        when what was written does not read back as it should.
        """
        _must_be_of(key, content)
        data, ending = _pack(key, episode, content, at), "zip"
        if self._keys.can_seal:
            data, ending = self._keys.seal(data), "zip.enc"
        sha256 = hashlib.sha256(data).hexdigest()
        path = f"{_folder(key)}/episode-{episode:04d}.{sha256}.{ending}"
        with self._in_our_words(f"Backing up {key} failed"):
            self._mark()
            self._write(path, data)
        if dict(self.load(path).files) != dict(content.files):
            raise BackupUnreadable(f"The backup of {key} does not read back as it was written: {path}.")
        return BackupRef(path, sha256, len(data))

    def load(self, path: str) -> BackupContent:
        """The backup at `path`, relative to the store, checked against the checksum in its name.

        Raises NotInBackup when there is none, BackupUnreadable when it is not what was saved, BackupLocked
        when it is encrypted with a key we do not have.
        """
        name = _name_of(path)
        with self._in_our_words(f"Reading the backup {path} failed"):
            data = self._read(path)
        if hashlib.sha256(data).hexdigest() != name["sha256"]:
            raise BackupUnreadable(f"The backup {path} was changed or damaged: its checksum does not match.")
        return _unpack(path, self._keys.open(data, f"The backup {path}") if name["sealed"] else data)

    def has(self, path: str) -> bool:
        """Whether a backup is at `path`; what is found marks the store as ours.

        StorageError when the store cannot tell, StoreUnmarked when it may be another than the one meant.
        """
        _name_of(path)
        with self._in_our_words(f"Looking for the backup {path} failed"):
            if self._is_there(path):
                # Who may only read cannot mark, and can find things all the same.
                with contextlib.suppress(*self._place.errors):
                    self._mark()
                return True
            self._must_be_marked(path)
        return False

    def remove(self, path: str) -> None:
        """Delete the one backup at `path`, which must look like one; NotInBackup when there is none."""
        if not self.has(path):
            raise self._not_there(path)
        with self._in_our_words(f"Deleting the backup {path} failed"):
            try:
                self._fs.rm_file(f"{self._root}/{path}")
            except FileNotFoundError as error:
                raise self._not_there(path) from error

    def paths(self) -> Iterator[str]:
        """The paths of all files below the store but its mark; none where the store is not there yet."""
        with self._in_our_words("Listing the backup store failed"):
            if not self._is_there(""):
                return
            for folder, _, names in self._fs.walk(self._root, on_error="raise"):
                inside = str(folder).rstrip("/").removeprefix(self._root).strip("/")
                found = (f"{inside}/{name}" if inside else name for name in names)
                yield from (path for path in found if path != MARK)

    def _is_there(self, path: str) -> bool:
        # Not `exists`, which takes every failure for absence.
        try:
            self._fs.info(f"{self._root}/{path}".rstrip("/"))
        except FileNotFoundError:
            return False
        return True

    def _mark(self) -> None:
        """Leave the mark where there is none, so that this store can be told from one that is not ours."""
        if not self._is_there(MARK):
            about = "Backups of bi-governance are kept here. Without this file no backup counts as gone."
            self._write(MARK, json.dumps({"store": uuid.uuid4().hex, "about": about}, indent=2).encode())

    def _must_be_marked(self, path: str) -> None:
        if not self._is_there(MARK):
            raise StoreUnmarked(
                f"The {self._scheme} store has neither the backup {path} nor the file {MARK} that every "
                "store of backups has: see that backups.url leads to the right one, and that it is mounted; "
                "where all backups are lost for good, put an empty file of that name there."
            )

    def _write(self, path: str, data: bytes) -> None:
        final = f"{self._root}/{path}"
        if self._place.is_object_store:
            self._fs.pipe_file(final, data)
            return
        partial = f"{final}.{uuid.uuid4().hex}.part"
        try:
            self._fs.makedirs(final.rpartition("/")[0], exist_ok=True)
            with self._fs.open(partial, "wb") as file:
                file.write(data)
                _settle(file)
            self._fs.mv(partial, final)
        except OSError:
            with contextlib.suppress(OSError):
                self._fs.rm_file(partial)
            raise

    def _read(self, path: str) -> bytes:
        try:
            data: bytes = self._fs.cat_file(f"{self._root}/{path}")
        except FileNotFoundError as error:
            raise self._not_there(path) from error
        return data

    def _not_there(self, path: str) -> NotInBackup:
        return NotInBackup(f"There is no backup {path} in the {self._scheme} store.")

    @contextlib.contextmanager
    def _in_our_words(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._place.errors as error:
            said = getattr(error, "strerror", None) or str(error) or type(error).__name__
            # Some vendors add whole paragraphs of headers.
            reason = said.strip().splitlines()[0].rstrip(".")
            raise StorageError(f"{what}: the {self._scheme} store says: {reason}.") from error


def _folder(key: VisualKey) -> str:
    """A folder only this key can have: readable where its characters allow, told apart by a hash."""
    mark = hashlib.sha256(str(key).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_readable(key.source)}/{_readable(key.type)}/{_readable(key.native_id)}-{mark}"


def _readable(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-")[:60] or "x"


def _name_of(path: str) -> re.Match[str]:
    name = NAME.fullmatch(PurePosixPath(path).name)
    if name is None or not _is_inside(path):
        raise NotInBackup(f"'{path}' is not the path of a backup.")
    return name


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in PurePosixPath(path).parts


def _must_be_of(key: VisualKey, content: BackupContent) -> None:
    said = content.manifest.get("key", str(key))
    if said != str(key):
        raise StorageError(f"The backup made for {key} says it is of {said}, so it was not saved.")
    empty = [name for name, data in content.files.items() if not data]
    if not content.files or empty:
        what = f"an empty file, {empty[0]}" if empty else "no file at all"
        raise StorageError(
            f"The backup of {key} holds {what}, which brings nothing back, so it was not saved."
        )


def _pack(key: VisualKey, episode: int, content: BackupContent, at: datetime) -> bytes:
    entries = {name: f"files/{number:04d}-{_readable(name)}" for number, name in enumerate(content.files)}
    manifest = {
        "format": FORMAT,
        "key": str(key),
        "title": content.manifest.get("title", ""),
        "episode": episode,
        "saved_at": at.astimezone(UTC).isoformat(),
        "files": [
            {
                "name": name,
                "entry": entries[name],
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            for name, data in content.files.items()
        ],
        "manifest": dict(content.manifest),
    }
    text = _as_json(key, manifest)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, MANIFEST, text)
        for name, data in content.files.items():
            _add(archive, entries[name], data)
    return buffer.getvalue()


def _as_json(key: VisualKey, manifest: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise StorageError(f"The backup of {key} holds what JSON cannot: {error}.") from error
    return text.encode("utf-8", "surrogatepass")


def _add(archive: zipfile.ZipFile, entry: str, data: bytes) -> None:
    info = zipfile.ZipInfo(entry, ZIP_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def _unpack(path: str, data: bytes) -> BackupContent:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            if manifest["format"] != FORMAT:
                raise ValueError(f"it is of format {manifest['format']}, not {FORMAT}")
            files = {file["name"]: _entry(archive, file) for file in manifest["files"]}
            return BackupContent(files, manifest["manifest"])
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise BackupUnreadable(f"The backup {path} cannot be read: {error}.") from error


def _entry(archive: zipfile.ZipFile, file: Mapping[str, Any]) -> bytes:
    data = archive.read(file["entry"])
    if hashlib.sha256(data).hexdigest() != file["sha256"]:
        raise ValueError(f"its file {file['name']} does not match its checksum")
    return data


def _settle(file: Any) -> None:
    """Ask for the bytes to be on the disk, where the file system is one that has a disk."""
    file.flush()
    with contextlib.suppress(io.UnsupportedOperation, AttributeError):
        os.fsync(file.fileno())
