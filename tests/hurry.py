"""No test waits for a rate limit in real time."""

from bi_governance.app import App
from bi_governance.notify.slack import SlackNotifier


def hurry() -> None:
    """Let the product call Slack as often as it likes; what paces it has tests of its own, with a clock."""
    for made in (App, SlackNotifier):
        made.__init__.__kwdefaults__["sleep"] = lambda _seconds: None
