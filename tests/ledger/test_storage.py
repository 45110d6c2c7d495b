"""When the database is away, locked, foreign, too new or not there yet: one sentence, and no password."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import bi_governance
from bi_governance.errors import ConfigurationError, StorageBusy, StorageError
from bi_governance.ledger import SqlLedger
from bi_governance.ledger.database import WRITE_LOCK
from bi_governance.ledger.migrate import configuration
from bi_governance.ledger.schema import HEAD, VERSION_TABLE, metadata
from tests.ledger.samples import NOW, kept
from tests.servers.process import free_port


def test_preparing_twice_changes_nothing(ledger: SqlLedger, raw: sa.Engine) -> None:
    ledger.append([kept()])
    ledger.prepare()
    assert ledger.verify() == 1
    with raw.connect() as connection:
        assert list(connection.exec_driver_sql(f"select version_num from {VERSION_TABLE}").scalars()) == [
            HEAD
        ]


def test_the_newest_migration_is_the_one_the_program_expects() -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [HEAD]


def test_the_migrations_make_the_tables_the_program_uses(ledger: SqlLedger, raw: sa.Engine) -> None:
    with raw.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_ledger_newer_than_the_program_is_refused(ledger: SqlLedger, raw: sa.Engine) -> None:
    with raw.connect() as connection:
        connection.exec_driver_sql(f"update {VERSION_TABLE} set version_num = '9999'")
    with pytest.raises(StorageError, match=r"newer version \(migration 9999.*upgrade bi-governance"):
        ledger.prepare()
    with raw.connect() as connection:
        found = connection.exec_driver_sql(f"select version_num from {VERSION_TABLE}").scalar()
    assert found == "9999"


def test_a_database_that_was_not_prepared_says_so(url: str) -> None:
    ledger = SqlLedger(url)
    with pytest.raises(StorageError, match="event"):
        ledger.state()
    ledger.close()


def test_a_writer_that_waited_in_vain_says_who_is_to_blame(
    ledger: SqlLedger, raw: sa.Engine, url: str
) -> None:
    waiting = SqlLedger(url, busy_seconds=0.05)
    with raw.connect() as connection:
        if raw.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_lock(WRITE_LOCK)))
        for write in (lambda: waiting.append([kept()]), lambda: waiting.acquire("x", NOW, 1)):
            with pytest.raises(StorageBusy, match="locked by another process") as caught:
                write()
            assert_is_clean(caught.value, url)
        assert list(waiting.events()) == []  # reading goes on meanwhile
        if raw.dialect.name == "sqlite":
            connection.exec_driver_sql("rollback")
    assert waiting.append([kept()]) == 1
    waiting.close()


def test_a_server_that_does_not_answer() -> None:
    url = f"postgresql://governance:s3cret-word@127.0.0.1:{free_port()}/ledger?application_name=s3cret-word"
    ledger = SqlLedger(url)
    for use in (ledger.prepare, ledger.state, lambda: ledger.append([kept()])):
        with pytest.raises(
            StorageError, match=r"The ledger postgresql://127\.0\.0\.1/ledger cannot be used"
        ) as caught:
            use()
        assert_is_clean(caught.value, url)


def test_a_wrong_password_is_not_repeated(postgres_server) -> None:
    url = sa.make_url(postgres_server.url()).set(password="s3cret-word")
    ledger = SqlLedger(url.render_as_string(hide_password=False))
    with pytest.raises(StorageError, match="password authentication failed") as caught:
        ledger.prepare()
    assert_is_clean(caught.value, str(url))


def test_a_connection_that_was_cut_is_replaced(postgres_server, url: str, ledger: SqlLedger) -> None:
    ledger.append([kept()])
    if url.startswith("postgresql"):
        with postgres_server.connect() as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
                "and backend_type = 'client backend'"
            )
    assert ledger.append([kept()]) == 1


def test_a_file_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ledger = SqlLedger(f"sqlite:///{tmp_path}/file/ledger.db")
    with pytest.raises(StorageError, match="cannot be created"):
        ledger.prepare()
    with pytest.raises(StorageError, match="unable to open database file"):
        ledger.state()


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("this is a letter to my aunt, not a database" * 100)
    with pytest.raises(StorageError, match="file is not a database"):
        SqlLedger(f"sqlite:///{tmp_path}/ledger.db").prepare()


def test_a_file_opened_read_only_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first = SqlLedger(f"sqlite:///{path}")
    first.prepare()
    first.append([kept()])
    first.close()
    path.chmod(stat.S_IRUSR)
    reader = SqlLedger(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert len(list(reader.events())) == 1
    with pytest.raises(StorageError, match="readonly database"):
        reader.append([kept()])
    reader.close()


def test_a_new_file_gets_its_folder_and_survives_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there yet" / "ledger.db"
    ledger = SqlLedger(f"sqlite:///{path}")
    ledger.prepare()
    ledger.close()
    connection = sqlite3.connect(path)
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_file_somebody_else_is_just_setting_up_is_not_in_the_way(tmp_path: Path) -> None:
    """The one-time switch to WAL does not wait its turn; that it has to be put off is no error."""
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("create table theirs (x)")
    other.execute("begin immediate")
    ledger = SqlLedger(f"sqlite:///{tmp_path}/ledger.db", busy_seconds=0.05)
    with pytest.raises(StorageError, match="no such table: event") as caught:
        ledger.state()
    assert not isinstance(caught.value, StorageBusy)
    other.execute("rollback")
    ledger.prepare()
    assert ledger.append([kept()]) == 1
    ledger.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "is not a database URL"),
        ("data/ledger.db", "is not a database URL"),
        ("nosuch://x/y", "is not a database URL"),
        ("mysql+pymysql://u:s3cret-word@h/d", "SQLite or PostgreSQL|is not a database URL"),
        ("duckdb:///x.duckdb", "SQLite or PostgreSQL, not in duckdb"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
    ],
)
def test_an_url_that_cannot_be_a_ledger(url: str, advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice) as caught:
        SqlLedger(url)
    assert "s3cret-word" not in str(caught.value)


def test_a_server_with_stricter_defaults_cannot_make_a_writer_look_at_the_past(
    url: str, ledger: SqlLedger
) -> None:
    if url.startswith("postgresql"):
        strict = SqlLedger(f"{url}%20-cdefault_transaction_isolation%3Dserializable")
        with strict._database.writing() as connection:
            assert connection.exec_driver_sql("show transaction_isolation").scalar() == "read committed"
        strict.close()
    else:
        with ledger._database.writing(), pytest.raises(StorageBusy):
            SqlLedger(url, busy_seconds=0.05).append([kept()])


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_understood(postgres_server, scheme: str) -> None:
    with postgres_server.connect() as connection:
        connection.execute("select 1")
    url = postgres_server.url().replace("postgresql+psycopg", scheme)
    ledger = SqlLedger(url)
    with pytest.raises(StorageError, match='relation "event" does not exist'):
        ledger.state()
    ledger.close()


def test_an_installed_copy_finds_its_migrations(tmp_path: Path) -> None:
    package = Path(bi_governance.__file__).parent
    shutil.copytree(
        package, tmp_path / "100% installed" / "bi_governance", ignore=shutil.ignore_patterns("__pycache__")
    )
    program = (
        "import sys; from bi_governance.ledger import SqlLedger; import bi_governance; "
        "ledger = SqlLedger(sys.argv[1]); ledger.prepare(); print(bi_governance.__file__, ledger.verify())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, f"sqlite:///{tmp_path}/ledger.db"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "100% installed")},
    )
    assert done.stdout.split()[-1:] == ["0"], done.stderr
    assert "100% installed" in done.stdout


def test_vendor_errors_never_leave(ledger: SqlLedger, raw: sa.Engine) -> None:
    with raw.connect() as connection:
        for table in ("event", "plan", "lease"):
            connection.exec_driver_sql(f"drop table {table}")
    for use in (
        lambda: ledger.append([kept()]),
        lambda: list(ledger.events()),
        ledger.state,
        ledger.verify,
        ledger.plans,
        lambda: ledger.acquire("x", NOW, 1),
    ):
        with pytest.raises(StorageError) as caught:
            use()
        assert isinstance(caught.value.__cause__, sa.exc.SQLAlchemyError | sqlite3.Error | psycopg.Error)


def assert_is_clean(error: Exception, url: str) -> None:
    """One sentence on one line, without the password of the URL."""
    assert "\n" not in str(error)
    assert str(error).endswith(".")
    password = sa.make_url(url).password
    assert not password or str(password) not in str(error)
    assert "s3cret-word" not in str(error)
