"""Telling people without Slack: files that say all of it literally, whole or not at all, and found again."""

import html.parser
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bi_governance.errors import DeliveryError, NotEditable
from bi_governance.model import Mode, NoticeKind, Person
from bi_governance.notify import OutboxNotifier
from bi_governance.notify.pages import code_markdown, escape_markdown
from bi_governance.ports import Announcement, Delivery, Recipient, Thread
from bi_governance.sandbox.clock import SimulatedClock
from tests.notify.samples import NASTY_TITLES, ZONE, digest, item, nasty_items

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
ADA = Person("7", "Ada Lovelace", "ada@acme.example")
ANY_LINE = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), min_size=1, max_size=140
).filter(lambda text: text == " ".join(text.split()))


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def outbox(tmp_path: Path, clock: SimulatedClock) -> OutboxNotifier:
    return OutboxNotifier(tmp_path / "data" / "outbox", clock=clock, zone=ZONE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox"


def warning(recipient: Recipient, *items, message_id: str = "m1", mode: Mode = Mode.LIVE):
    return digest(NoticeKind.WARNING, mode, *(items or (item(),)), recipient=recipient, message_id=message_id)


class Page(html.parser.HTMLParser):
    """The words of a page in order, and how often each tag was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def seen_in_markdown(text: str) -> str:
    """What a reader of the rendered Markdown sees."""
    return Page(MarkdownIt().render(text)).text


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (ADA, Recipient("ada@acme.example", "Ada Lovelace")),
        (Person("7", "Ada", " ADA@Acme.example"), Recipient("ada@acme.example", "Ada")),
        (Person("7", "Ada"), Recipient("Ada", "Ada")),
        (Person("7", "", "ada@acme.example"), Recipient("ada@acme.example", "ada@acme.example")),
        (None, Recipient("unassigned", "unassigned", "it has no known owner")),
        (Person("7"), Recipient("unassigned", "unassigned", "its owner has neither name nor e-mail address")),
        (
            Person("7", "Ada", "ada@acme.example", active=False),
            Recipient("unassigned", "unassigned", "its owner has left: the account is deactivated"),
        ),
    ],
)
def test_recipients(outbox, owner, expected) -> None:
    assert outbox.recipient(owner) == expected


def test_a_message_becomes_two_files_in_the_owners_folder(outbox, folder, clock) -> None:
    delivery = outbox.deliver(warning(outbox.recipient(ADA), item(lost=("subscriptions",))))
    assert delivery == Delivery("outbox/ada@acme.example", "m1", clock.now())
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["ada@acme.example/m1.html", "ada@acme.example/m1.md"]
    page = Page((folder / files[0]).read_text(encoding="utf-8"))
    for text in (page.text, seen_in_markdown((folder / files[1]).read_text(encoding="utf-8"))):
        for said in (
            "One of your dashboards will be deleted unless somebody keeps it",
            "To: Ada Lovelace (ada@acme.example)",
            "Weekly sales",
            "looker_prod:dashboard:42",
            "Shared/Sales",
            "not before Mon 9 Mar 2026, 09:00 CET",
            "subscriptions",
            "bi-governance keep looker_prod:dashboard:42 --until DATE",
        ):
            assert said in text
        assert "press" not in text
    assert "https://looker.acme.example/dashboards/42" in page.links


def test_a_page_needs_nothing_from_elsewhere(outbox, folder) -> None:
    outbox.deliver(warning(outbox.recipient(ADA), item(url="")))
    page = Page((folder / "ada@acme.example/m1.html").read_text(encoding="utf-8"))
    assert page.links == []
    assert not {"script", "img", "link", "iframe"} & set(page.tags)


def test_nasty_titles_are_shown_as_they_are(outbox, folder) -> None:
    outbox.deliver(warning(outbox.recipient(None), *nasty_items()))
    page = Page((folder / "unassigned/m1.html").read_text(encoding="utf-8"))
    markdown = (folder / "unassigned/m1.md").read_text(encoding="utf-8")
    for title in [*NASTY_TITLES[:4], NASTY_TITLES[7]]:
        assert title in page.text
        assert title in seen_in_markdown(markdown)
    assert "javascript" not in " ".join(page.links)


@settings(deadline=None, max_examples=200)  # each one writes four files to the disk
@given(title=ANY_LINE, owner=ANY_LINE)
def test_no_title_changes_what_the_files_are_made_of(tmp_path_factory, title, owner) -> None:
    folder = tmp_path_factory.mktemp("outbox")
    outbox = OutboxNotifier(folder, clock=SimulatedClock(START), zone=ZONE)
    for message_id, words in (("plain", ("Title", "Owner")), ("wild", (title, owner))):
        one = item(title=words[0], owner=Person("1", words[1]))
        outbox.deliver(warning(outbox.recipient(None), one, message_id=message_id))
    plain, wild = (
        Page((folder / f"unassigned/{name}.html").read_text(encoding="utf-8")) for name in ("plain", "wild")
    )
    assert wild.tags == plain.tags
    assert title in wild.text
    assert title in seen_in_markdown((folder / "unassigned/wild.md").read_text(encoding="utf-8"))


def test_the_analytics_team_has_a_folder(outbox, folder) -> None:
    outbox.announce(Announcement("a1", "Daily <run>", ("looker_prod: 2 warned",)))
    text = (folder / "analytics-team/a1.html").read_text(encoding="utf-8")
    assert "Daily &lt;run&gt;" in text
    assert outbox.trial_recipient().address == "analytics-team"
    outbox.deliver(warning(outbox.trial_recipient(), mode=Mode.DRY_RUN))
    assert "Owner" in Page((folder / "analytics-team/m1.html").read_text(encoding="utf-8")).text


def test_delivering_again_replaces_and_is_found(outbox, folder) -> None:
    recipient = outbox.recipient(ADA)
    assert outbox.find("m1", recipient, START) is None
    first = outbox.deliver(warning(recipient))
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    assert outbox.deliver(warning(recipient)) == first
    assert {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()} == before
    assert outbox.find("m1", Recipient(recipient.address, ""), START) == first
    assert outbox.find("m2", recipient, START) is None


def test_a_message_is_brought_up_to_date_in_place(outbox, folder) -> None:
    recipient = outbox.recipient(ADA)
    sent = outbox.deliver(warning(recipient))
    outbox.restate(warning(recipient, item(title="Orders")), Thread(sent.channel, sent.ts))
    for suffix in (".md", ".html"):
        text = (folder / "ada@acme.example" / f"m1{suffix}").read_text(encoding="utf-8")
        assert "Orders" in text
        assert "Weekly sales" not in text


def test_a_message_somebody_took_away_is_not_written_again(outbox, folder) -> None:
    recipient = outbox.recipient(ADA)
    sent = outbox.deliver(warning(recipient))
    (folder / "ada@acme.example" / "m1.html").unlink()
    with pytest.raises(NotEditable, match="no longer in the outbox"):
        outbox.restate(warning(recipient), Thread(sent.channel, sent.ts))
    assert not (folder / "ada@acme.example" / "m1.html").exists()


@pytest.mark.parametrize("suffix", [".md", ".html"])
def test_half_a_message_is_not_found(outbox, folder, suffix) -> None:
    recipient = outbox.recipient(ADA)
    outbox.deliver(warning(recipient))
    (folder / "ada@acme.example" / f"m1{suffix}").unlink()
    assert outbox.find("m1", recipient, START) is None


@pytest.mark.parametrize(
    "address",
    [
        "../../etc/passwd",
        "..",
        ".",
        "/abs",
        "a/b\\c",
        "x" * 500,
        "名前 さん",
        " ",
        "\x00",
        "名" * 300,
        "\ud800",
    ],
)
def test_no_address_leads_out_of_the_outbox(outbox, folder, tmp_path, address) -> None:
    recipient = Recipient(address, address)
    outbox.deliver(warning(recipient))
    assert outbox.find("m1", recipient, START) is not None
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent.parent for path in written] == [folder, folder]


def test_a_folder_that_cannot_be_written(tmp_path, clock) -> None:
    (tmp_path / "file").write_text("in the way")
    outbox = OutboxNotifier(tmp_path / "file", clock=clock, zone=ZONE)
    with pytest.raises(
        DeliveryError, match=r"The outbox .*file cannot be written: (Not a directory|File exists)\."
    ):
        outbox.deliver(warning(outbox.recipient(ADA)))


def test_a_full_disk_leaves_no_half_message(tmp_path) -> None:
    """The real limit of the operating system, in a process of its own: 100 bytes a file."""
    program = (
        "import resource, sys\n"
        "from tests.notify.test_outbox import *\n"
        "outbox = OutboxNotifier(Path(sys.argv[1]), clock=SimulatedClock(START), zone=ZONE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n"
        "    outbox.deliver(warning(outbox.recipient(ADA)))\n"
        "except DeliveryError as error:\n"
        "    sys.exit(str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, str(tmp_path / "outbox")],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert re.search(r"cannot be written: File too large\.$", done.stderr.strip()), done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "text", [*NASTY_TITLES[:4], "_a_ __b__ c_d e__f _ g_", "- a", "1. b", "    code", "# no heading", "a  b"]
)
def test_markdown_shows_what_was_written(text: str) -> None:
    assert seen_in_markdown(f"## 1. {escape_markdown(text)}") == " ".join(f"1. {text}".split())


@pytest.mark.parametrize(
    "line", ["- a", "+ a", "* a", "1. a", "12) a", "# a", "> a", "===", "---", ".5", "| a |"]
)
def test_a_line_is_only_ever_a_paragraph(line: str) -> None:
    page = Page(MarkdownIt().render(escape_markdown(line)))
    assert (page.tags, page.text) == (["p"], line)


@pytest.mark.parametrize("text", ["a", "looker_prod:dashboard:42", "`a", "a``b`", "*a* <b> \\ &amp;", "```"])
def test_a_key_can_be_copied(text: str) -> None:
    assert seen_in_markdown(code_markdown(text)) == text
