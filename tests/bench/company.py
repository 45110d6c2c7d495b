"""The other process: sandbox Looker, Superset and Slack with a big estate, told by its input to live on.

Prints one JSON line with addresses and credentials, then for every line of input - a number of days - lives
them and prints one more line. Ends with its input.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from bi_governance.sandbox.big_estate import big_looker, big_superset, events
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.timeline import to_micros

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
HISTORY_DAYS = 90
PEOPLE = 500


class Company:
    """Half of the visuals and events in Looker, half in Superset."""

    def __init__(self, visuals: int, accesses: int) -> None:
        self.clock = SimulatedClock(START)
        self.looker = LookerSandbox(self.clock)
        self.superset = SupersetSandbox(self.clock)
        self.slack = SlackSandbox(self.clock)
        self._visuals, self._accesses = visuals, accesses
        big_looker(self.looker, visuals // 2, accesses // 2, days=HISTORY_DAYS, people=PEOPLE)
        big_superset(self.superset, visuals // 2, accesses // 2, days=HISTORY_DAYS, people=PEOPLE)
        for number in range(PEOPLE):
            self.slack.add_member(f"person{number}@acme.example", f"Person {number}")
        for channel in ("bi-deprecation", "analytics"):
            self.slack.add_channel(channel)

    def live(self, days: int) -> None:
        """Go on for some days, as busy as before."""
        now = self.clock.advance(timedelta(days=days))
        count = self._accesses // 2 * days // HISTORY_DAYS
        self.looker.bulk_views(
            (at, key, user, key.partition(":")[0])
            for at, key, user in events(
                self._alive(list(self.looker.visuals)),
                [u for u in self.looker.users if u != self.looker.credentials.user_id],
                count,
                end_micros=to_micros(now),
                days=days,
                seed=days,
            )
        )
        self.superset.bulk_rows(
            (at, key, user, "log:mount_dashboard")
            for at, key, user in events(
                [f"{number}/" for number in self.superset.dashboards],
                [str(n) for n in self.superset.users if n != self.superset.credentials.user_id],
                count,
                end_micros=to_micros(now),
                days=days,
                seed=days,
            )
        )

    @staticmethod
    def _alive(keys: list[str]) -> list[str]:
        return [key for key in keys if key.startswith(("dashboard:", "look:"))]


def main() -> None:
    company = Company(int(sys.argv[1]), int(sys.argv[2]))
    with ExitStack() as servers:
        looker, superset, slack = (
            servers.enter_context(sandbox.serve()).url
            for sandbox in (company.looker, company.superset, company.slack)
        )
        _say(
            {
                "now": company.clock.now().isoformat(),
                "looker": {
                    "platform": "looker",
                    "base_url": looker,
                    "client_id": company.looker.credentials.client_id,
                    "client_secret": company.looker.credentials.client_secret,
                },
                "superset": {
                    "platform": "superset",
                    "base_url": superset,
                    "username": company.superset.credentials.username,
                    "password": company.superset.credentials.password,
                },
                "slack": {"bot_token": company.slack.token, "base_url": f"{slack}/api/"},
            }
        )
        for line in sys.stdin:
            company.live(int(line))
            _say({"now": company.clock.now().isoformat()})


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
