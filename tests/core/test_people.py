"""Who is who: one person under several addresses, accounts that are nobody, managers."""

import pytest

from bi_governance.model import Person
from bi_governance.people import LEFT, SERVICE, People

PEOPLE = People(
    aliases={"ada@old.example": "ada@acme.example", "eu:bob@acme.example": "bob@eu.example"},
    service_accounts=("svc-*", "*-bot@acme.example"),
    managers={"ada@acme.example": "eve@acme.example", "zoe@old.example": "eve@acme.example"},
)


@pytest.mark.parametrize(
    ("email", "source", "meant"),
    [
        (" Ada@Acme.Example ", "us", "ada@acme.example"),
        ("ADA@old.example", "us", "ada@acme.example"),
        ("bob@acme.example", "us", "bob@acme.example"),
        ("bob@acme.example", "EU", "bob@eu.example"),
        ("", "us", None),
        (None, "us", None),
    ],
)
def test_an_address_stands_for_one_person_however_it_is_written(email, source, meant) -> None:
    assert PEOPLE.identify(Person("1", "", email), source).email == meant


def test_that_an_old_account_is_deactivated_says_nothing_about_whoever_has_a_new_one() -> None:
    old, other = (Person("1", "", email, active=False) for email in ("ada@old.example", "bob@acme.example"))
    assert PEOPLE.absence(PEOPLE.identify(old, "us")) == ""
    assert PEOPLE.absence(PEOPLE.identify(other, "us")) == LEFT


@pytest.mark.parametrize(
    "account",
    [
        Person("1", "", "load-bot@acme.example"),
        Person("1", "", None, login="SVC-etl"),
        Person("svc-7"),
        Person("1", "svc-loader"),
        Person("1", "Loader", "loader@acme.example", is_service=True),
    ],
)
def test_no_person_is_behind_a_service_account(account) -> None:
    assert PEOPLE.absence(account) == SERVICE


def test_a_person_is_nobody_s_service_account() -> None:
    assert PEOPLE.absence(Person("1", "Ada [svc-x]", "ada@acme.example", active=True)) == ""
    assert PEOPLE.absence(Person("1", active=None)) == ""


def test_a_manager_is_found_by_either_address() -> None:
    eve = Person("", "", "eve@acme.example")
    assert PEOPLE.manager_of(Person("1", "", "ADA@old.example"), "us") == eve
    assert PEOPLE.manager_of(Person("1", "", "Zoe@old.example"), "us") == eve
    assert PEOPLE.manager_of(Person("1", "", "bob@acme.example"), "us") is None
    assert PEOPLE.manager_of(Person("1"), "us") is None


def test_a_list_of_managers_may_still_know_somebody_by_the_old_address() -> None:
    people = People(aliases={"a@old.example": "a@new.example"}, managers={"a@old.example": "eve@new.example"})
    assert people.manager_of(Person("1", "", "A@old.example"), "us") == Person("", "", "eve@new.example")
