"""`audit`: the ledger checked and copied, by the commands themselves."""

import csv
import io
import json

import pytest
import sqlalchemy as sa

from bi_governance import events as ev
from bi_governance.cli import main
from bi_governance.explain import event_json
from bi_governance.ledger import SqlLedger
from tests.ledger.samples import NOW, kept, one_of_each_kind


@pytest.fixture
def events(tmp_path, monkeypatch) -> list[ev.Event]:
    """A ledger with an event of each kind, where the configuration says it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bi.yml").write_text("ledger: {url: sqlite:///ledger.db}\n", encoding="utf-8")
    ledger = SqlLedger("sqlite:///ledger.db")
    ledger.prepare()
    found = one_of_each_kind()
    ledger.append([*found, ev.Exempted(at=NOW, key=kept().key, reason="r", actor="=cmd()")])
    ledger.close()
    return list(ledger.events())


def audit(capsys, *words: str, status: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["-c", "bi.yml", "audit", *words])
    assert (ended.value.code or 0) == status
    return capsys.readouterr()


def tamper(statement: str) -> None:
    with sa.create_engine("sqlite:///ledger.db").begin() as connection:
        names = connection.exec_driver_sql("select name from sqlite_master where type = 'trigger'").scalars()
        for name in list(names):
            connection.exec_driver_sql(f'drop trigger "{name}"')
        connection.exec_driver_sql(statement)


def test_a_whole_ledger_is_said_to_be_whole(capsys, events) -> None:
    value = json.loads(audit(capsys, "verify", "--json").out)
    assert value["events"] == len(events)
    said = audit(capsys, "verify", "--head", value["head"]).out
    assert f"{len(events)} events, none of them changed" in said
    assert value["head"] in said


def test_a_changed_event_is_named(capsys, events) -> None:
    tamper("update event set actor = 'nobody' where seq = 3")
    assert "tampered with: event 3 " in " ".join(audit(capsys, "verify", status=1).err.split())


def test_what_was_cut_off_is_found_by_a_head_noted_earlier(capsys, events) -> None:
    head = json.loads(audit(capsys, "verify", "--json").out)["head"]
    tamper(f"delete from event where seq = {len(events)}")
    assert json.loads(audit(capsys, "verify", "--json").out)["events"] == len(events) - 1
    said = " ".join(audit(capsys, "verify", "--head", head, status=1).err.split())
    assert "events were cut off at its end" in said


def test_every_event_is_exported(capsys, events) -> None:
    lines = audit(capsys, "export").out.splitlines()
    assert [json.loads(line) for line in lines] == [event_json(event) for event in events]


def test_a_table_holds_the_same_and_no_formula(capsys, tmp_path, events) -> None:
    assert f"{len(events)} events written" in audit(capsys, "export", "-f", "csv", "-o", "all.csv").out
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text(encoding="utf-8"))))
    assert len(rows) == len(events)
    assert rows[-1]["actor"] == "'=cmd()"
    assert json.loads(rows[-1]["data"])["reason"] == "r"


def test_a_file_that_cannot_be_written_is_one_sentence(capsys, events) -> None:
    said = " ".join(audit(capsys, "export", "-o", "nowhere/all.jsonl", status=1).err.split())
    assert "could not be written to nowhere/all.jsonl" in said
