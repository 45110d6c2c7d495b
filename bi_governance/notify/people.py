"""Who somebody is on Slack: by configured id or by e-mail, and whether they can be written to there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bi_governance.model import Person
from bi_governance.notify.memory import Found, Memory
from bi_governance.notify.slack_api import SlackApi, SlackRefused
from bi_governance.people import NO_ADDRESS
from bi_governance.ports import Clock, Reach, Recipient

NOT_ON_SLACK = "is not on Slack"
DEACTIVATED = "has a deactivated Slack account"
BOT = "is a bot on Slack"
ELSEWHERE = "belongs to another Slack workspace"
# What Slack says of an address or id that nobody (visible to us) has.
NOBODY = ("users_not_found", "user_not_found", "user_not_visible")


class SlackPeople:
    """Finds members; Slack is asked once per address, and again when `memory` no longer holds.

    `slack_ids` names members by e-mail address or `source:account id` (in lower case), for those whose
    address Slack does not know. Raises DeliveryError when Slack cannot be asked.
    """

    def __init__(
        self, api: SlackApi, clock: Clock, memory: Memory, slack_ids: Mapping[str, str] | None = None
    ) -> None:
        self._api = api
        self._clock = clock
        self._memory = memory
        self._ids = dict(slack_ids or {})
        self._team = ""
        self._zones: dict[str, str] = {}

    def reach(self, person: Person, source: str) -> Reach:
        """The member somebody is, or why there is none to write to."""
        email = (person.email or "").strip().lower()
        member = self._ids.get(f"{source}:{person.id}".lower()) or self._ids.get(email)
        if not member and not email:
            return Reach(None, NO_ADDRESS)
        found = self._look_up(member or email, is_id=bool(member))
        if found.problem:
            return Reach(None, found.problem)
        return Reach(Recipient(found.id, found.name), is_guest=found.is_guest)

    def is_unknown(self, person: Person, source: str) -> bool:
        """Whether nobody in the workspace has the person's address."""
        return bool(person.email) and self.reach(person, source).problem == NOT_ON_SLACK

    def zone_of(self, member: str) -> tzinfo | None:
        """The time zone a member reached before set in Slack, if it is one we know."""
        try:
            return ZoneInfo(self._zones.get(member, ""))
        except (ZoneInfoNotFoundError, ValueError):
            return None

    def forget(self, member: str) -> None:
        """Ask Slack anew about this member: it just refused to write to them."""
        self._memory.forget(member)

    def _look_up(self, address: str, *, is_id: bool) -> Found:
        found = self._memory.get(address)
        if found is None:
            found = self._ask(address, is_id=is_id)
            self._memory.put(address, found)
        self._zones[found.id] = found.zone
        return found

    def _ask(self, address: str, *, is_id: bool) -> Found:
        now = self._clock.now()
        try:
            answer = (
                self._api.read("users.info", user=address)
                if is_id
                else self._api.read("users.lookupByEmail", email=address)
            )
        except SlackRefused as error:
            if error.code not in NOBODY:
                raise
            return Found(now, problem=NOT_ON_SLACK)
        user: dict[str, Any] = answer["user"]
        name = user.get("real_name") or user.get("name") or address
        is_guest = bool(user.get("is_restricted") or user.get("is_ultra_restricted"))
        return Found(
            now, str(user["id"]), str(name), self._problem(user), is_guest, str(user.get("tz") or "")
        )

    def _problem(self, user: dict[str, Any]) -> str:
        if user.get("deleted"):
            return DEACTIVATED
        if user.get("is_bot"):
            return BOT
        return ELSEWHERE if self._is_stranger(user) else ""

    def _is_stranger(self, user: dict[str, Any]) -> bool:
        """Slack Connect shows members of other workspaces, who share a channel with ours."""
        if user.get("is_stranger"):
            return True
        teams = {user.get("team_id"), *(user.get("enterprise_user") or {}).get("teams", ())} - {None, ""}
        if not teams:
            return False
        if not self._team:
            self._team = str(self._api.read("auth.test").get("team_id") or "")
        return bool(self._team) and self._team not in teams
