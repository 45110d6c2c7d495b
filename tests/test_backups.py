"""Backups: whole or not at all, read back before they count, and never trusted once they were touched."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fsspec.core import url_to_fs
from fsspec.spec import AbstractFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from bi_governance.backups import FsspecBackups
from bi_governance.backups.store import MARK
from bi_governance.errors import BackupUnreadable, NotInBackup, StorageError
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
KEY = VisualKey("looker_prod", "dashboard", "42")
CONTENT = BackupContent(
    {"dashboard.json": b'{"id": "42"}', "tiles/1.json": b"[]", "image \xe9.png": bytes(range(256)) * 40},
    {"key": str(KEY), "title": "Weekly «sales» 📊", "owner": None, "children": ["a:b:c"], "lost": ["alerts"]},
)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)


@pytest.fixture(params=["file", "memory", pytest.param("s3", marks=pytest.mark.xdist_group("s3"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return request.getfixturevalue("bucket") + "/store"
    return f"file://{tmp_path}/store" if request.param == "file" else f"memory://{tmp_path.name}/store"


@pytest.fixture
def store(url: str) -> FsspecBackups:
    return FsspecBackups(url)


def files_at(url: str) -> tuple[AbstractFileSystem, str]:
    """The same store, seen by somebody else who remembers nothing of it."""
    return url_to_fs(url, use_listings_cache=False)


def everything(url: str) -> list[str]:
    """All files but the mark that says whose store it is."""
    fs, root = files_at(url)
    return sorted(path for path in fs.find(root) if not path.endswith(MARK))


def test_what_was_saved_comes_back(store: FsspecBackups) -> None:
    ref = store.save(KEY, 3, CONTENT, NOW)
    assert store.load(ref.path) == CONTENT


def test_the_reference_says_where_how_big_and_what_it_hashes_to(store: FsspecBackups, url: str) -> None:
    ref = store.save(KEY, 3, CONTENT, NOW)
    (path,) = everything(url)
    assert path.endswith(f"/store/{ref.path}")
    data = files_at(url)[0].cat_file(path)
    assert (ref.size, ref.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert ref.path.startswith("looker_prod/dashboard/42-")
    assert f"/episode-0003.{ref.sha256}.zip" in ref.path


def test_a_person_can_read_it_without_us(tmp_path: Path) -> None:
    ref = FsspecBackups(f"file://{tmp_path}").save(KEY, 3, CONTENT, NOW)
    with zipfile.ZipFile(tmp_path / ref.path) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.read("files/0000-dashboard-json") == b'{"id": "42"}'
    assert (manifest["key"], manifest["title"], manifest["episode"]) == (str(KEY), "Weekly «sales» 📊", 3)
    assert manifest["saved_at"] == "2026-03-09T08:00:00+00:00"
    assert [file["name"] for file in manifest["files"]] == list(CONTENT.files)
    assert all(len(file["sha256"]) == 64 for file in manifest["files"])


def test_saving_the_same_again_is_the_same_file(store: FsspecBackups, url: str) -> None:
    assert store.save(KEY, 3, CONTENT, NOW) == store.save(KEY, 3, CONTENT, NOW)
    assert len(everything(url)) == 1


def test_an_earlier_backup_is_never_overwritten(store: FsspecBackups) -> None:
    changed = replace(CONTENT, files={"dashboard.json": b"{}"})
    first, second = store.save(KEY, 3, CONTENT, NOW), store.save(KEY, 3, changed, NOW)
    assert store.load(first.path) == CONTENT
    assert store.load(second.path) == changed


@settings(deadline=None, max_examples=200)  # each one writes files to the disk
@given(
    keys=st.lists(st.builds(VisualKey, ANY_TEXT, ANY_TEXT, ANY_TEXT), min_size=1, max_size=3, unique=True),
    files=st.dictionaries(ANY_TEXT, st.binary(min_size=1, max_size=200), min_size=1, max_size=4),
    title=ANY_TEXT,
)
def test_any_key_and_any_file_names(tmp_path_factory, keys, files, title) -> None:
    root = tmp_path_factory.mktemp("store")
    store = FsspecBackups(f"file://{root}")
    contents = {key: BackupContent(files, {"key": str(key), "title": title}) for key in keys}
    refs = {key: store.save(key, 0, content, NOW) for key, content in contents.items()}
    for key, ref in refs.items():
        assert store.load(ref.path) == contents[key]
        assert len(Path(ref.path).parts) == 4
        assert ref.path.isascii()
    # Keys whose text is the same are the same visual; all others have a folder of their own.
    assert len({Path(ref.path).parent for ref in refs.values()}) == len({str(key) for key in keys})
    found = {path.relative_to(root).as_posix() for path in root.rglob("*.zip")}
    assert found == {ref.path for ref in refs.values()}


@pytest.mark.parametrize(
    "native_id", ["../../etc/passwd", "a/b", "..", "*", "[x]", "CON", "a" * 1000, "model::name"]
)
def test_no_key_leads_out_of_the_store(tmp_path: Path, native_id: str) -> None:
    key = VisualKey("s", "d", native_id)
    store = FsspecBackups(f"file://{tmp_path}/in/store")
    ref = store.save(key, 0, BackupContent({"f": b"x"}, {"key": str(key)}), NOW)
    found = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {tmp_path / "in/store" / ref.path, tmp_path / "in/store" / MARK}


def test_every_file_in_the_store_is_listed_and_no_store_yet_is_no_error(store: FsspecBackups) -> None:
    assert list(store.paths()) == []
    other = VisualKey("superset", "chart", "7")
    content = BackupContent({"a": b"x"}, {"key": str(other)})
    refs = [store.save(KEY, 3, CONTENT, NOW), store.save(other, 0, content, NOW)]
    assert sorted(store.paths()) == sorted(ref.path for ref in refs)


# What is no backup


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BackupContent({}, {"key": str(KEY)}), "no file at all"),
        (BackupContent({"a": b"x", "b": b""}, {"key": str(KEY)}), "an empty file, b"),
        (
            BackupContent({"a": b"x"}, {"key": "looker_prod:dashboard:43"}),
            "says it is of looker_prod:dashboard:43",
        ),
        (BackupContent({"a": b"x"}, {"key": str(KEY), "at": NOW}), "holds what JSON cannot"),
    ],
)
def test_what_brings_nothing_back_is_not_saved(store: FsspecBackups, url: str, content, why: str) -> None:
    with pytest.raises(StorageError, match=why):
        store.save(KEY, 0, content, NOW)
    assert everything(url) == []


# Reading back


@pytest.mark.parametrize("position", [0, 100, -1])
def test_a_changed_byte_is_noticed(store: FsspecBackups, url: str, position: int) -> None:
    ref = store.save(KEY, 0, CONTENT, NOW)
    fs, _ = files_at(url)
    (path,) = everything(url)
    data = bytearray(fs.cat_file(path))
    data[position] ^= 1
    fs.pipe_file(path, bytes(data))
    with pytest.raises(BackupUnreadable, match="checksum does not match"):
        store.load(ref.path)


def test_a_truncated_file_is_noticed(store: FsspecBackups, url: str) -> None:
    ref = store.save(KEY, 0, CONTENT, NOW)
    fs, _ = files_at(url)
    (path,) = everything(url)
    fs.pipe_file(path, fs.cat_file(path)[:-10])
    with pytest.raises(BackupUnreadable):
        store.load(ref.path)


def _zip(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name.replace("_json", ".json")), data)
    return buffer.getvalue()


WRONG_FILE = {"format": 1, "files": [{"name": "a", "entry": "a", "sha256": "0" * 64}], "manifest": {}}
NO_BACKUPS = {
    "empty": b"",
    "text": b"not a zip",
    "empty zip": _zip(),
    "manifest is no JSON": _zip(manifest_json=b"not JSON"),
    "manifest is a list": _zip(manifest_json=b"[]"),
    "no format": _zip(manifest_json=b'{"files": [], "manifest": {}}'),
    "a later format": _zip(manifest_json=b'{"format": 2, "files": [], "manifest": {}}'),
    "a file without entry": _zip(manifest_json=b'{"format": 1, "files": [{"name": "a"}], "manifest": {}}'),
    "a missing file": _zip(manifest_json=json.dumps(WRONG_FILE).encode()),
    "a changed file": _zip(manifest_json=json.dumps(WRONG_FILE).encode(), a=b"changed"),
}


@pytest.mark.parametrize("data", NO_BACKUPS.values(), ids=NO_BACKUPS)
def test_a_file_whose_name_fits_but_whose_content_is_no_backup(tmp_path: Path, data: bytes) -> None:
    name = f"episode-0000.{hashlib.sha256(data).hexdigest()}.zip"
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BackupUnreadable, match="cannot be read"):
        FsspecBackups(f"file://{tmp_path}").load(name)


@pytest.mark.parametrize(
    "path",
    ["", "x.zip", f"../episode-0000.{'0' * 64}.zip", f"/episode-0000.{'0' * 64}.zip", "episode-0000.zip"],
)
def test_what_is_no_path_of_a_backup(store: FsspecBackups, path: str) -> None:
    with pytest.raises(NotInBackup, match="is not the path of a backup"):
        store.load(path)


def test_what_is_not_there(store: FsspecBackups, url: str) -> None:
    with pytest.raises(NotInBackup, match="There is no backup"):
        store.load(f"a/b/c/episode-0000.{'0' * 64}.zip")
    ref = store.save(KEY, 0, CONTENT, NOW)
    fs, _ = files_at(url)
    fs.rm_file(everything(url)[0])
    with pytest.raises(NotInBackup):
        store.load(ref.path)


def test_what_was_written_is_read_back_before_it_counts(store: FsspecBackups, monkeypatch) -> None:
    """A disk that acknowledges and forgets: the file system returns other bytes than it was given."""
    right = store._fs.cat_file
    monkeypatch.setattr(store._fs, "cat_file", lambda path: right(path)[:-1] + b"?")
    with pytest.raises(BackupUnreadable):
        store.save(KEY, 0, CONTENT, NOW)


# Storage that fails


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = FsspecBackups(f"file://{tmp_path}/file")
    with pytest.raises(
        StorageError, match=r"Backing up looker_prod:dashboard:42 failed: the file store says: .*\.$"
    ):
        store.save(KEY, 0, CONTENT, NOW)


PROGRAM = """
import resource, sys
from tests.test_backups import *
store = FsspecBackups(f"file://{sys.argv[1]}")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    print(store.save(KEY, 0, BackupContent({"a": os.urandom(50_000)}, {"key": str(KEY)}), NOW).size)
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 1, 20_000, 60_000])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    """The real limit of the operating system on how long a file may get, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", PROGRAM, str(tmp_path), str(room)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != MARK]
    if room < 50_000:
        assert done.stdout.strip() == (
            "Backing up looker_prod:dashboard:42 failed: the file store says: File too large."
        )
        assert files == []
    else:
        assert [path.stat().st_size for path in files] == [int(done.stdout)]


def test_a_backup_gets_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    """What the interpreter itself reports about every file opened for writing, in a process of its own."""
    program = (
        "import sys\n"
        "from tests.test_backups import *\n"
        "written = []\n"
        "def note(name, details):\n"
        "    if name == 'open' and set(str(details[1])) & set('wax+'):\n"
        "        written.append(str(details[0]))\n"
        "sys.addaudithook(note)\n"
        "FsspecBackups(f'file://{sys.argv[1]}').save(KEY, 0, CONTENT, NOW)\n"
        "print(*written, sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    (partial,) = (path for path in done.stdout.split() if MARK not in path)
    (final,) = tmp_path.rglob("*.zip")
    assert partial.startswith(f"{final}.")
    assert partial.endswith(".part")


def test_killed_at_any_moment_there_is_no_half_backup(tmp_path: Path) -> None:
    program = (
        PROGRAM.replace("try:", "while True:")
        .split("except")[0]
        .replace("    print", "    print(flush=True);")
    )
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", program, str(tmp_path), str(10**9)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    for _ in range(5):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    store = FsspecBackups(f"file://{tmp_path}")
    complete = sorted(tmp_path.rglob("*.zip"))
    assert len(complete) >= 4
    for path in complete:
        assert store.load(path.relative_to(tmp_path).as_posix()).files


# Addresses


def test_relative_addresses_start_where_the_program_was_started(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FsspecBackups("file://data/backups")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ref = store.save(KEY, 0, CONTENT, NOW)
    assert (tmp_path / "data/backups" / ref.path).is_file()
