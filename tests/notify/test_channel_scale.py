"""How many calls it takes to bring thousands into the channel, counted at the loopback Slack."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from bi_governance.invite import sync
from bi_governance.model import BiUser
from bi_governance.notify.channel import SlackRoom
from bi_governance.notify.pace import MARGIN
from bi_governance.notify.slack_api import SlackApi, SlackRefused
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_limits import RateLimits
from tests.notify.test_channel import channel_of, room_in, users, wanted

PEOPLE = 5000
# What Slack's documentation allows one call to carry.
MOST_LISTED, MOST_INVITED = 999, 1000


def workspace(members: int, **more: object) -> SlackSandbox:
    slack = SlackSandbox(SimulatedClock(datetime(2026, 3, 2, 6, tzinfo=UTC)), **more)
    for number in range(members):
        slack.add_member(f"p{number}@acme.example", f"P {number}", active=number % 50 != 49)
    return slack


def counted(slack: SlackSandbox) -> Counter[str]:
    made = Counter(request.path.rpartition("/")[2] for request in slack.requests)
    slack.requests.clear()
    return made


def test_5000_people_take_the_fewest_calls_the_api_allows_and_a_second_time_none_that_writes() -> None:
    slack = workspace(PEOPLE + 1200)
    ghosts = [f"ghost{number}" for number in range(30)]
    everybody = users(*(f"p{number}" for number in range(PEOPLE - len(ghosts))), *ghosts)
    active = sum(user.id not in ghosts and int(user.id[1:]) % 50 != 49 for user in everybody)
    pages = math.ceil(len(slack.members) / MOST_LISTED)
    assert len(everybody) == PEOPLE
    assert pages < PEOPLE
    with slack.serve():
        done = sync(room_in(slack), wanted(), everybody)
        assert counted(slack) == {
            "users.conversations": 1,
            "conversations.create": 1,
            "conversations.setTopic": 1,
            "conversations.setPurpose": 1,
            "chat.postMessage": 1,
            "pins.add": 1,
            "users.list": pages,
            "conversations.invite": math.ceil(active / MOST_INVITED),
        }
        assert (len(done.invite), len(done.left_out)) == (active, PEOPLE - active)
        assert len(channel_of(slack).members) == active + 1
        again = sync(room_in(slack), wanted(), everybody)
        assert again.is_done
        assert slack.requests.writes() == []
        assert counted(slack) == {
            "users.conversations": 1,
            "pins.list": 1,
            "conversations.history": 1,
            "users.list": pages,
            "conversations.members": math.ceil((active + 1) / MOST_LISTED),
        }


def test_a_large_workspace_is_listed_within_slacks_rate_limits() -> None:
    slack = workspace(3, limits=RateLimits())
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        slack.clock.advance(timedelta(seconds=seconds))

    with slack.serve() as server:
        api = SlackApi(slack.token, f"{server.url}/api/", 60, sleep, lambda: slack.clock.now().timestamp())
        for _ in range(41):
            SlackRoom(api, "#bi-deprecation", None).people(["p0@acme.example", "p1@acme.example"])
    assert [request for request in slack.requests if request.status == 429] == []
    assert waits == [pytest.approx(60 + MARGIN)] * 2  # twenty calls a minute


@pytest.mark.parametrize("size", [1, 998, 3 * MOST_LISTED, 8 * MOST_LISTED])
@pytest.mark.parametrize("wanted_", [0, 1, 2, 7, 40])
@pytest.mark.parametrize("where", ["first", "last", "spread", "nowhere"])
def test_people_are_found_by_listing_or_by_asking_whichever_is_less(
    size: int, wanted_: int, where: str
) -> None:
    """The size of a workspace shows only at its end: hence twice the better way at worst."""
    addresses = [f"m{number}@acme.example" for number in range(size)]
    step = max(1, size // max(1, wanted_))
    sought = {
        "first": addresses[:wanted_],
        "last": addresses[size - min(size, wanted_) :],
        "spread": addresses[::step][:wanted_],
        "nowhere": [f"ghost{number}@acme.example" for number in range(wanted_)],
    }[where]
    api = Listing(addresses)
    room = room_of(api)
    found = room.people(sought)
    assert set(found) == set(sought) & set(addresses)
    assert api.calls <= 2 * min(len(sought), max(1, math.ceil(size / MOST_LISTED)))


class Listing:
    """A workspace that only knows how to list its members and to look one up, and counts."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses, self.calls = addresses, 0

    def page(self, method, field, cursor="", *, limit):
        assert (method, field) == ("users.list", "members")
        self.calls += 1
        start = int(cursor or 0)
        rows = [_user(a) for a in self.addresses[start : start + limit]]
        return rows, str(start + limit) if start + limit < len(self.addresses) else ""

    def read(self, method, *, email):
        assert method == "users.lookupByEmail"
        self.calls += 1
        if email not in self.addresses:
            raise SlackRefused(method, "users_not_found", "")
        return {"user": _user(email)}


def _user(email: str) -> dict[str, object]:
    return {"id": f"U{email}", "profile": {"email": email}}


def room_of(api: Listing):
    return SlackRoom(api, "#bi-deprecation", None)


def test_a_single_newcomer_is_asked_for_rather_than_everybody_listed() -> None:
    slack = workspace(1500)
    with slack.serve():
        sync(room_in(slack), wanted(), [BiUser("looker_prod", "1", "One", "p1400@acme.example")])
        made = counted(slack)
    assert (made["users.lookupByEmail"], made["users.list"]) == (1, 0)
