"""Encryption at rest: AES-256-GCM under the newest key; older keys only read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bi_governance.errors import BackupLocked, BackupUnreadable, ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# An encrypted file: this, the mark of its key, a nonce used once, the sealed content with its tag.
MAGIC = b"bi-governance AES-256-GCM 1\n"
MARK_BYTES, NONCE_BYTES, KEY_BYTES = 4, 12, 32
NEW_KEY = "openssl rand -base64 32"


class Keys:
    """The key that seals (none: nothing is sealed), and all that can open; no key is ever shown."""

    def __init__(self, key: str | None = None, old_keys: Iterable[str] = ()) -> None:
        """Keys are 32 random bytes in base64; ConfigurationError for any other text, and for none."""
        self._newest = None if key is None else _bytes_of(key, "backups.key")
        older = [_bytes_of(old, name) for name, old in _named(old_keys)]
        self._known = {_mark(each): each for each in (self._newest, *older) if each is not None}

    def __repr__(self) -> str:
        return f"Keys({self})"

    def __str__(self) -> str:
        """The state for people: the mark of a key says which one it is and nothing about it."""
        if self._newest is None:
            return "not encrypted: there is no backups.key"
        return f"encrypted with key {_mark(self._newest).hex()}"

    @property
    def can_seal(self) -> bool:
        return self._newest is not None

    def seal(self, data: bytes) -> bytes:
        """The data encrypted under the newest key; asked only where there is one."""
        assert self._newest is not None
        head, nonce = MAGIC + _mark(self._newest), os.urandom(NONCE_BYTES)
        return head + nonce + _cipher(self._newest).encrypt(nonce, data, head)

    def open(self, sealed: bytes, what: str) -> bytes:
        """What was sealed; BackupLocked when we do not have its key, BackupUnreadable when it is damaged."""
        head, rest = sealed[: len(MAGIC) + MARK_BYTES], sealed[len(MAGIC) + MARK_BYTES :]
        if not head.startswith(MAGIC) or len(rest) < NONCE_BYTES:
            raise BackupUnreadable(f"{what} is not encrypted the way bi-governance does it.")
        mark = head[len(MAGIC) :]
        if mark not in self._known:
            raise BackupLocked(
                f"{what} is encrypted with key {mark.hex()}, which is neither backups.key nor among "
                "backups.old_keys; add that key to backups.old_keys."
            )
        return _opened(self._known[mark], rest, head, what)


def mistakes(key: str | None, old_keys: Iterable[str]) -> list[str]:
    """What is wrong with the configured keys, one sentence each."""
    found = []
    for name, text in (*(() if key is None else (("backups.key", key),)), *_named(old_keys)):
        try:
            _bytes_of(text, name)
        except ConfigurationError as error:
            found.append(str(error))
    return found


def _named(old_keys: Iterable[str]) -> list[tuple[str, str]]:
    return [(f"backups.old_keys[{number}]", key) for number, key in enumerate(old_keys)]


def _bytes_of(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{name}: must be {KEY_BYTES} bytes in base64; make them with: {NEW_KEY}")
    return key


def _mark(key: bytes) -> bytes:
    """Which key it is, one way: nothing about the key itself can be told from it."""
    return hashlib.sha256(b"bi-governance backup key" + key).digest()[:MARK_BYTES]


def _opened(key: bytes, rest: bytes, head: bytes, what: str) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415

    try:
        return _cipher(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], head)
    except InvalidTag as error:
        raise BackupUnreadable(f"{what} cannot be decrypted: it was changed or damaged.") from error


def _cipher(key: bytes) -> AESGCM:
    # Takes long to import, which everybody without a key does without.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)
