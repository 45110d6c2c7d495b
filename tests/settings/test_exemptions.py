"""The file of reviewed exemptions: every mistake with its line, in CSV as in YAML."""

from datetime import date
from pathlib import Path

import pytest

from bi_governance.app import App
from bi_governance.errors import ConfigurationError
from bi_governance.exemption_file import read_exemptions
from bi_governance.exemptions import Exemption
from tests.settings.test_settings import load, refusal

HEAD = "key,reason,approver,expires\n"
GOOD = HEAD + "lk:dashboard:42,audited,cfo@acme.test,2027-06-30\nlk:look:*,migration,eve@acme.test,never\n"
ROWS = (
    Exemption("lk:dashboard:42", "audited", "cfo@acme.test", date(2027, 6, 30)),
    Exemption("lk:look:*", "migration", "eve@acme.test", None),
)


def written(tmp_path: Path, text: str, name: str = "exemptions.csv") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_csv_is_read_and_other_columns_ignored(tmp_path):
    assert read_exemptions(written(tmp_path, GOOD)).rows == ROWS
    more = "\ufeffticket,key,reason,approver,expires\r\nT-1, lk:look:* ,migration,eve@acme.test,never\r\n"
    assert read_exemptions(written(tmp_path, more)).rows == ROWS[1:]


@pytest.mark.parametrize("name", ["exemptions.yml", "exemptions.yaml"])
def test_yaml_is_read_as_it_is_written(tmp_path, name):
    text = """
- {key: "lk:dashboard:42", reason: audited, approver: cfo@acme.test, expires: 2027-06-30}
- key: lk:look:*
  reason: migration
  approver: eve@acme.test
  expires: never
  ticket: T-1
"""
    assert read_exemptions(written(tmp_path, text, name)).rows == ROWS
    assert read_exemptions(written(tmp_path, "", name)).rows == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key,why\n", "line 1: there is no column reason and no column approver and no column expires"),
        (HEAD + "42,r,a,never\n", "line 2, key: '42' is neither a visual key nor a glob"),
        (HEAD + "lk::42,r,a,never\n", "line 2, key: 'lk::42'"),
        (HEAD + "\nlk:look:1,,a,never\n", "line 3, reason: it is missing"),
        (HEAD + "lk:look:1,r,,never\n", "line 2, approver: it is missing"),
        (HEAD + "lk:look:1,r,a,\n", "line 2, expires: '' is no date"),
        (HEAD + "lk:look:1,r,a,2027-02-30\n", "line 2, expires: '2027-02-30' is no date"),
        (HEAD + "lk:look:1,r,a,never\nLK:look:1,r,a,never\n", "line 3, key: LK:look:1 stands in line 2"),
    ],
)
def test_a_mistake_names_its_line(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=r"policy\.exemptions") as caught:
        read_exemptions(written(tmp_path, text))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key: lk:look:1\n", "must hold a list of mappings"),
        ("- {key: 'lk:look:1'\n", "cannot be read"),
        ("- {key: 'lk:look:1', reason: r, approver: a}\n", "line 1, expires: '' is no date"),
        ("- just text\n", "line 1, key: '' is neither"),
        ("- {key: 'lk:look:1', reason: [r], approver: a, expires: never}\n", "line 1, reason: it is missing"),
    ],
)
def test_a_mistake_in_yaml_names_its_line_too(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=r"policy\.exemptions") as caught:
        read_exemptions(written(tmp_path, text, "exemptions.yml"))
    assert said in str(caught.value)


def test_a_wrong_or_missing_file_is_found_when_the_configuration_is_read(tmp_path):
    wrong = written(tmp_path, HEAD + "42,r,a,never\n")
    assert "line 2, key" in refusal(tmp_path, f"policy: {{exemptions: {wrong}}}")
    assert "cannot be read" in refusal(tmp_path, f"policy: {{exemptions: {tmp_path}/none.csv}}")


def test_the_file_reaches_the_policy_and_is_read_anew(tmp_path):
    file = written(tmp_path, GOOD)
    text = f"policy: {{exemptions: {file}}}\nledger: {{url: 'sqlite:///{tmp_path}/ledger.db'}}"
    with App(load(tmp_path, text)) as app:
        assert app.services.policy.exemptions.rows == ROWS
        written(tmp_path, HEAD + "lk:look:*,migration,eve@acme.test,never\n")
        assert app.services.policy_now().exemptions.rows == ROWS[1:]
