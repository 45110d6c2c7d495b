"""Running dbt: what a report says, what breaks, and what is left behind."""

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from bi_governance.errors import TransformError
from bi_governance.transform import DbtResult, platform_of, project_dir, read_report
from tests.dbt import estate
from tests.dbt.conftest import built_for
from tests.dbt.estate import DAY, NOW
from tests.warehouse.test_opening import hold


@pytest.fixture
def own_project(tmp_path):
    """A copy of the dbt project to break."""
    copy = tmp_path / "project"
    shutil.copytree(project_dir(), copy, ignore=shutil.ignore_patterns("target", "logs"))
    return copy


def test_a_failed_test_concerns_its_platform_and_the_marts_are_built_all_the_same(built):
    estate.load(built.warehouse)
    built.execute("update bi_raw.superset_historical_access set access_kind = 'telepathy'")
    report = built.transformer.build()
    assert [(failed.platform, failed.message) for failed in report.failed] == [
        ("superset", "Got 1 result, configured to warn if != 0")
    ]
    assert report.failed[0].name == "superset_rows_are_sound"
    assert len(built.warehouse.facts()) > 50


INSERTED = "insert into bi_raw.{} (source, run_id, collected_at, {}) values ('s', 'r', '2026-03-10', {})"
UNSOUND = {
    "domo": INSERTED.format("domo_page", "page_id", "null"),
    "external": INSERTED.format("external_historical_access", "event_key", "'k'"),
    "looker": "update bi_raw.looker_historical_access set accessed_at = null where event_key like '%1'",
    "powerbi": INSERTED.format("powerbi_workspace", "workspace_id", "null"),
    "superset": "update bi_raw.superset_dashboard set uuid = 'the same'",
    "tableau": INSERTED.format("tableau_view", "view_id", "null"),
}


def test_every_platform_answers_for_the_rows_it_delivered(built):
    estate.load(built.warehouse)
    for statement in UNSOUND.values():
        built.execute(statement)
    failed = {failed.name: failed.platform for failed in built.transformer.build().failed}
    # What another package's platform delivers is not told apart, so it concerns everybody.
    expected = {f"{p}_rows_are_sound": "" if p == "external" else p for p in UNSOUND}
    assert failed.items() >= expected.items()


def test_a_platform_not_collected_lately_is_stale_at_the_given_moment(url_of, tmp_path):
    moment = [NOW]
    built = built_for(url_of("duckdb"), tmp_path / "target", as_of=lambda: moment[0])
    estate.load_looker(built.warehouse, "looker", estate.HISTORY_DAYS, estate.random.Random(1))
    newest = estate.MIDNIGHT
    for moment[0], stale in (
        (newest + timedelta(hours=48), []),
        (newest + timedelta(hours=48, seconds=1), ["looker"]),
        (newest + DAY, []),
    ):
        assert [failed.platform for failed in built.transformer.build().failed] == stale
    built.warehouse.close()


def test_views_are_made_once_and_again_when_one_is_gone(built):
    estate.load(built.warehouse)
    first = built.transformer.build()
    facts = built.warehouse.facts()
    built.execute("update bi_raw.looker_dashboard set title = 'Renamed'")
    second = built.transformer.build()
    assert (second.tests, second.failed) == (first.tests, ())
    assert 0 < second.built < first.built / 5
    results = built.transformer._target / "run_results.json"
    assert len(json.loads(results.read_text())["results"]) == second.built + second.tests
    assert "Renamed" in {f.title for f in built.warehouse.facts()}
    assert len(built.warehouse.facts()) == len(facts)
    built.execute("drop view bi_governance.int_looker__visuals cascade")
    third = built.transformer.build()
    assert (third.built, third.failed) == (first.built, ())


def test_a_test_still_finds_what_is_wrong_below_a_view_that_is_not_built_again(duckdb_built):
    estate.load(duckdb_built.warehouse)
    assert duckdb_built.transformer.build().failed == ()
    duckdb_built.execute("update bi_raw.superset_historical_access set access_kind = 'telepathy'")
    assert [failed.platform for failed in duckdb_built.transformer.build().failed] == ["superset"]


