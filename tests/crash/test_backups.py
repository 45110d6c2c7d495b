"""Killed while purging or drilling: what is gone is recorded, and of a copy nothing is left."""

import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bi_governance import events as ev
from tests.crash.child import Blow
from tests.crash.estate import DUE, EVE, PIECES, START, Company, Piece
from tests.crash.product import Product
from tests.crash.record import count, ledger_of

# Deleted at DUE; a day later the promise is over: killed, and run again when the dead lease has run out.
EXPIRED, LATER, MUCH_LATER = (DUE + timedelta(days=1, minutes=m) for m in (0, 20, 40))
PURGES = [
    Blow(when, effect, about)
    for when in ("before", "after")
    for effect, about in (
        ("ledger.append", "purge.intended superset"),
        ("backups.remove", "superset/"),
        ("ledger.append", "visual.purged superset"),
    )
]
DRILLS = [
    *(
        Blow(when, effect, about)
        for when in ("before", "after")
        for effect, about in (
            ("ledger.append", "drill.intended"),
            ("rehearser.rehearse", "superset"),
            ("ledger.append", "drill.done"),
        )
    ),
    Blow("before", "answer", "POST /api/v1/dashboard/import/"),
    Blow("before", "answer", "DELETE /api/v1/dashboard/"),
    Blow("before", "answer", "DELETE /api/v1/chart/"),
]


# What takes long to prepare is prepared by one worker, not by each.
pytestmark = pytest.mark.xdist_group("purges")


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    """A company of this module's own: its servers stay as the deletions left them."""
    with Company().serving() as opened:
        yield opened


@pytest.fixture(scope="module")
def deleted(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """Live, what was due is deleted, and backups are kept for one day."""
    folder = tmp_path_factory.mktemp("deleted")
    product = Product(folder, company).configured(backups=kept_a_day(folder))
    company.open(START)
    done(product, START, "mode", "live", "--reason", "trial reviewed", "--yes")
    done(product, START, "run")
    company.open(EVE)
    for command in ("collect", "transform", "delete"):
        done(product, DUE, command)
    for piece in PIECES:
        if piece.fate == "used":
            use(company, piece)
    for command in ("collect", "transform"):
        done(product, EXPIRED, command)
    return product


def kept_a_day(folder: Path) -> dict[str, object]:
    return {"url": f"file://{folder}/backups", "retention_days": 1, "purge": True}


def done(product: Product, at: datetime, *command: str) -> None:
    ended = product.run(*command, at=at)
    assert ended.status == 0, ended.said


def use(company: Company, piece: Piece) -> None:
    """Somebody opens it on the day between: a day without any use would stop the source."""
    world, number = getattr(company, piece.platform), company.numbers[piece.title]
    viewer = world.add_person(f"dora-{number}@acme.example", "Dora")
    at = DUE + timedelta(hours=1)
    world.view(piece.type, int(number) if piece.platform == "superset" else number, by=viewer, at=at)


@pytest.fixture
def product(deleted: Product, tmp_path: Path) -> Product:
    folder = tmp_path / "product"
    return deleted.copied_to(folder, backups=kept_a_day(folder))


def stored(product: Product) -> set[str]:
    folder = product.folder / "backups"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.zip")}


@pytest.mark.parametrize("blow", PURGES, ids=str)
def test_killed_while_purging(product: Product, blow: Blow) -> None:
    before = stored(product)
    assert before
    assert product.run("backups", "purge", at=EXPIRED, blow=blow).status == -signal.SIGKILL
    ended = product.run("backups", "purge", at=LATER)
    assert ended.status == 0, ended.said
    assert stored(product) == set()
    removed = count(product, ev.Removed)
    assert count(product, ev.Purged) == removed == dict.fromkeys(removed, 1)
    with ledger_of(product) as ledger:
        state = ledger.state()
    assert all(case.purge_intended is None for case in state.cases.values())


@pytest.mark.parametrize("blow", DRILLS, ids=str)
def test_killed_while_drilling(product: Product, blow: Blow) -> None:
    visuals, backups = titles(product), stored(product)
    drill = ("backups", "drill", "--source", "superset", "--sample", "9", "--yes")
    assert product.run(*drill, at=EXPIRED, blow=blow).status == -signal.SIGKILL
    ended = product.run("warn", at=LATER)
    assert ended.status == 0, ended.said
    assert titles(product) == visuals
    assert stored(product) == backups
    ended = product.run(*drill, at=MUCH_LATER)
    assert ended.status == 0, ended.said
    assert titles(product) == visuals
    with ledger_of(product) as ledger:
        state = ledger.state()
    assert all(case.drill_intended is None for case in state.cases.values())


def titles(product: Product) -> list[str]:
    """Everything the Superset server has, copies included."""
    superset = product.company.superset
    return sorted(v.title for kind in ("dashboard", "chart") for v in superset.visuals(kind).values())
