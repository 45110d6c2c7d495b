"""Who is who: other addresses of the same person, accounts that are nobody, and whose manager is whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bi_governance.globs import glob_fits
from bi_governance.model import Person

LEFT = "has left: the account is deactivated"
SERVICE = "is a service account"
NO_ADDRESS = "has no known e-mail address"


@dataclass(frozen=True, slots=True)
class People:
    """What the configuration says about people; addresses are in lower case.

    `aliases` name the address somebody is really reached at, by another address of theirs or, where that
    means different people, by `source:address`. `service_accounts` are globs of addresses, logins, names
    and ids. `managers` names a manager's address by the address of whom they manage.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    service_accounts: tuple[str, ...] = ()
    managers: Mapping[str, str] = field(default_factory=dict)

    def identify(self, person: Person, source: str) -> Person:
        """The person under the address they are reached at, in lower case.

        An alias says that an account is a person's old one: that the account is deactivated says nothing
        about the person then.
        """
        email = _folded(person.email)
        alias = self.aliases.get(f"{source.lower()}:{email}") or self.aliases.get(email)
        if email and alias:
            return replace(person, email=alias, active=None)
        return replace(person, email=email or None)

    def absence(self, person: Person) -> str:
        """Why somebody (identified) is not to be told whatever the channel; empty when they may be."""
        if self.is_service(person):
            return SERVICE
        return LEFT if person.active is False else ""

    def is_service(self, person: Person) -> bool:
        """Whether the platform or a configured glob says that this is no person."""
        names = [name for name in (person.email, person.login, person.name, person.id) if name]
        return person.is_service or any(
            glob_fits(glob, name) for glob in self.service_accounts for name in names
        )

    def manager_of(self, person: Person, source: str) -> Person | None:
        """The manager of whoever this is, by the address given or the one it stands for."""
        addresses = (_folded(person.email), self.identify(person, source).email or "")
        found = next((self.managers[address] for address in addresses if address in self.managers), None)
        return Person("", "", found) if found else None


def _folded(email: str | None) -> str:
    return (email or "").strip().lower()
