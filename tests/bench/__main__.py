"""The benchmarks' command line; see scripts/bench."""

from __future__ import annotations

import argparse

from tests.bench import big, build, demo, loading, looker

SECTIONS = ("loading", "build", "demo", "looker", "big")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure the product on this machine.")
    parser.add_argument(
        "section", nargs="*", choices=SECTIONS, default=SECTIONS, help="what to measure (default: all)"
    )
    parser.add_argument("--rows", type=int, default=200_000, help="access rows to load and to build over")
    parser.add_argument("--visuals", type=int, default=10_000, help="visuals of the big estate")
    parser.add_argument("--events", type=int, default=1_000_000, help="access events of the big estate")
    given = parser.parse_args()
    wanted = given.section or SECTIONS
    if unknown := sorted(set(wanted) - set(SECTIONS)):
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if "loading" in wanted:
        loading.bench(given.rows)
    if "build" in wanted:
        build.bench(given.rows)
    if "demo" in wanted:
        demo.bench()
    if "looker" in wanted:
        looker.bench()
    if "big" in wanted:
        big.bench(given.visuals, given.events)


if __name__ == "__main__":
    main()
