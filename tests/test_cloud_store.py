"""Backups in a bucket: what is asked of it, what its refusals become, and addresses that lead nowhere."""

import socket
import sys
from functools import partial
from random import Random

import pytest
from fsspec.core import url_to_fs
from fsspec.registry import _registry
from s3fs import S3FileSystem

from bi_governance.backups import FsspecBackups, Keys
from bi_governance.backups.store import MARK
from bi_governance.errors import BackupLocked, BackupUnreadable, ConfigurationError, StorageError
from bi_governance.ports import BackupContent
from tests.test_backups import CONTENT, KEY, NOW
from tests.test_encryption import FIRST

FORBIDDEN = ("403 Forbidden", "AccessDenied", "Access Denied")
BROKEN = ("500 Internal Server Error", "InternalError", "We encountered an internal error")

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture
def store(bucket: str) -> FsspecBackups:
    return FsspecBackups(f"{bucket}/folder")


# What it needs the right to do


def test_saving_writes_two_objects_and_needs_no_right_to_delete_or_to_make_buckets(
    store, bucket, s3_server
) -> None:
    ref = store.save(KEY, 3, CONTENT, NOW)
    name = bucket.removeprefix("s3://")
    changing = [(m, path) for m, path in s3_server.asked if m not in ("GET", "HEAD")]
    assert changing == [("PUT", f"/{name}/folder/{MARK}"), ("PUT", f"/{name}/folder/{ref.path}")]


def test_loading_and_looking_write_nothing_in_a_marked_store(store, bucket, s3_server) -> None:
    ref = store.save(KEY, 3, CONTENT, NOW)
    s3_server.asked.clear()
    fresh = FsspecBackups(f"{bucket}/folder")
    assert fresh.load(ref.path) == CONTENT
    assert fresh.has(ref.path)
    assert list(fresh.paths()) == [ref.path]
    assert {method for method, _ in s3_server.asked} == {"GET", "HEAD"}


def test_a_bucket_that_is_not_there_is_said_and_not_made(bucket, s3_server) -> None:
    with pytest.raises(StorageError, match=r"the s3 store says: The specified bucket does not exist\.$"):
        FsspecBackups(f"{bucket}-misspelt/folder").save(KEY, 3, CONTENT, NOW)
    assert [path for method, path in s3_server.asked if method == "PUT" and path.count("/") < 2] == []


def test_a_backup_can_be_removed_and_is_then_gone(store) -> None:
    ref = store.save(KEY, 3, CONTENT, NOW)
    store.remove(ref.path)
    assert not store.has(ref.path)


def test_a_backup_sent_in_parts_is_put_together_or_is_not_there(store, s3_server, monkeypatch) -> None:
    """As from 100 MB on; the smallest part S3 takes is 5 MiB, the last one aside."""
    monkeypatch.setattr(store._fs, "pipe_file", partial(store._fs.pipe_file, chunksize=5 * 2**20))
    content = BackupContent({"a": Random(1).randbytes(12 * 2**20)}, {"key": str(KEY)})
    with s3_server.refusing(*FORBIDDEN, "POST"), pytest.raises(StorageError, match="Access Denied"):
        store.save(KEY, 3, content, NOW)
    assert list(store.paths()) == []
    s3_server.asked.clear()
    assert store.load(store.save(KEY, 3, content, NOW).path) == content
    assert [method for method, _ in s3_server.asked if method in ("PUT", "POST")] == [
        "POST",
        *["PUT"] * 3,
        "POST",
    ]


def test_doctor_writes_reads_and_removes_an_object(store, s3_server) -> None:
    assert store.check() == "s3 store, writable and readable; not encrypted: there is no backups.key"
    assert list(store.paths()) == []
    assert [m for m, _ in s3_server.asked if m in ("PUT", "DELETE")] == ["PUT", "DELETE"]


# Encryption


def test_nothing_readable_leaves_the_machine_where_there_is_a_key(bucket) -> None:
    sealing = FsspecBackups(bucket, Keys(FIRST))
    ref = sealing.save(KEY, 3, CONTENT, NOW)
    fs, root = url_to_fs(bucket, use_listings_cache=False)
    stored = fs.cat_file(f"{root}/{ref.path}")
    assert not any(word in stored for word in (b"PK\x03\x04", b"manifest", b"dashboard.json"))
    assert sealing.load(ref.path) == CONTENT
    with pytest.raises(BackupLocked):
        FsspecBackups(bucket).load(ref.path)
    fs.pipe_file(f"{root}/{ref.path}", stored[:-1] + bytes([stored[-1] ^ 1]))
    with pytest.raises(BackupUnreadable, match="checksum does not match"):
        sealing.load(ref.path)


