"""What must be true after a crash and another run, read from the ledger, the backups and the servers."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from bi_governance import events as ev
from bi_governance.backups import FsspecBackups
from bi_governance.ledger import SqlLedger
from bi_governance.model import NoticeKind
from bi_governance.warehouse.tables import RAW_TABLES, Kind
from tests.crash.estate import CHANNEL, EVE, PIECES, SOURCES, Piece
from tests.crash.product import Product

TOLD_AS = {
    "warned": NoticeKind.WARNING,
    "reminded": NoticeKind.REMINDER,
    "rescued": NoticeKind.RESCUED,
    "removed": NoticeKind.DELETED,
}
# What every run writes about itself; anything else is an effect.
ROUTINE = (ev.RunStarted, ev.RunFinished, ev.PlanRecorded, ev.MartsBuilt, ev.SourceSeen)
# What differs from run to run although nobody did anything: stamps, and when we logged in.
STAMPS = ("source", "run_id", "collected_at", "last_login_at")
UNSTAMPED = f"columns(c -> c not in {STAMPS})"


@contextmanager
def ledger_of(product: Product) -> Iterator[SqlLedger]:
    ledger = SqlLedger(f"sqlite:///{product.folder}/ledger.db")
    try:
        yield ledger
    finally:
        ledger.close()


def events(product: Product, *kinds: type[ev.Event]) -> list[ev.Event]:
    """What the ledger says since the eve, its chain checked first."""
    with ledger_of(product) as ledger:
        ledger.verify()
        return [e for e in ledger.events() if e.at > EVE and isinstance(e, kinds or ev.Event)]


def count(product: Product, kind: type[ev.VisualEvent]) -> Counter[str]:
    """How many events of one kind there are per title."""
    names = {key: title for title, key in product.company.keys.items()}
    return Counter(names[event.key] for event in events(product, kind))


def assert_removed_once(product: Product) -> None:
    """What was due is gone by one call each, recorded once, and can be brought back; nothing else is."""
    company, due = product.company, {p.title: 1 for p in PIECES if p.fate == "removed"}
    assert company.gone() == set(due)
    calls = Counter(
        request.path.removeprefix("/api/4.0").removeprefix("/api/v1") for request in company.writes()
    )
    assert calls == {_path(piece, company.numbers[piece.title]): 1 for piece in PIECES if piece.title in due}
    assert count(product, ev.Removed) == due
    _assert_every_intent_ended(product)
    _assert_backed_up(product)


def _assert_backed_up(product: Product) -> None:
    """What the ledger points at can be read, and nothing half written bears the name of a backup."""
    folder = product.folder / "backups"
    backups = FsspecBackups(f"file://{folder}")
    for removed in events(product, ev.Removed):
        saved = backups.load(removed.backup)
        assert saved.manifest["key"] == str(removed.key)
        assert all(saved.files.values())
    for file in folder.rglob("*.zip"):
        assert backups.load(str(file.relative_to(folder))).files


def _path(piece: Piece, number: str) -> str:
    return f"/{piece.type}s/{number}" if piece.platform == "looker" else f"/{piece.type}/{number}"


def _assert_every_intent_ended(product: Product) -> None:
    assert count(product, ev.RemovalIntended) == count(product, ev.Removed) + count(product, ev.RemovalFailed)
    assert not events(product, ev.RemovalRefused)
    with ledger_of(product) as ledger:
        state = ledger.state()
    assert not [c for c in state.cases.values() if c.removal_intended or c.restore_intended]
    assert not state.unsettled_notices


def assert_told_once(product: Product) -> None:
    """Everybody who was to be told got one message about each visual, and the ledger points at it."""
    delivered = {
        (event.key, str(event.notice)): (event.channel, event.ts)
        for event in events(product, ev.NoticeDelivered)
    }
    ended = count(product, ev.Removed) + count(product, ev.Rescued)
    for piece in PIECES:
        told = product.company.told(piece.title)
        expected = dict(_readers(piece, ended))
        assert sorted(reader for reader, _ in told) == sorted(expected), piece.title
        for reader, message in told:
            key = product.company.keys[piece.title]
            assert delivered.pop((key, str(expected[reader]))) == (message.channel, message.ts)
    assert not delivered
    kinds = Counter((e.key, e.notice) for e in events(product, ev.NoticeDelivered))
    assert set(kinds.values()) == {1}
    outcomes = count(product, ev.NoticeDelivered) + count(product, ev.NoticeFailed)
    assert count(product, ev.NoticeIntended) == outcomes
    with ledger_of(product) as ledger:
        assert not ledger.state().unsettled_notices


def _readers(piece: Piece, ended: Counter[str]) -> list[tuple[str, NoticeKind]]:
    """Who is told what on the day: of what was warned of before, once it came to its end.

    Nobody reacted to what is reminded of, so the channel, which is next in line, is told as well.
    """
    if piece.fate not in ("warned", "reminded") and not ended[piece.title]:
        return []
    first = (CHANNEL if piece.owner == "carol" else piece.owner, TOLD_AS[piece.fate])
    return [first, (CHANNEL, NoticeKind.ESCALATION)] if piece.fate == "reminded" else [first]


def assert_rescued_once(product: Product) -> None:
    assert count(product, ev.Rescued) == {p.title: 1 for p in PIECES if p.fate == "rescued"}


def effects(product: Product) -> tuple[object, ...]:
    """All that a run may have changed in the world: what a run with nothing to do must leave as it was."""
    company = product.company
    return (
        [event for event in events(product) if not isinstance(event, ROUTINE)],
        len(company.writes()),
        company.gone(),
        [m.ts for m in company.slack.messages() if company.slack.channels[m.channel].name != "analytics"],
    )


# -- the warehouse -------------------------------------------------------------------------------------


def inventory(product: Product) -> dict[str, list[tuple]]:
    """Every inventory table's rows without their stamps."""
    return _tables(product, Kind.INVENTORY, UNSTAMPED)


