"""`scripts/prove`: simulates for as long as asked, takes defences away; prints what docs/safety.md quotes."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

from tests.connectors.harness import START
from tests.prove import chaos
from tests.prove.defences import command as defences
from tests.prove.machine import ledgers, live, prove, shrink, told
from tests.prove.script import draw

# A run with dbt takes seconds: on most days of the whole product there is none.
PRODUCT_SHARE = 0.35


def main() -> int:
    """Exit status 0 when no invariant was violated, else 1."""
    parser = argparse.ArgumentParser(prog="scripts/prove", description=__doc__)
    proofs = parser.add_subparsers(dest="proof", required=True)
    for name, days, what in (
        (
            "machine",
            10_000,
            "core, use cases, ledger and connectors against the sandbox servers, facts in memory",
        ),
        ("product", 500, "the same with the real warehouse (DuckDB) and dbt"),
    ):
        proof = proofs.add_parser(name, help=what)
        proof.add_argument("--days", type=int, default=days)
        proof.add_argument(
            "--seed", type=int, default=1, help="of the first world; each next one has the next"
        )
        proof.add_argument("--ledger", choices=("sqlite", "postgresql"), default="sqlite")
        proof.add_argument("--days-per-world", type=int, default=60)
        proof.add_argument("--minutes", type=float, default=float("inf"), help="begin no world after that")
        proof.add_argument("--no-shrink", action="store_true", help="do not look for a shorter story")
    proof = proofs.add_parser("chaos", help="real runs over five platforms, killed by SIGKILL")
    proof.add_argument("--runs", type=int, default=200)
    proof.add_argument("--seed", type=int, default=1)
    defences.add_options(proofs.add_parser("defences", help="each defence taken away: its tests must fail"))
    options = parser.parse_args()
    if options.proof == "defences":
        return defences.prove(options)
    return _chaos(options) if options.proof == "chaos" else _prove(options)


def _chaos(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        done, disagreements = chaos.play(
            options.runs, options.seed, Path(folder), lambda text: _say(text, sys.stderr)
        )
    _say(f"chaos: seed {options.seed}")
    t = done.tally
    for name, figure in (
        ("killed", t["killed"]),
        ("over before the blow", t["over before the blow"]),
        ("simulated days", (done.company.clock.now() - START).days),
        ("warnings delivered", t["told: warning"]),
        ("deletions, by the servers", len(done.company.gone())),
        ("disagreements", len(disagreements)),
        ("minutes", round((time.monotonic() - begun) / 60, 1)),
    ):
        _say(f"| {name} | {figure} |")
    _say("\n".join(disagreements))
    return 1 if disagreements else 0


def _prove(options: argparse.Namespace) -> int:
    is_whole = options.proof == "product"
    share = PRODUCT_SHARE if is_whole else None
    with ledgers(options.ledger) as ledger:
        outcome = prove(
            options.days,
            options.seed,
            ledger=ledger,
            tell=lambda text: _say(text, sys.stderr),
            is_whole=is_whole,
            days_per_world=options.days_per_world,
            share=share,
            minutes=options.minutes,
        )
        _say(f"{options.proof}: seed {options.seed}, ledger {options.ledger}")
        for name, figure in outcome.figures():
            _say(f"| {name} | {figure} |")
        if not outcome.violations:
            return 0
        _say("\n".join(outcome.violations))
        if not options.no_shrink:
            seed = int(outcome.violations[0].split(":")[0].removeprefix("seed "))
            script = draw(seed, options.days_per_world - 2, share)
            shortest = shrink(script, lambda s: bool(live(s, ledger=ledger, is_whole=is_whole)[1]))
            _say(f"The shortest story found:\n{told(shortest)}")
        return 1


def _say(text: str, where: TextIO | None = None) -> None:
    where = where or sys.stdout
    where.write(f"{text}\n")
    where.flush()


if __name__ == "__main__":
    sys.exit(main())
