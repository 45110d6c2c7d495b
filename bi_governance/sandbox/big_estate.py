"""An estate of any size for benchmarks: made in bulk, its events streamed in time order, never held twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.timeline import to_micros

_EXPLORES = tuple(f"ecommerce.table_{n}" for n in range(40))


def big_looker(
    looker: LookerSandbox, n_visuals: int, n_events: int, *, days: int = 90, people: int = 500, seed: int = 7
) -> None:
    """Fill a Looker sandbox with dashboards and looks (a quarter) and accesses over the last `days` days.

    Three visuals in ten are never opened; half of the rest get nine tenths of the accesses.
    """
    users = [looker.add_person(f"person{n}@acme.example", f"Person {n}") for n in range(people)]
    keys = [f"dashboard:{_dashboard(looker, n, users)}" for n in range(n_visuals - n_visuals // 4)]
    keys += [f"look:{_look(looker, n, users)}" for n in range(n_visuals // 4)]
    rows = events(keys, users, n_events, end_micros=to_micros(looker.clock.now()), days=days, seed=seed)
    looker.bulk_views((at, key, user, key.partition(":")[0]) for at, key, user in rows)


def _dashboard(looker: LookerSandbox, number: int, users: list[str]) -> str:
    born = looker.clock.now() - timedelta(days=400)
    explore = _EXPLORES[number % len(_EXPLORES)]
    owner_id = users[number % len(users)]
    return looker.add_dashboard(f"Dashboard {number}", owner_id=owner_id, created_at=born, tiles=(explore,))


def _look(looker: LookerSandbox, number: int, users: list[str]) -> str:
    born = looker.clock.now() - timedelta(days=400)
    explore = _EXPLORES[number % len(_EXPLORES)]
    return looker.add_look(
        f"Look {number}", owner_id=users[number % len(users)], created_at=born, explore=explore
    )


def big_superset(
    superset: SupersetSandbox,
    n_visuals: int,
    n_events: int,
    *,
    days: int = 90,
    people: int = 500,
    seed: int = 7,
) -> None:
    """Fill a Superset sandbox with dashboards and charts (half each) and log rows over `days` days."""
    users = [superset.add_person(f"person{n}@acme.example", f"Person {n}") for n in range(people)]
    born = superset.clock.now() - timedelta(days=400)
    dataset_id = superset.add_dataset("orders", owner_id=users[0])
    dashboards = []
    for number in range(n_visuals // 2):
        owner_id = users[number % len(users)]
        chart = superset.add_chart(
            f"Chart {number}", owner_id=owner_id, dataset_id=dataset_id, created_at=born
        )
        dashboards.append(
            superset.add_dashboard(f"Dashboard {number}", owner_id=owner_id, charts=[chart], created_at=born)
        )
    keys, actors = [f"{id_}/" for id_ in dashboards], [str(id_) for id_ in users]
    rows = events(keys, actors, n_events, end_micros=to_micros(superset.clock.now()), days=days, seed=seed)
    superset.bulk_rows((at, key, user, "log:mount_dashboard") for at, key, user in rows)


def events(
    keys: list[str], users: list[str], count: int, *, end_micros: int, days: int, seed: int
) -> Iterator[tuple[int, str, str]]:
    """`count` accesses of (microseconds since 1970, key, user), evenly spread and in time order."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    alive = max(1, len(keys) * 7 // 10)
    favourites = max(1, alive // 2)
    step = days * 86_400_000_000 / max(1, count)
    begin = end_micros - days * 86_400_000_000
    for number in range(count):
        pool = favourites if chance.random() < 0.9 else alive
        yield (
            begin + int(number * step),
            keys[int(chance.random() * pool)],
            users[int(chance.random() * len(users))],
        )
