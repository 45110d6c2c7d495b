"""Settings about people, and the file that says who manages whom: every mistake with its place."""

from pathlib import Path

import pytest

from bi_governance.errors import ConfigurationError
from bi_governance.managers import read_managers
from bi_governance.model import Person
from tests.settings.test_settings import load, refusal


def managers(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "managers.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_addresses_are_compared_in_lower_case_and_other_columns_ignored(tmp_path):
    file = managers(
        tmp_path,
        "\ufeffname,email,manager_email\r\nAda, ADA@x.example ,Eve@x.example\r\nEve,eve@x.example,\r\n",
    )
    assert read_managers(file) == {"ada@x.example": "eve@x.example"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("email,boss\n", "line 1: there is no column manager_email"),
        ("", "line 1: there is no column email and no column manager_email"),
        ("email,manager_email\na@x.y,b\n", "line 2, column manager_email: 'b' is not an e-mail address"),
        ("email,manager_email\n\n,b@x.y\n", "line 3, column email: '' is not an e-mail address"),
        ("email,manager_email\nA@x.y,a@x.y\n", "column manager_email: a@x.y would be their own manager"),
        (
            "email,manager_email\na@x.y,b@x.y\nA@x.y,c@x.y\n",
            "line 3, column email: a@x.y stands in an earlier line with another manager",
        ),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_column(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=r"people\.managers") as caught:
        read_managers(managers(tmp_path, text))
    assert said in str(caught.value)


def test_the_same_line_twice_is_no_mistake_and_all_mistakes_are_told_at_once(tmp_path):
    twice = managers(tmp_path, "email,manager_email\na@x.y,b@x.y\na@x.y,b@x.y\n")
    assert read_managers(twice) == {"a@x.y": "b@x.y"}
    with pytest.raises(ConfigurationError, match=r"has 2 mistake\(s\)"):
        read_managers(managers(tmp_path, "email,manager_email\na,b\n"))


def test_a_file_that_is_wrong_or_missing_is_found_when_the_configuration_is_read(tmp_path):
    wrong = managers(tmp_path, "email,manager_email\na@x.y,b\n")
    said = refusal(tmp_path, f"people: {{managers: {wrong}}}")
    assert "line 2, column manager_email" in said
    assert "cannot be read" in refusal(tmp_path, f"people: {{managers: {tmp_path}/none.csv}}")
    right = managers(tmp_path, "email,manager_email\na@x.y,b@x.y\n")
    people = load(tmp_path, f"people: {{managers: {right}}}").people.to_people(read_managers(right))
    assert people.manager_of(Person("1", "", "A@x.y"), "bi") == Person("", "", "b@x.y")


def test_keys_are_compared_in_lower_case(tmp_path):
    settings = load(
        tmp_path,
        "people: {aliases: {Old@X.y: New@x.y, 'EU:bob@x.y': bob@eu.y}, slack_ids: {'EU:7': U024BE7LH}}",
    )
    people = settings.people.to_people({})
    assert people.identify(Person("1", "", "OLD@x.Y"), "us").email == "new@x.y"
    assert people.identify(Person("1", "", "bob@x.y"), "EU").email == "bob@eu.y"
    assert settings.people.slack_ids == {"eu:7": "U024BE7LH"}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("people: {aliases: {a@x.y: nobody}}", "people.aliases"),
        ("people: {aliases: {a@x.y: b@x.y, A@x.y: c@x.y}}", "twice, in another spelling"),
        ("people: {slack_ids: {a@x.y: '#general'}}", "people.slack_ids"),
        ("people: {service_accounts: ['*']}", "people.service_accounts"),
        ("people: {cache_days: 0}", "people.cache_days"),
        ("people: {alias: {}}", "did you mean 'aliases'?"),
        ("viewers: {at_most: -1}", "viewers.at_most"),
        ("viewers: {at_most: 11}", "viewers.at_most"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, text, hint):
    assert hint in refusal(tmp_path, text)
