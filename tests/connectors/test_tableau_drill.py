"""The drill on a Tableau: a copy published into a project set aside, compared with its backup, deleted."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bi_governance.connectors.tableau import TableauRehearser
from bi_governance.connectors.tableau.backup import PACKAGED, PLAIN
from bi_governance.connectors.tableau.comparing import Unreadable, WorkbookFile, differences
from bi_governance.connectors.tableau.rehearsing import NO_PROJECT
from bi_governance.errors import (
    BackupUnreadable,
    ConfigurationError,
    SourceBroken,
    SourceConflict,
    SourceError,
    SourceForbidden,
    SourceUnreachable,
)
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent
from bi_governance.sandbox import tableau_world, tableau_writes
from bi_governance.sandbox.server import Fault
from bi_governance.sandbox.tableau_files import workbook_file
from bi_governance.sandbox.tableau_world import TableauWorkbook
from tests.connectors.tableau_bench import Bench, furnished, serving

MARK = "0123456789ab"
TITLE = f"bi-governance drill {MARK}"
PUBLISH, DELETE = r"POST /api/.*/workbooks$", r"DELETE /api/.*/workbooks/[^/]+$"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with serving() as made:
        yield made


@pytest.fixture
def project(bench: Bench) -> str:
    return bench.sandbox.add_project("Drills")


@pytest.fixture
def rehearser(bench: Bench, project: str) -> TableauRehearser:
    return bench.rehearser(drill_project=project)


def saved_of(bench: Bench) -> tuple[VisualKey, BackupContent]:
    """A workbook with all that one can have, which stays where it is, and its backup."""
    key = furnished(bench)
    return key, bench.reader().backup(key)


def world(bench: Bench) -> dict[str, object]:
    """All that a drill could disturb."""
    names = ("workbooks", "views", "deliveries", "projects", "users", "favorites", "events")
    return copy.deepcopy({name: getattr(bench.sandbox, name) for name in names})


def copies(bench: Bench) -> list[TableauWorkbook]:
    return [item for item in bench.sandbox.workbooks.values() if item.title == TITLE]


def changes(bench: Bench) -> list[str]:
    """The requests that changed something, by method and last word of the path."""
    sent = [r for r in bench.sandbox.requests if bench.sandbox.is_write(r.method, r.path)]
    return [f"{r.method} {r.path.split('/')[5]}" for r in sent]


def test_the_diff_is_empty_and_nothing_is_left_or_touched(bench, rehearser) -> None:
    key, saved = saved_of(bench)
    before = world(bench)
    assert rehearser.rehearse(key, saved, MARK) == ()
    assert world(bench) == before
    assert changes(bench) == ["POST workbooks", "DELETE workbooks"]


def test_it_comes_back_the_same_after_the_original_is_gone(bench, rehearser) -> None:
    key, saved = saved_of(bench)
    bench.remover().remove(key)
    assert rehearser.rehearse(key, saved, MARK) == ()
    assert bench.sandbox.workbooks == {}


def test_without_a_project_set_aside_it_is_not_possible(bench) -> None:
    key, saved = saved_of(bench)
    rehearser = bench.rehearser()
    assert rehearser.refusal(key) == NO_PROJECT
    with pytest.raises(ConfigurationError, match="drill_project is not set"):
        rehearser.clean_up(key, saved, MARK)
    assert bench.rehearser(drill_project="p").refusal(key) == ""


def test_a_project_that_is_not_there_is_named(bench) -> None:
    key, saved = saved_of(bench)
    with pytest.raises(SourceConflict, match=r"there is no project nowhere .* \[404\] \(POST /api"):
        bench.rehearser(drill_project="nowhere").rehearse(key, saved, MARK)


def test_a_view_the_server_drops_is_named(bench, rehearser, monkeypatch) -> None:
    key, saved = saved_of(bench)
    real = bench.sandbox.add_workbook
    monkeypatch.setattr(
        bench.sandbox, "add_workbook", lambda title, *, sheets, **rest: real(title, sheets=sheets[:1], **rest)
    )
    assert rehearser.rehearse(key, saved, MARK) == ("view 'Detail' did not come back",)
    assert copies(bench) == []


def test_a_file_that_comes_back_otherwise_is_told_part_by_part(bench, rehearser, monkeypatch) -> None:
    key, saved = saved_of(bench)
    other = workbook_file("Revenue", ("Overview", "Extra"))
    monkeypatch.setattr(tableau_writes, "as_stored", lambda content: other)
    assert rehearser.rehearse(key, saved, MARK) == (
        "its extracts: 0 instead of 1",
        "data source 'Orders'",
        "worksheet 'Detail' did not come back",
        "worksheet 'Extra', which was not saved",
    )
    assert copies(bench) == []


def test_description_and_tabs_are_compared(bench, rehearser, monkeypatch) -> None:
    key, saved = saved_of(bench)

    class Forgetful(TableauWorkbook):
        """This Tableau takes no description and shows no tabs."""

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, {"description": None, "show_tabs": False}.get(name, value))

    monkeypatch.setattr(tableau_world, "TableauWorkbook", Forgetful)
    assert rehearser.rehearse(key, saved, MARK) == (
        "its description",
        "whether its views are shown as tabs",
    )


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        (
            Fault(PUBLISH, "status", status=500, times=None),
            SourceBroken,
            r"\[500\] \(POST /api/.*/workbooks\)",
        ),
        (
            Fault(PUBLISH, "status", status=403, times=None),
            SourceForbidden,
            r"\[403\] \(POST /api/.*/workbooks",
        ),
        (
            Fault(PUBLISH, "slow", times=None),
            SourceUnreachable,
            r"no answer in time \(POST /api/.*/workbooks\)",
        ),
        (Fault("/content$", "status", status=500, times=None), SourceBroken, r"\[500\] \(GET .*/content\)"),
        (Fault(DELETE, "status", status=500, times=None), SourceBroken, r"\[500\] \(DELETE /api/"),
        (Fault(DELETE, "status", status=403, times=None), SourceForbidden, r"\[403\] \(DELETE /api/"),
        (Fault(DELETE, "slow", times=None), SourceUnreachable, r"no answer in time \(DELETE /api/"),
    ],
    ids=["publish 500", "publish 403", "publish slow", "read 500", "delete 500", "delete 403", "delete slow"],
)
def test_what_fails_is_a_failed_drill_in_the_vendors_words(
    bench: Bench, project: str, fault: Fault, kind: type[SourceError], told: str
) -> None:
    key, saved = saved_of(bench)
    before = world(bench)
    waits = {"timeout": 1.0} if fault.kind == "slow" else {}
    rehearser = bench.rehearser(drill_project=project, **waits)
    bench.sandbox.faults.add(fault)
    with pytest.raises(kind, match=told):
        rehearser.rehearse(key, saved, MARK)
    bench.sandbox.faults.clear()
    rehearser.clean_up(key, saved, MARK)
    assert world(bench) == before


def test_a_copy_whose_publishing_was_not_answered_is_removed_at_once(bench, rehearser) -> None:
    key, saved = saved_of(bench)
    before = world(bench)
    bench.sandbox.faults.add(Fault(PUBLISH, "lost"))
    with pytest.raises(SourceUnreachable):
        rehearser.rehearse(key, saved, MARK)
    assert world(bench) == before
    assert changes(bench) == ["POST workbooks", "DELETE workbooks"]


def test_a_copy_that_is_gone_before_it_is_deleted_is_fine(bench, rehearser) -> None:
    key, saved = saved_of(bench)
    bench.sandbox.faults.add(Fault(DELETE, "lost"))
    with pytest.raises(SourceUnreachable):
        rehearser.rehearse(key, saved, MARK)
    rehearser.clean_up(key, saved, MARK)
    assert copies(bench) == []


def left_behind(bench: Bench, key: VisualKey, project: str | None) -> str:
    """What a drill that was killed leaves."""
    there = bench.sandbox.workbooks[key.native_id]
    return bench.sandbox.add_workbook(
        TITLE, owner_id=bench.sandbox.me, project_id=project, created_at=there.created_at
    )


def test_what_an_interrupted_drill_left_is_found_and_removed(bench, rehearser, project) -> None:
    key, saved = saved_of(bench)
    before = world(bench)
    left_behind(bench, key, project)
    rehearser.clean_up(key, saved, MARK)
    assert world(bench) == before
    rehearser.clean_up(key, saved, MARK)


@pytest.mark.parametrize("place", ["project", "personal space"])
def test_what_has_the_name_elsewhere_is_not_ours_and_is_told(bench, rehearser, project, place) -> None:
    key, saved = saved_of(bench)
    elsewhere = left_behind(bench, key, bench.harness.project if place == "project" else None)
    left_behind(bench, key, project)
    with pytest.raises(SourceConflict, match=f"the workbook {elsewhere}, .* was left alone"):
        rehearser.clean_up(key, saved, MARK)
    assert [item.id for item in copies(bench)] == [elsewhere]


def test_what_else_is_in_the_project_is_not_touched(bench, rehearser, project) -> None:
    key, saved = saved_of(bench)
    bench.sandbox.workbooks[left_behind(bench, key, project)].title = f"{TITLE} of somebody"
    bench.sandbox.workbooks[left_behind(bench, key, project)].title = "Important"
    before = world(bench)
    assert rehearser.rehearse(key, saved, MARK) == ()
    rehearser.clean_up(key, saved, MARK)
    assert world(bench) == before


@pytest.mark.parametrize("files", [{}, {PLAIN: b"<html/>"}, {PACKAGED: b"PK"}, {PLAIN: b""}])
def test_a_backup_without_a_workbook_is_not_published(bench, rehearser, files) -> None:
    key, saved = saved_of(bench)
    before = world(bench)
    with pytest.raises(BackupUnreadable, match="backup of"):
        rehearser.rehearse(key, replace(saved, files=files), MARK)
    assert world(bench) == before
    assert changes(bench) == []


# --- comparing files


def packed(text: str, **others: bytes) -> WorkbookFile:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.twb", text)
        for name, content in others.items():
            archive.writestr(name.replace("_", "."), content)
    return WorkbookFile.opened(held.getvalue())


def plain(inside: str, **attributes: str) -> WorkbookFile:
    written = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return WorkbookFile.opened(f"<workbook{written}>{inside}</workbook>".encode())


SOURCE_XML = '<datasources><datasource name="d" caption="Orders">{}</datasource></datasources>'
PUBLISHED = '<repository-location id="{}" path="/t/acme/datasources" revision="{}" derived-from="x?rev={}"/>'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (plain("", version="10.0", source_build="1"), plain("", version="18.1", source_build="2")),
        (
            plain('<repository-location id="A"/><worksheets><worksheet name="s"/></worksheets>'),
            plain('<worksheets><worksheet name="s"><repository-location id="B"/></worksheet></worksheets>'),
        ),
        (plain("<thumbnails><thumbnail>old</thumbnail></thumbnails>"), plain("")),
        (
            plain(SOURCE_XML.format(PUBLISHED.format("Orders", "1.0", "1.0"))),
            plain(SOURCE_XML.format(PUBLISHED.format("Orders", "2.0", "2.0"))),
        ),
        (
            plain(SOURCE_XML.format('<extract><connection class="hyper" dbname="Data/a.hyper"/></extract>')),
            plain(SOURCE_XML.format('<extract><connection class="hyper" dbname="X/b.hyper"/></extract>')),
        ),
        (plain("<windows>\n  <window/>\n</windows>"), plain("<windows><window /></windows>")),
    ],
    ids=["writer", "location", "pictures", "revision", "place of the extract", "spaces"],
)
def test_what_tableau_writes_anew_is_no_difference(before: WorkbookFile, after: WorkbookFile) -> None:
    assert list(differences(before, after)) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (plain("", locale="en_GB"), plain("", locale="de_DE"), "its settings"),
        (plain("<windows><window/></windows>"), plain("<windows/>"), "its windows"),
        (plain(""), plain("<actions/>"), "its actions"),
        (
            plain(SOURCE_XML.format('<connection server="a"/>')),
            plain(SOURCE_XML.format('<connection server="b"/>')),
            "the connections of data source 'Orders'",
        ),
        (
            plain(SOURCE_XML.format('<column name="[a]"/>')),
            plain(SOURCE_XML.format("")),
            "data source 'Orders'",
        ),
        (
            plain(SOURCE_XML.format(PUBLISHED.format("Orders", "1.0", "1.0"))),
            plain(SOURCE_XML.format(PUBLISHED.format("Sales", "1.0", "1.0"))),
            "data source 'Orders'",
        ),
        (
            plain('<dashboards><dashboard name="All"><zone id="1"/></dashboard></dashboards>'),
            plain('<dashboards><dashboard name="All"><zone id="2"/></dashboard></dashboards>'),
            "dashboard 'All'",
        ),
        (
            plain('<worksheets><worksheet name="s"><title>a</title></worksheet></worksheets>'),
            plain('<worksheets><worksheet name="s"><title>b</title></worksheet></worksheets>'),
            "worksheet 's'",
        ),
        (
            packed("<workbook/>", logo_png=b"1"),
            packed("<workbook/>", logo_png=b"2"),
            "the packed file 'logo.png'",
        ),
        (packed("<workbook/>", logo_png=b"1"), packed("<workbook/>"), "the packed file 'logo.png'"),
        (packed("<workbook/>", a_hyper=b"1"), packed("<workbook/>"), "its extracts: 0 instead of 1"),
    ],
)
def test_what_is_otherwise_is_named(before: WorkbookFile, after: WorkbookFile, told: str) -> None:
    assert list(differences(before, after)) == [told]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"<workbook>", b"<tsResponse/>"])
def test_what_is_no_workbook_cannot_be_opened(content: bytes) -> None:
    with pytest.raises(Unreadable):
        WorkbookFile.opened(content)
    with pytest.raises(Unreadable):
        packed(content.decode("latin-1"))
