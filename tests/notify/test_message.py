"""Text from outside becomes one line of a bounded length, visibly cut, and links are only ever to the web."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bi_governance.notify.message import ELLIPSIS, shorten, shown, web_link, width

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("  two\n\tlines \x00 here ", "two lines here"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("half \ud83d emoji", "half \ufffd emoji"),
        ("x" * 21, "x" * 19 + ELLIPSIS),
        ("👩🏽‍💻 at work", "👩🏽‍💻 at work"),
    ],
)
def test_what_is_shown(text: str, expected: str) -> None:
    assert shown(text, 20) == expected


@given(text=ANY_TEXT, limit=st.integers(2, 200))
def test_shown_text_is_one_writable_line_within_its_limit(text: str, limit: int) -> None:
    line = shown(text, limit)
    assert width(line) <= limit
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")
    assert shown(line, limit) == line


@given(text=ANY_TEXT, limit=st.integers(2, 200))
def test_nothing_is_cut_without_a_mark(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert short == text or (short.endswith(ELLIPSIS) and text.startswith(short[: -len(ELLIPSIS)]))


@pytest.mark.parametrize(
    ("url", "is_kept"),
    [
        ("https://looker.acme.example/dashboards/42?a=b&c=<d>", True),
        ("http://localhost:8088/superset/dashboard/1/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example/x", False),
        ("/dashboards/42", False),
        ("https://", False),
        ("https://[broken", False),
        ("https://x/a b", False),
        ("https://x/\x00", False),
        ("", False),
    ],
)
def test_only_addresses_on_the_web_are_links(url: str, is_kept: bool) -> None:
    assert web_link(url) == (url if is_kept else "")
