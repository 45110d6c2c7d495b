"""Settings of who is told, over which way, and in whose words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from bi_governance.people import People
from bi_governance.settings.section import Section

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# What a plain e-mail address is made of between its dots.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"


class SlackSettings(Section):
    """How people are told; without this section messages are written to files under `outbox`."""

    bot_token: str
    app_token: str | None = None
    signing_secret: str | None = None
    listen: str | None = Field(None, pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")
    admins: tuple[str, ...] = ()
    channel: str = "#bi-deprecation"
    topic: str = Field(
        "Retiring dashboards nobody uses, so that everybody finds theirs faster", max_length=250
    )
    purpose: str = Field(
        "News and questions about dashboards and reports nobody uses any more. Nothing is deleted without "
        "telling its owner first, and what was deleted can be asked for again.",
        max_length=250,
    )
    announcement: str | None = None
    admin_channel: str = "#analytics"
    base_url: str = "https://slack.com/api/"

    @model_validator(mode="after")
    def _listens_safely(self) -> Self:
        if bool(self.signing_secret) != bool(self.listen):
            raise ValueError("signing_secret and listen belong together; give both or neither")
        return self

    @property
    def can_listen(self) -> bool:
        """Whether answers can reach us: over Socket Mode or over HTTP."""
        return bool(self.app_token or self.listen)

    @property
    def admin_ids(self) -> frozenset[str]:
        """The admins as they are compared: e-mail addresses in lower case, member ids as they are."""
        return frozenset(a.lower() if "@" in a else a for a in map(str.strip, self.admins))


class EmailSettings(Section):
    """How owners are told whom Slack does not know; without this section a channel stands in for them."""

    host: str = Field(min_length=1)
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    sender: str = Field(pattern=rf"^{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")
    username: str = ""
    password: str | None = None
    starttls: bool = True

    @model_validator(mode="after")
    def _logs_in_safely(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together; give both or neither")
        if self.password and not self.starttls and self.host not in LOOPBACK:
            raise ValueError("a password is only sent over an encrypted connection; set starttls: true")
        return self


class PeopleSettings(Section):
    """Who is who: beyond what the BI platforms and Slack say about addresses."""

    aliases: dict[str, Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = Field({})
    slack_ids: dict[str, Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{4,}$")]] = Field({})
    service_accounts: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    managers: str | None = None
    cache: str | None = "data/people.jsonl"
    cache_days: Annotated[int, Field(ge=1, le=365)] = 7

    @field_validator("aliases", "slack_ids")
    @classmethod
    def _who(cls, given: dict[str, str]) -> dict[str, str]:
        """Addresses, and accounts as `source:id`, in lower case."""
        folded = {key.strip().lower(): value.strip() for key, value in given.items()}
        if len(folded) != len(given):
            raise ValueError("the same address is there twice, in another spelling")
        return folded

    def to_people(self, managers: Mapping[str, str]) -> People:
        """The part succession works with."""
        aliases = {key: address.lower() for key, address in self.aliases.items()}
        return People(aliases=aliases, service_accounts=self.service_accounts, managers=managers)


class ViewerSettings(Section):
    """How many of those who used something most are told that it is about to go; 0 = none."""

    at_most: Annotated[int, Field(ge=0, le=10)] = 3


class NoticeSettings(Section):
    """What people are told in the company's own words, text by text; the rest stays as it is."""

    wording: dict[str, str] = Field({})
