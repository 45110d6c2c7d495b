"""The catalogue of defences fits the sources; `scripts/prove defences` shows that tests fail without them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.pages import declared_in
from tests.prove.defences import removing
from tests.prove.defences.catalogue import ROOT, ROWS, Defence, Failure, Removal, read, table
from tests.prove.defences.command import report

FAILURES = read()
DEFENCES = [pytest.param(d, id=f"{f.row or '-'}: {d.text}") for f in FAILURES for d in f.defences]


def test_every_incident_has_a_defence_that_can_be_taken_away() -> None:
    tried = {failure.row for failure in FAILURES for defence in failure.defences if defence.removals}
    assert tried - {None} == set(ROWS)


@pytest.mark.parametrize("defence", DEFENCES)
def test_what_is_taken_away_is_there_once_and_leaves_sources_that_compile(defence: Defence) -> None:
    texts = {removal.file: (ROOT / removal.file).read_text("utf-8") for removal in defence.removals}
    for removal in defence.removals:
        assert removal.new != removal.old
        texts[removal.file] = removing.without(texts[removal.file], removal)
    for file, text in texts.items():
        if file.endswith(".py"):
            ast.parse(text)


@pytest.mark.parametrize("defence", DEFENCES)
def test_a_defence_names_tests_that_exist(defence: Defence) -> None:
    assert bool(defence.removals) == bool(defence.fails)
    assert defence.fails or defence.also
    assert not set(defence.fails) & set(defence.also)
    for test in (*defence.fails, *defence.also):
        file, _, name = test.partition("::")
        assert name in declared_in(ROOT / file), test


def test_no_failure_is_listed_twice() -> None:
    rows = [failure.row for failure in FAILURES if failure.row]
    assert len(rows) == len(set(rows))
    assert len({failure.text for failure in FAILURES}) == len(FAILURES)


def test_the_table_says_each_failure_once() -> None:
    removal = Removal("m.py", "a", "b")
    defences = Defence("one", (removal,), ("t::a", "t::b"), ()), Defence("two", (), (), ("t::c",))
    assert table([Failure(7, "It hurts", defences)]).splitlines()[2:] == [
        "| 7 | It hurts | one | `t::a`, `t::b` |  |",
        "| 7 | ″ | two |  | `t::c` |",
    ]


# --- that the proof itself would notice

SOURCES = {
    "m.py": "def is_safe():\n    return 1 + 1 == 2\n",
    "test_m.py": (
        "from m import is_safe\n\n\n"
        "def test_it_is_safe():\n    assert is_safe()\n\n\n"
        "def test_it_says_nothing():\n    assert True\n"
    ),
}


def tried(tmp_path: Path, new: str, *fails: str) -> removing.Result:
    """A small project, in which this defence is taken away."""
    root = tmp_path / "root"
    root.mkdir()
    for name, text in SOURCES.items():
        (root / name).write_text(text, "utf-8")
    defence = Defence("two is two", (Removal("m.py", "1 + 1 == 2", new),), fails, ())
    free = removing.copies(1, tmp_path, root)
    (result,) = removing.try_all([(7, defence)], free, 1, lambda _: None)
    assert (free.get() / "m.py").read_text("utf-8") == SOURCES["m.py"]
    assert (root / "m.py").read_text("utf-8") == SOURCES["m.py"]
    return result


def test_a_removal_that_every_test_notices_is_a_defence(tmp_path: Path) -> None:
    result = tried(tmp_path, "1 + 1 == 3", "test_m.py::test_it_is_safe")
    assert result.problem == ""
    assert report([result]) == 0


def test_a_removal_that_a_test_does_not_notice_has_survived(tmp_path: Path) -> None:
    result = tried(tmp_path, "False", "test_m.py::test_it_is_safe", "test_m.py::test_it_says_nothing")
    assert result.problem == "SURVIVED: test_m.py::test_it_says_nothing"
    assert report([result]) == 1


def test_sources_that_cannot_be_imported_prove_nothing(tmp_path: Path) -> None:
    result = tried(tmp_path, "1 +", "test_m.py::test_it_is_safe")
    assert result.problem.startswith("BROKEN: pytest ended with status")


def test_a_test_that_does_not_exist_proves_nothing(tmp_path: Path) -> None:
    assert tried(tmp_path, "False", "test_m.py::test_nobody_wrote").problem.startswith("BROKEN")


def test_a_test_that_never_ends_proves_nothing() -> None:
    stopped = removing.Outcome(None, frozenset(), "not over after 5 seconds")
    assert removing.verdict(stopped, ["t::a"]) == "STOPPED: not over after 5 seconds"


def test_a_piece_that_is_there_twice_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match=r"m\.py holds what is to be removed 2 times"):
        removing.without("a a", Removal("m.py", "a", "b"))