def history(product: Product) -> dict[str, list[tuple]]:
    return _tables(product, Kind.HISTORY, UNSTAMPED)


def _tables(product: Product, kind: Kind, columns: str) -> dict[str, list[tuple]]:
    names = [t.name for t in RAW_TABLES.values() if t.kind is kind and t.platform in SOURCES]
    with duckdb.connect(f"{product.folder}/warehouse.duckdb") as warehouse:
        found = {n: warehouse.sql(f"select {columns} from bi_raw.{n}").fetchall() for n in names}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def assert_inventory_whole(product: Product) -> None:
    """All inventory rows of one source stem from one run: swapped in together, or not at all."""
    runs: dict[str, set[str]] = {}
    for name, rows in _tables(product, Kind.INVENTORY, "run_id").items():
        runs.setdefault(name.partition("_")[0], set()).update(run for (run,) in rows)
    assert {platform: len(found) for platform, found in runs.items()} == dict.fromkeys(SOURCES, 1)


def newest_collections(product: Product) -> list[tuple[str, str, str]]:
    """Source, feed and status of the newest run of each source that is recorded."""
    with duckdb.connect(f"{product.folder}/warehouse.duckdb") as warehouse:
        return warehouse.sql(
            "select distinct source, feed, status from bi_raw.collection c where finished_at = "
            "(select max(finished_at) from bi_raw.collection n where n.source = c.source) order by all"
        ).fetchall()


def marts(product: Product) -> dict[str, list[tuple]]:
    """What dbt made of it all."""
    names = ("visual_last_access", "visual_usage_daily", "source_coverage", "visual_containment", "bi_user")
    with duckdb.connect(f"{product.folder}/warehouse.duckdb") as warehouse:
        found = {n: warehouse.sql(f"select * from bi_governance.{n}").fetchall() for n in names}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}
