"""Encrypted backups: unreadable without the key, readable with any key that is still configured."""

import base64
import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bi_governance.backups import FsspecBackups, Keys
from bi_governance.backups.encryption import MAGIC
from bi_governance.config_file import load_settings
from bi_governance.errors import BackupLocked, BackupUnreadable, ConfigurationError
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
KEY = VisualKey("looker_prod", "dashboard", "42")
CONTENT = BackupContent({"dashboard.json": b'{"owner": "ada@acme.example"}'}, {"key": str(KEY), "title": "T"})
FIRST, SECOND = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def store(folder: Path, key: str | None = None, *old_keys: str) -> FsspecBackups:
    return FsspecBackups(f"file://{folder}", Keys(key, old_keys))


def test_nothing_of_an_encrypted_backup_can_be_read_without_its_key(tmp_path) -> None:
    ref = store(tmp_path, FIRST).save(KEY, 3, CONTENT, NOW)
    stored = (tmp_path / ref.path).read_bytes()
    assert stored.startswith(MAGIC)
    assert not any(word in stored for word in (b"PK\x03\x04", b"manifest", b"dashboard.json", b"ada@"))
    assert store(tmp_path, FIRST).load(ref.path) == CONTENT


def test_the_checksum_in_the_name_is_that_of_the_stored_bytes(tmp_path) -> None:
    ref = store(tmp_path, FIRST).save(KEY, 3, CONTENT, NOW)
    stored = (tmp_path / ref.path).read_bytes()
    assert ref.path.endswith(f"/episode-0003.{hashlib.sha256(stored).hexdigest()}.zip.enc")
    assert (ref.sha256, ref.size) == (hashlib.sha256(stored).hexdigest(), len(stored))


def test_plain_and_encrypted_backups_of_several_keys_are_read_side_by_side(tmp_path) -> None:
    stores = [store(tmp_path), store(tmp_path, FIRST), store(tmp_path, SECOND, FIRST)]
    paths = [each.save(KEY, number, CONTENT, NOW).path for number, each in enumerate(stores)]
    assert [stores[-1].load(path) for path in paths] == [CONTENT] * 3
    assert [path.endswith(".enc") for path in paths] == [False, True, True]


@pytest.mark.parametrize("keys", [(None,), (SECOND,)], ids=["no key", "another key"])
def test_a_missing_key_is_said_in_one_sentence_and_no_key_is_shown(tmp_path, keys) -> None:
    ref = store(tmp_path, FIRST).save(KEY, 3, CONTENT, NOW)
    with pytest.raises(BackupLocked) as locked:
        store(tmp_path, *keys).load(ref.path)
    said = str(locked.value)
    assert "which is neither backups.key nor among backups.old_keys; add that key to" in said
    assert said.count(". ") == 0
    assert FIRST not in said
    assert SECOND not in said


def test_the_same_content_is_never_sealed_the_same_way_twice(tmp_path) -> None:
    """A nonce used twice under one key would give both contents away."""
    sealing = store(tmp_path, FIRST)
    assert len({sealing.save(KEY, 3, CONTENT, NOW).path for _ in range(5)}) == 5


@pytest.mark.parametrize("position", [0, len(MAGIC), len(MAGIC) + 5, -1])
def test_a_changed_byte_is_noticed_even_where_the_name_was_changed_with_it(tmp_path, position) -> None:
    sealing = store(tmp_path, FIRST)
    stored = bytearray((tmp_path / sealing.save(KEY, 3, CONTENT, NOW).path).read_bytes())
    stored[position] ^= 1
    name = f"episode-0003.{hashlib.sha256(stored).hexdigest()}.zip.enc"
    (tmp_path / name).write_bytes(stored)
    with pytest.raises(BackupUnreadable):
        sealing.load(name)


def test_a_plain_file_does_not_pass_for_an_encrypted_one(tmp_path) -> None:
    path = tmp_path / store(tmp_path).save(KEY, 3, CONTENT, NOW).path
    path.rename(path.with_name(f"{path.name}.enc"))
    renamed = path.relative_to(tmp_path).as_posix() + ".enc"
    with pytest.raises(BackupUnreadable, match="is not encrypted the way bi-governance does it"):
        store(tmp_path, FIRST).load(renamed)


def test_doctor_writes_and_reads_with_the_key_and_says_which_it_is(tmp_path) -> None:
    assert store(tmp_path).check().endswith("; not encrypted: there is no backups.key")
    said = store(tmp_path, FIRST).check()
    mark = hashlib.sha256(b"bi-governance backup key" + bytes([1]) * 32).hexdigest()[:8]
    assert said.endswith(f"; encrypted with key {mark}")
    assert list(tmp_path.iterdir()) == []


def test_keys_are_never_shown(tmp_path, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    keys = Keys(FIRST, [SECOND])
    FsspecBackups(f"file://{tmp_path}", keys).save(KEY, 3, CONTENT, NOW)
    said = f"{keys} {keys!r} {caplog.text}"
    assert not any(secret in said for secret in (FIRST, SECOND, repr(bytes([1]) * 32)))


# What is no key


@pytest.mark.parametrize(
    "text", ["", "short", base64.b64encode(b"x" * 16).decode(), "ä" * 44, FIRST + "AAAA"]
)
def test_what_is_no_key_is_refused_without_being_repeated(text) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Keys(text)
    said = str(refused.value)
    assert said == "backups.key: must be 32 bytes in base64; make them with: openssl rand -base64 32"


def test_both_alphabets_of_base64_are_the_same_key() -> None:
    raw = bytes(range(200, 232))
    plain, web = base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()
    assert plain != web
    assert str(Keys(plain)) == str(Keys(web))


def settings(tmp_path: Path, text: str, **environment: str) -> str:
    file = tmp_path / "bi.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_settings(file, environment)
    return str(refused.value)


def test_a_key_in_the_file_itself_is_refused(tmp_path) -> None:
    said = settings(tmp_path, f"backups: {{key: '{FIRST}', old_keys: ['{SECOND}']}}")
    assert "backups.key: secrets come from the environment; write ${BACKUP_KEY} and set that variable" in said
    assert "backups.old_keys[0]: secrets come from the environment" in said
    assert FIRST not in said
    assert SECOND not in said


def test_an_empty_variable_is_a_mistake_and_not_a_plain_backup(tmp_path) -> None:
    said = settings(tmp_path, "backups: {key: '${K}', old_keys: ['${K}']}", K="")
    assert "backups.key: must be 32 bytes" in said
    assert "backups.old_keys[0]: must be 32 bytes" in said


def test_a_configured_key_does_not_show_in_the_settings(tmp_path) -> None:
    file = tmp_path / "bi.yml"
    file.write_text("backups: {key: '${K}', old_keys: ['${O}']}", encoding="utf-8")
    loaded = load_settings(file, {"K": FIRST, "O": SECOND})
    assert loaded.backups.key == FIRST
    assert not any(secret in f"{loaded!r} {loaded}" for secret in (FIRST, SECOND))
