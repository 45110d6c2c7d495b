"""`notice preview`: the message as its reader would see it, in the terminal and as a page, all literal."""

import html
import io
import json

from rich.console import Console

from bi_governance.cli.views import message_view
from bi_governance.model import Mode, NoticeKind
from tests.notify.rendering import composed
from tests.notify.samples import NASTY_TITLES, digest, nasty_items

NASTY = 'Sales <b>&amp;</b> "*_EMEA_*" [red]:tada:[/] {{ 7*7 }} 売上 📊'


def on_screen(message) -> str:
    screen = io.StringIO()
    Console(file=screen, width=400, emoji=False, highlight=False).print(message_view(message, "Ada"))
    return screen.getvalue()


def test_nasty_titles_are_shown_as_they_are_in_the_terminal():
    seen = on_screen(composed(digest(NoticeKind.WARNING, Mode.LIVE, *nasty_items())))
    for title in [*NASTY_TITLES[:4], NASTY_TITLES[7]]:
        assert title in seen
    assert "To: Ada" in seen
    assert "[Keep 90 days]" in seen


def test_a_preview_is_a_page_and_sends_nothing(office):
    office.config["sources"].pop("superset")
    office.config["dry_run"] = {"notices": "owners"}
    office.write()
    for visual in office.looker.visuals.values():
        visual.title = NASTY
    assert office.run("collect").status == 0
    assert office.run("transform").status == 0
    before = office.run("plan", "--json").out
    key = next(d["key"] for d in json.loads(before)["decisions"] if d["action"] == "warn")

    shown = office.run("notice", "preview", key, "-o", "notice.html")
    assert (shown.status, shown.err) == (0, "")
    assert "This is a trial: nothing will be deleted." in shown.out
    assert key in shown.out
    page = (office.folder / "notice.html").read_text(encoding="utf-8")
    assert html.escape(NASTY).replace("&quot;", "&#34;") in page
    assert NASTY not in page
    value = json.loads(office.run("notice", "preview", key, "--json").out)
    assert {item["title"] for item in value["items"]} == {NASTY}
    assert (value["kind"], value["remarks"]) == ("warning", [])
    gone = json.loads(office.run("notice", "preview", key, "--kind", "deleted", "--json").out)
    assert (gone["kind"], len(gone["items"])) == ("deleted", 1)
    assert "This is how news of what was deleted would read." in gone["remarks"][0]
    assert office.slack.messages() == []
    assert json.loads(office.run("plan", "--json").out)["decisions"] == json.loads(before)["decisions"]

    refused = office.run("notice", "preview", key, "-o", "nowhere/notice.html")
    assert refused.status == 1
    assert "could not be written to nowhere/notice.html" in " ".join(refused.err.split())
    unknown = office.run("notice", "preview", "looker_prod:dashboard:424242")
    assert unknown.status == 2
    assert "no visual looker_prod:dashboard:424242 is known" in " ".join(unknown.err.split())