def test_a_model_that_cannot_be_built_concerns_every_source(url_of, tmp_path, own_project):
    built = built_for(url_of("duckdb"), tmp_path / "target", project=own_project)
    broken = own_project / "models/staging/looker/stg_looker__users.sql"
    broken.write_text(broken.read_text().replace("not is_disabled", "cast('never' as boolean)"))
    estate.load(built.warehouse)
    report = built.transformer.build()
    assert {failed.name for failed in report.failed} == {"bi_user", "visual_last_access"}
    assert {failed.platform for failed in report.failed} == {""}
    assert all("never" in failed.message for failed in report.failed)
    built.warehouse.close()


def test_a_project_dbt_cannot_read_is_one_sentence(url_of, tmp_path, own_project):
    (own_project / "models/marts/bi_user.sql").write_text("select * from {{ ref('nowhere') }}")
    built = built_for(url_of("duckdb"), tmp_path / "target", project=own_project)
    with pytest.raises(TransformError, match=r"dbt could not parse: .*nowhere") as caught:
        built.transformer.build()
    assert "\n" not in str(caught.value)


def test_a_file_somebody_else_holds_cannot_be_transformed(duckdb_built):
    duckdb_built.warehouse.close()
    path = duckdb_built.url.removeprefix("duckdb:///")
    with hold(path) as holder:
        with pytest.raises(TransformError, match="lock"):
            duckdb_built.transformer.build()
        holder.stdin.close()
        assert holder.wait(30) == 0
    assert duckdb_built.transformer.build().failed == ()


def test_the_file_is_free_for_others_after_a_build(duckdb_built):
    duckdb_built.transformer.build()
    path = duckdb_built.url.removeprefix("duckdb:///")
    script = f"import duckdb; print(duckdb.connect({path!r}).sql('from bi_governance.bi_user').fetchall())"
    seen = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert seen.stdout == "[]\n"


def test_no_connection_to_the_server_is_left_after_a_build(url_of, tmp_path, postgres_server):
    built = built_for(url_of("postgresql"), tmp_path / "target")
    built.transformer.build()
    built.warehouse.close()
    name = built.url.rpartition("/")[2]
    with psycopg.connect(postgres_server.url().replace("+psycopg", "")) as connection:
        query = "select count(*) from pg_stat_activity where datname = %s"
        assert connection.execute(query, [name]).fetchone() == (0,)


def test_no_secret_reaches_a_file_or_outlives_the_build(url_of, tmp_path):
    built = built_for(url_of("postgresql"), tmp_path / "target")
    built.transformer.build()
    secret = built.warehouse._database.url.password
    files = [path for path in (tmp_path / "target").rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert not [name for name, value in os.environ.items() if secret in value]
    built.warehouse.close()


def test_an_installed_project_may_be_read_only(url_of, tmp_path, own_project):
    before = {path.relative_to(own_project) for path in own_project.rglob("*")}
    for path in (own_project, *own_project.rglob("*")):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    built = built_for(url_of("duckdb"), tmp_path / "target", project=own_project)
    assert built.transformer.build().failed == ()
    # Root writes where it must not, so what counts is that nothing was written.
    assert {path.relative_to(own_project) for path in own_project.rglob("*")} == before
    built.warehouse.close()


def test_a_build_says_nothing_on_the_terminal(duckdb_built, capfd):
    duckdb_built.transformer.build()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "platform"),
    [
        ("models/staging/looker/_looker__models.yml", "looker"),
        ("tests/superset/superset_was_collected_lately.sql", "superset"),
        ("models/marts/_marts__models.yml", ""),
        ("", ""),
    ],
)
def test_the_folder_says_which_platform_a_test_concerns(path, platform):
    assert platform_of(path) == platform


def test_a_skipped_node_is_neither_built_nor_a_failure():
    results = [
        DbtResult("model.bi_governance.a", "error", "Two\n  lines"),
        DbtResult("model.bi_governance.b", "skipped", ""),
        DbtResult("model.bi_governance.c", "success", "OK"),
        DbtResult("test.bi_governance.d.0123", "skipped", ""),
        DbtResult("test.bi_governance.e.0123", "fail", "Got 1 result"),
    ]
    report = read_report(results, {"test.bi_governance.e.0123": "tests/looker/e.sql"}, 1.5)
    assert (report.built, report.tests, report.seconds) == (1, 1, 1.5)
    assert [(f.name, f.platform, f.message) for f in report.failed] == [
        ("a", "", "Two lines"),
        ("e", "looker", "Got 1 result"),
    ]


def test_the_project_is_found_in_this_checkout():
    assert (project_dir() / "dbt_project.yml").is_file()
    assert project_dir().parent == Path(__file__).parents[2]
