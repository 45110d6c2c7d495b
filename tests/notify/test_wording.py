"""A company's own words: used where given, refused with one clear sentence where they cannot be."""

import re
from dataclasses import replace

import pytest

from bi_governance.errors import ConfigurationError
from bi_governance.model import Mode, NoticeKind, RemovalRoute, Role
from bi_governance.notify.compose import Reading, compose_digest
from bi_governance.notify.text import render_text
from bi_governance.notify.wording import TEXTS, Wording, mistakes, placeholders
from tests.notify.samples import EVERYDAY, TO_CHANNEL, ZONE, digest, ended, item

READING = Reading(ZONE, "in #bi", is_owner=True, has_buttons=True)


def said(sample, **own: str) -> str:
    wording = Wording({name.replace("__", "."): text for name, text in own.items()})
    return render_text(compose_digest(sample, replace(READING, wording=wording)))


def test_a_text_of_ones_own_is_used_and_filled_in() -> None:
    text = said(
        EVERYDAY["warning_owner_live"],
        title__warning="Tidying up: {things}",
        fact__why="Reason",
        deadline="from {moment} on",
    )
    assert text.startswith("Tidying up: 2 of your dashboards\n")
    assert "Reason: not used for 53 days" in text
    assert "Will be deleted: from Mon 9 Mar 2026, 09:00 CET on" in text


def test_what_is_filled_in_is_never_read_as_a_text() -> None:
    text = said(digest(NoticeKind.WARNING, Mode.LIVE, item(title="{things} {0.__class__}")))
    assert "1. {things} {0.__class__}" in text


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("title.warnin", "x", ": there is no text 'title.warnin'; did you mean 'title.warning'?"),
        ("zzz", "x", ": there is no text 'zzz'."),
        ("title.warning", "  ", ".title.warning is empty; leave it out to have the original."),
        (
            "title.warning",
            "{owner}, your {things}",
            ".title.warning: unknown placeholder {owner}; this text knows {them}, {things}.",
        ),
        (
            "let_go",
            "{one.__class__}",
            ".let_go: unknown placeholder {one.__class__}; this text knows {one}.",
        ),
        ("let_go", "{one!r}", ".let_go: unknown placeholder {one!r}; this text knows {one}."),
        ("let_go", "{one:>9}", ".let_go: unknown placeholder {one:>9}; this text knows {one}."),
        ("let_go", "{}", ".let_go: unknown placeholder {}; this text knows {one}."),
        ("trial", "{one}", ".trial: unknown placeholder {one}; this text knows no placeholders."),
        (
            "trial",
            "a { b",
            ".trial cannot be read: expected '}' before end of string; write {{ and }} for braces.",
        ),
    ],
)
def test_one_sentence_says_what_is_wrong_with_a_text(name: str, text: str, problem: str) -> None:
    assert list(mistakes({name: text})) == [f"notices.wording{problem}"]
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        Wording({name: text})


def _mark(name: str, text: str) -> str:
    return f"<{name}>" + "".join(f"{{{p}}}" for p in placeholders(text))


def test_every_text_is_used_somewhere() -> None:
    """Each one replaced by a mark of its own turns up in some message."""
    marks = {name: _mark(name, text) for name, text in TEXTS.items()}
    wording = Wording(marks)
    owner, channel = replace(READING, wording=wording), replace(READING, is_owner=False, wording=wording)
    rich = item(lost=("x",), part_of=("a",), holds=("b",), reads=("c",), note="n")
    samples = [
        *EVERYDAY.values(),
        *(digest(kind, mode, rich) for kind in (NoticeKind.WARNING, NoticeKind.DELETED) for mode in Mode),
        digest(NoticeKind.WARNING, Mode.LIVE, item(route=RemovalRoute.HARD), item("2", viewers=(0, 0))),
        digest(NoticeKind.WARNING, Mode.LIVE, item(route=RemovalRoute.HARD, deadline=None)),
        digest(NoticeKind.WARNING, Mode.LIVE, item(), ended(item("9"), None, "something_new")),
        digest(NoticeKind.WARNING, Mode.LIVE, rich, recipient=TO_CHANNEL),
        *(
            digest(NoticeKind.WARNING, Mode.LIVE, rich, recipient=replace(TO_CHANNEL, role=role))
            for role in (Role.FOLDER_OWNER, Role.MANAGER, Role.VIEWER)
        ),
    ]
    text = "\n".join(render_text(compose_digest(s, r)) for s in samples for r in (owner, channel))
    assert [name for name in TEXTS if f"<{name}>" not in text and f"<{name.title()}>" not in text] == []


def test_the_trial_variant_is_only_used_in_a_trial() -> None:
    assert Wording().of("title.warning", is_trial=True) == "title.warning.trial"
    assert Wording().of("title.warning", is_trial=False) == "title.warning"
    assert Wording().of("title.restored", is_trial=True) == "title.restored"