# Stores that refuse


@pytest.mark.parametrize("refusal", [FORBIDDEN, BROKEN], ids=["403", "500"])
def test_a_backup_that_cannot_be_written_does_not_count(store, s3_server, refusal) -> None:
    with s3_server.refusing(*refusal, "PUT"):
        with pytest.raises(StorageError) as refused:
            store.save(KEY, 3, CONTENT, NOW)
    assert str(refused.value) == f"Backing up {KEY} failed: the s3 store says: {refusal[2]}."
    assert list(store.paths()) == []


@pytest.mark.parametrize("refusal", [FORBIDDEN, BROKEN], ids=["403", "500"])
def test_a_backup_that_cannot_be_read_back_does_not_count(store, s3_server, refusal) -> None:
    store.save(KEY, 2, CONTENT, NOW)
    with s3_server.refusing(*refusal, "GET"):
        with pytest.raises(StorageError, match=refusal[2]):
            store.save(KEY, 3, CONTENT, NOW)


@pytest.mark.parametrize("refusal", [FORBIDDEN, BROKEN], ids=["403", "500"])
def test_a_refusal_is_not_taken_for_absence(store, s3_server, refusal) -> None:
    ref = store.save(KEY, 3, CONTENT, NOW)
    with s3_server.refusing(*refusal, "GET", "HEAD", "DELETE"):
        for ask in (store.has, store.load, store.remove, lambda _: list(store.paths())):
            with pytest.raises(StorageError, match="the s3 store says"):
                ask(ref.path)
    assert store.load(ref.path) == CONTENT


def test_an_address_nobody_listens_at(bucket, monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(StorageError, match="the s3 store says: Could not connect to the endpoint URL"):
        FsspecBackups(bucket).save(KEY, 3, CONTENT, NOW)


def test_a_store_that_takes_the_call_and_never_answers(bucket, monkeypatch) -> None:
    monkeypatch.setattr(S3FileSystem, "read_timeout", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(StorageError, match="the s3 store says: Read timeout on endpoint URL"):
            FsspecBackups(bucket).save(KEY, 3, CONTENT, NOW)


def test_without_credentials_it_says_so(bucket, monkeypatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StorageError, match="Unable to locate credentials"):
        FsspecBackups(bucket).save(KEY, 3, CONTENT, NOW)


# Addresses


@pytest.mark.parametrize(
    ("scheme", "package", "extra"),
    [
        ("s3", "s3fs", "s3"),
        ("s3a", "s3fs", "s3"),
        ("gs", "gcsfs", "gcs"),
        ("gcs", "gcsfs", "gcs"),
        ("abfs", "adlfs", "azure"),
        ("az", "adlfs", "azure"),
    ],
)
def test_a_missing_package_is_named_by_what_installs_it(monkeypatch, scheme, package, extra) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(_registry, scheme, raising=False)
    with pytest.raises(ConfigurationError) as refused:
        FsspecBackups(f"{scheme}://bucket/backups")
    assert str(refused.value) == (
        f"backups.url: {scheme}:// needs a package that is not installed; "
        f'install it with: pip install "bi-governance[{extra}]"'
    )


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("s4", "; did you mean s3://? It can be file://, s3://, gs:// or abfs://."),
        ("files", "; did you mean file://? It can be file://, s3://, gs:// or abfs://."),
        ("gcp", "; did you mean gcs://? It can be file://, s3://, gs:// or abfs://."),
        ("nosuch", "; it can be file://, s3://, gs:// or abfs://."),
    ],
)
def test_an_unknown_place_leads_to_the_nearest_known_one(scheme, said) -> None:
    with pytest.raises(ConfigurationError) as refused:
        FsspecBackups(f"{scheme}://user:s3cret-word@x/y")
    assert str(refused.value) == f"backups.url: '{scheme}://' is not a place backups can be kept{said}"


def test_an_address_the_package_cannot_use_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match=r"backups.url: simplecache:// cannot be used: "):
        FsspecBackups("simplecache://bucket/folder")
