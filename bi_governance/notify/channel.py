"""The deprecation channel on Slack: opening it, its announcement, and the people in it, in few calls.

Published limits (docs.slack.dev, the page of each method): `conversations.invite` takes up to 1,000
people a call, lists are paged by up to 999, topic and purpose hold 250 characters.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bi_governance.errors import DeliveryError
from bi_governance.invite import Member, Place, Posted
from bi_governance.notify.announcement import version
from bi_governance.notify.blocks import fallback_text, render_blocks
from bi_governance.notify.message import Message
from bi_governance.notify.slack_api import SlackApi, SlackRefused

EVENT_TYPE = "bi_governance_channel_announcement"
PAGE = 999
MOST_INVITED = 1000
# A channel may be named or, so that it can be renamed, given by its id.
CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{7,}")
# What Slack has against one person, in its words and in ours; any other refusal concerns the whole call.
OBSTACLES = {
    "cant_invite": "Slack does not let the bot invite them",
    "user_not_found": "Slack does not know them any more",
    "user_disabled": "deactivated in Slack",
    "user_is_restricted": "a guest in Slack, whom only a workspace admin can add",
    "user_is_ultra_restricted": "a guest in Slack, whom only a workspace admin can add",
    "user_is_bot": "a bot in Slack",
    "ura_max_channels": "a guest in Slack, in as many channels as a guest may be",
    "cant_invite_self": "the bot itself",
    "user_team_not_in_channel": "in another workspace",
    "invitee_cant_see_channel": "in another workspace",
    "no_external_invite_permission": "outside the company, and the bot may not invite such people",
}
ALREADY = "already_in_channel"
GUEST = OBSTACLES["user_is_restricted"]


class SlackRoom:
    """The Room of `slack sync`; `channel` is a name with `#` or an id.

    Needs the scopes in SCOPES. Raises DeliveryError, each with what to do.
    """

    def __init__(self, api: SlackApi, channel: str, announcement: Message) -> None:
        self._api = api
        self._announcement = announcement
        self.name = channel
        self._plain = channel.removeprefix("#")
        self._has_id = CHANNEL_ID.fullmatch(channel) is not None

    # the channel itself

    def joined(self) -> Place | None:
        """Looked for among the channels the bot is in: few, where those of the workspace may be thousands."""
        if self._has_id:
            place = self._by_id()
            return place if place.is_joined else None
        return self._named("users.conversations", is_joined=True)

    def visible(self) -> Place | None:
        """Looked for among all public channels."""
        return self._by_id() if self._has_id else self._named("conversations.list", is_joined=False)

    def open(self) -> Place:
        """Tried by creating it: when that works, nothing had to be listed."""
        if self._has_id:
            return self._join(self._by_id())
        try:
            made = self._api.call("conversations.create", name=self._plain)["channel"]
        except SlackRefused as error:
            if error.code != "name_taken":
                raise self._why_not_created(error) from error
            return self._join(self._taken())
        return Place(str(made["id"]), self.name, is_new=True)

    def _join(self, place: Place) -> Place:
        self._api.call("conversations.join", channel=place.id)
        return replace(place, is_joined=True)

    def _taken(self) -> Place:
        found = self.visible()
        if found is None:
            raise DeliveryError(
                f"The name {self.name} is taken in Slack by something the bot cannot see, most likely a "
                "private channel; make that one public or name another in slack.channel."
            )
        return found

    def _why_not_created(self, error: SlackRefused) -> DeliveryError:
        if error.code.startswith("invalid_name"):
            return DeliveryError(
                f"Slack takes {self.name} for no channel's name ({error.code}); write slack.channel with up "
                "to 80 lower-case letters, digits, hyphens and underscores."
            )
        if error.code in ("restricted_action", "no_permission", "user_is_restricted"):
            return DeliveryError(
                f"The workspace does not let apps create channels; create {self.name} by hand, invite the "
                "bot there, and run this again."
            )
        return error

    def _named(self, method: str, *, is_joined: bool) -> Place | None:
        for page in self._api.pages(
            method, "channels", limit=PAGE, types="public_channel", exclude_archived=False
        ):
            for channel in page:
                if channel.get("name") == self._plain:
                    return self._place(channel, is_joined=is_joined or bool(channel.get("is_member")))
        return None

    def _by_id(self) -> Place:
        channel = self._api.read("conversations.info", channel=self.name)["channel"]
        if channel.get("is_private"):
            raise DeliveryError(
                f"The channel {self.name} in slack.channel is private, where nobody can look for it; "
                "make it public or name another."
            )
        return self._place(channel, is_joined=bool(channel.get("is_member")))

    def _place(self, channel: Mapping[str, Any], *, is_joined: bool) -> Place:
        if channel.get("is_archived"):
            raise DeliveryError(
                f"The channel {self.name} is archived; unarchive it in Slack or name another in "
                "slack.channel."
            )
        return Place(
            str(channel["id"]), self.name, _above(channel, "topic"), _above(channel, "purpose"), is_joined
        )

    def set_topic(self, place: Place, topic: str) -> None:
        self._api.call("conversations.setTopic", channel=place.id, topic=topic)

    def set_purpose(self, place: Place, purpose: str) -> None:
        self._api.call("conversations.setPurpose", channel=place.id, purpose=purpose)

    # the announcement

    def announcement(self, place: Place) -> Posted | None:
        """Looked for among what is pinned; else, since a crash may have come before the pin, everywhere."""
        if not place.is_joined:
            return None
        for item in self._api.read("pins.list", channel=place.id).get("items") or ():
            pinned = item.get("message") or {}
            # What people pinned is none of ours.
            for message in self._history(place, str(pinned["ts"])) if pinned.get("bot_id") else ():
                if message.get("ts") == pinned["ts"] and (found := _version(message)) is not None:
                    return Posted(str(message["ts"]), found, is_pinned=True)
        for page in self._api.pages(
            "conversations.history", "messages", limit=PAGE, channel=place.id, include_all_metadata=True
        ):
            for message in page:
                if (found := _version(message)) is not None:
                    return Posted(str(message["ts"]), found, is_pinned=False)
        return None

    def _history(self, place: Place, ts: str) -> list[dict[str, Any]]:
        """One message with its metadata, which lists of pins leave out."""
        found = self._api.read(
            "conversations.history",
            channel=place.id,
            oldest=ts,
            latest=ts,
            inclusive=True,
            limit=1,
            include_all_metadata=True,
        )
        return list(found.get("messages", ()))

    def post(self, place: Place) -> str:
        return str(self._api.call("chat.postMessage", channel=place.id, **self._content())["ts"])

    def edit(self, place: Place, ts: str) -> None:
        self._api.call("chat.update", channel=place.id, ts=ts, **self._content())

    def pin(self, place: Place, ts: str) -> None:
        try:
            self._api.call("pins.add", channel=place.id, timestamp=ts)
        except SlackRefused as error:
            if error.code != "already_pinned":
                raise

    def _content(self) -> dict[str, Any]:
        message = self._announcement
        return {
            "text": fallback_text(message),
            "blocks": render_blocks(message),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"version": version(message)}},
            "unfurl_links": False,
            "unfurl_media": False,
        }

    # the people

    def member_ids(self, place: Place) -> set[str]:
        pages = self._api.pages("conversations.members", "members", limit=PAGE, channel=place.id)
        return {str(member) for page in pages for member in page}

    def people(self, emails: Iterable[str]) -> Mapping[str, Member]:
        """By listing the workspace page by page, or by asking for each address, whichever is less.

        How large the workspace is shows only on its last page. So pages are read for as long as they pay:
        until fewer people were found than pages read, and fewer are left than that. The rest is asked for
        one by one. Never more than twice the calls of the better way; its very calls wherever a page
        holds more than one of the people.
        """
        missing, found = set(emails), dict[str, Member]()
        if not self._list_workspace(missing, found):
            asked = {email: self._look_up(email) for email in sorted(missing)}
            found |= {email: member for email, member in asked.items() if member}
        return found

    def _list_workspace(self, missing: set[str], found: dict[str, Member]) -> bool:
        """Move who is there from `missing` to `found`, for as long as it pays; whether all was listed."""
        pages, cursor, has_addresses = 0, "", False
        while len(missing) > 1 and not (pages > len(found) and pages >= len(missing)):
            page, cursor = self._api.page("users.list", "members", cursor, limit=PAGE)
            pages += 1
            has_addresses = has_addresses or any(map(_email, page))
            for user in page:
                email = _email(user)
                # A former account may have the address of the present one.
                if email in missing or (email in found and found[email].obstacle):
                    found[email] = _member(user)
            missing.difference_update(found)
            if not cursor:
                break
        if pages and not has_addresses:  # else everybody would seem to be missing
            raise DeliveryError(
                "Slack shows nobody's e-mail address; add the scope users:read.email to the Slack app and "
                "reinstall it."
            )
        return pages > 0 and not cursor

    def _look_up(self, email: str) -> Member | None:
        try:
            return _member(self._api.read("users.lookupByEmail", email=email)["user"])
        except SlackRefused as error:
            if error.code != "users_not_found":
                raise
            return None

    def invite(self, place: Place, ids: list[str]) -> Mapping[str, str]:
        refused: dict[str, str] = {}
        for start in range(0, len(ids), MOST_INVITED):
            refused |= self._invite(place, ids[start : start + MOST_INVITED])
        return {id_: OBSTACLES.get(code, code) for id_, code in refused.items() if code != ALREADY}

    def _invite(self, place: Place, ids: list[str]) -> dict[str, str]:
        """Who was refused, with Slack's word for why.

        With `force` Slack invites whom it can and names the others. Should it refuse a call as a whole
        all the same, it is repeated without those named, or in halves where nobody is.
        """
        try:
            answer = self._api.call("conversations.invite", channel=place.id, users=",".join(ids), force=True)
        except SlackRefused as error:
            named = {id_: code for id_, code in _named(error.answer).items() if id_ in ids}
            if not named and len(ids) == 1 and error.code in (*OBSTACLES, ALREADY):
                return {ids[0]: error.code}
            if named:
                rest = [id_ for id_ in ids if id_ not in named]
                return named | (self._invite(place, rest) if rest else {})
            if len(ids) == 1 or error.code not in (*OBSTACLES, ALREADY, "too_many_users"):
                raise
            half = len(ids) // 2
            return self._invite(place, ids[:half]) | self._invite(place, ids[half:])
        return _named(answer)


def _above(channel: Mapping[str, Any], what: str) -> str:
    """Topic or purpose as people see it: Slack hands out its three special characters as entities."""
    return html.unescape(str((channel.get(what) or {}).get("value") or ""))


def _version(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    return str((metadata.get("event_payload") or {}).get("version", ""))


def _named(answer: Mapping[str, Any]) -> dict[str, str]:
    """Whom an answer to an invitation says something about."""
    return {str(e["user"]): str(e.get("error", "")) for e in answer.get("errors") or () if e.get("user")}


def _email(user: Mapping[str, Any]) -> str:
    return str((user.get("profile") or {}).get("email") or "").strip().lower()


def _member(user: Mapping[str, Any]) -> Member:
    if user.get("deleted"):
        obstacle = "deactivated in Slack"
    elif user.get("is_bot") or user.get("id") == "USLACKBOT":
        obstacle = "a bot in Slack"
    elif user.get("is_restricted") or user.get("is_ultra_restricted"):
        obstacle = GUEST
    else:
        obstacle = ""
    return Member(str(user["id"]), obstacle)
