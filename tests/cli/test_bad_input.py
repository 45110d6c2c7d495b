"""Bad input and faults, from the command line: one clear sentence, the right exit status, nothing deleted."""

import subprocess
import sys

import duckdb
import pytest

from bi_governance.sandbox.server import Fault

LOCKER = "import duckdb,sys; c=duckdb.connect(sys.argv[1]); print('locked', flush=True); sys.stdin.read()"


def sentence(result):
    """The one thing said on standard error; never a traceback, never a secret."""
    assert "Traceback" not in result.err + result.out
    for secret in ("client_secret=", "xoxb"):
        assert secret not in result.err
    return " ".join(result.err.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command"),
        (["plan", "--nope"], "No such option"),
        (["--config", "elsewhere.yml", "status"], "bi-governance init"),
        (["plan", "--as-of", "tomorrow"], "is not a date"),
        (["run", "--as-of", "2026-01-01"], "--as-of works with"),
        (["--as-of", "2026-01-01", "delete"], "--as-of works with"),
        (["plan", "--source", "nowhere"], "configured are: looker_prod, superset"),
        (["explain", "just-a-title"], "is not a visual key"),
        (["mode", "live"], "needs a reason"),
        (["mode", "alive", "--reason", "x"], "dry-run"),
        (["delete", "--plan", "no-such-file.json"], "is not a plan"),
        (["keep", "looker_prod:dashboard:1"], "--until"),
        (["init"], "already exists"),
    ],
)
def test_wrong_arguments_end_with_status_2(desk, arguments, said):
    result = desk.run(*arguments)
    assert result.status == 2, result.err
    assert said in sentence(result)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"polcy": {}}, "did you mean 'policy'?"),
        ({"sources": {"a": {"platform": "lookr"}}}, "did you mean 'looker'?"),
        ({"sources": {"a": {"platform": "looker", "base_url": "http://127.0.0.1:1"}}}, "client_id"),
        (
            {"sources": {"a": {"platform": "superset", "base_url": "x", "username": "u", "passwrd": "p"}}},
            "password",
        ),
        (
            {
                "sources": {
                    "a": {
                        "platform": "superset",
                        "base_url": "x",
                        "username": "u",
                        "password": "${S}",
                        "pasword": "p",
                    }
                }
            },
            "did you mean 'password'?",
        ),
        ({"ledger": {"url": "nonsense"}}, "ledger"),
        ({"warehouse": {"url": "nonsense://x"}}, "warehouse"),
        ({"backups": {"url": "gs://bucket/x"}}, 'install it with: pip install "bi-governance[gcs]"'),
        ({"backups": {"url": "s4://bucket/x"}}, "did you mean s3://?"),
    ],
)
def test_wrong_configuration_ends_with_status_2(desk, change, said):
    desk.config.update(change)
    desk.write()
    result = desk.run("run")
    assert result.status == 2, (result.err, result.out)
    assert said in sentence(result).lower()


def test_missing_secret_is_named_not_guessed(desk):
    del desk.secrets["SUPERSET_PASSWORD"]
    result = desk.run("run")
    assert result.status == 2
    assert "SUPERSET_PASSWORD is not set" in sentence(result)


def test_plan_before_anything_was_collected_says_what_to_do(desk):
    result = desk.run("plan")
    assert result.status == 1
    assert "bi-governance" in sentence(result)


def test_a_locked_warehouse_file_is_one_sentence(office):
    (office.folder / "data").mkdir()
    lock = office.folder / "data" / "warehouse.duckdb"
    program = (
        "import duckdb,sys; c=duckdb.connect(sys.argv[1]); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline().strip() == "locked"
        result = office.run("run")
    finally:
        holder.communicate("")
    assert result.status == 1
    assert "warehouse.duckdb" in sentence(result)
    assert office.writes() == []
    duckdb.connect(str(lock)).close()


FAULTS = {
    "unreachable": Fault("/", "drop", times=None),
    "401": Fault("/", "status", status=401, times=None),
    "403": Fault("/", "status", status=403, times=None),
    "404": Fault("/", "status", status=404, times=None),
    "500": Fault("/", "status", status=500, times=None),
    "html login page": Fault("/", "html", times=None),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_source_that_fails_leaves_the_other_working(office, fault):
    office.looker.faults.add(fault)
    result = office.run("run", "--json")
    assert result.status == 1, result.err
    assert "looker_prod" in result.out
    assert "collection_complete" in result.out
    told = [m for m in office.slack.messages() if "looker_prod" not in m.text]
    assert told
    assert office.writes() == []


def test_an_empty_access_feed_with_status_200_is_not_believed(office):
    office.looker.faults.add(Fault("/queries/run/json", "empty", times=None))
    result = office.run("run", "--json", "--source", "looker_prod")
    assert result.status == 3, result.err
    assert "no access history is proven complete" in result.out
    assert '"action": "warn"' not in result.out


def test_slack_refusing_ends_with_status_1_and_nobody_counts_as_warned(office):
    office.slack.faults.add(
        Fault(
            "chat.postMessage", "status", status=200, body={"ok": False, "error": "is_archived"}, times=None
        )
    )
    result = office.run("run", "--json")
    assert result.status == 1
    assert "is_archived" in result.out
    assert office.slack.messages() == []
    office.slack.faults.clear()
    again = office.run("plan", "--json")
    assert '"action": "warn"' in again.out


def test_live_is_refused_before_the_trial_is_over(office):
    assert office.run("run", "--json").status == 0
    result = office.run("mode", "live", "--reason", "impatient", "--yes")
    assert result.status == 3
    assert "trial is not finished" in sentence(result)
    assert "dry-run" in office.run("mode").out
    assert '"request.refused"' in office.run("audit", "export").out


def test_a_dry_run_from_the_command_line_writes_nothing_anywhere(office):
    result = office.run("run")
    assert result.status == 0, result.err
    assert "nothing was deleted" in result.out
    assert office.writes() == []
    for command in (["status"], ["plan"], ["report"], ["doctor"]):
        shown = office.run(*command)
        assert shown.status == 0, (command, shown.err, shown.out)
        assert "Traceback" not in shown.err
    assert office.writes() == []


def test_an_owner_can_keep_something_while_a_run_holds_the_warehouse(office):
    (office.folder / "data").mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(office.folder / "data" / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline().strip() == "locked"
        kept = office.run("keep", "looker_prod:dashboard:1", "--until", "2099-01-31")
        unknown = office.run("keep", "nowhere:dashboard:1", "--until", "2099-01-31")
    finally:
        holder.communicate("")
    assert kept.status == 0, kept.err
    assert "could not be looked up" in kept.err
    assert unknown.status == 1
