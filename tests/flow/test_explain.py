"""`explain`: every rule with what does not fit, every guard's opinion, and what would change the verdict."""

from dataclasses import replace

from rich.console import Console

from bi_governance.cli.views import explanation_view
from bi_governance.errors import SourceUnreachable
from bi_governance.explain import explain
from bi_governance.guards import ADVICE
from bi_governance.rules import Match, Policy, Rule
from bi_governance.run import daily_run
from tests.flow.test_daily_run import go_live

RULES = (
    Rule(name="finance", match=Match(folder="Finance/**", type="board"), protect=True),
    Rule(name="boards", match=Match(type="board"), idle_days=50),
    Rule(name="everything", idle_days=400),
)


def spoken(found, zone):
    console = Console(record=True, width=200, file=None, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        console.print(explanation_view(found, zone))
    return capture.get()


def test_explain_shows_rules_guards_and_what_would_change_the_verdict(world):
    world.services = replace(world.services, policy=Policy(rules=RULES))
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    found = explain(world.services, "bi:board:1")
    assert found.rules[:3] == (
        ("finance", "does not fit: folder"),
        ("boards", "fits"),
        ("everything", "fits, but an earlier rule does too"),
    )
    assert dict(found.guards) == dict.fromkeys(ADVICE, "passes")
    (sentence,) = found.otherwise
    assert sentence.endswith("before 2026-03-09.")
    told = found.to_json()
    assert told["what_would_change_it"] == [sentence]
    assert {"guard": "feed_fresh", "opinion": "passes"} in told["guards"]
    shown = spoken(found, world.services.policy.window.zone)
    for words in ("would change it", "does not fit: folder", "guards that pass", "canaries"):
        assert words in shown


def test_a_guard_that_vetoes_says_why_and_what_lifts_it(world):
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    world.bi.failing["inventory"] = SourceUnreachable("no answer", source="bi")
    world.clock.forward(7)
    daily_run(world.services)
    found = explain(world.services, "bi:board:1")
    opinions = dict(found.guards)
    assert opinions["collection_complete"].startswith("veto: ")
    assert "no answer" in opinions["collection_complete"]
    assert opinions["same_instance"] == "passes"
    assert found.otherwise[-1].startswith("The veto lifted. Run `bi-governance doctor`")
