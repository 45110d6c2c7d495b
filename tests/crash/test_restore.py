"""Killed while restoring: the visual comes back once, as it was, and is not taken away again."""

import signal
from datetime import timedelta

import pytest

from bi_governance import events as ev
from bi_governance.model import VisualKey
from tests.crash.child import Blow
from tests.crash.estate import DUE
from tests.crash.product import Product
from tests.crash.record import count, ledger_of

# Deleted, wanted back, killed, the next stage of a run, and the person who tries again.
DELETED, WANTED, NEXT, TRIED_AGAIN, LAST = (DUE + timedelta(minutes=m) for m in (0, 20, 40, 60, 80))
BACK = {
    "looker": ("PATCH /api/4.0/dashboards/1",),
    "superset": ("POST /api/v1/dashboard/import/", "PUT /api/v1/dashboard/"),
}
BLOWS = [
    (platform, blow)
    for platform, requests in BACK.items()
    for blow in (
        *(
            Blow(when, effect, about)
            for when in ("before", "after")
            for effect, about in (
                ("ledger.append", "restore.intended"),
                ("restorer.restore", ""),
                ("ledger.append", "restore.done"),
            )
        ),
        *(Blow("before", "answer", request) for request in requests),
    )
]


def _title(platform: str) -> str:
    return f"{platform.title()} sold-out items"


def _killed(product: Product, platform: str, blow: Blow) -> VisualKey:
    """Delete what is due, and die while bringing one of it back."""
    assert product.run("delete", at=DELETED).status == 0
    key = product.company.keys[_title(platform)]
    assert product.run("restore", str(key), at=WANTED, blow=blow).status == -signal.SIGKILL
    return key


def _assert_back(product: Product, platform: str, key: VisualKey) -> None:
    """It lives once and as it was, the restore is recorded once, and the next run leaves it alone."""
    _assert_lives_once(product, platform)
    title = _title(platform)
    assert count(product, ev.Restored) == {title: 1}
    assert count(product, ev.Regretted) == {title: 1}
    with ledger_of(product) as ledger:
        case = ledger.state().case(key)
    assert (case.removal, case.restore_intended) == (None, None)
    assert case.immune_until > LAST + timedelta(days=29)
    before = len(product.company.writes()), count(product, ev.Removed)
    assert product.run("delete", at=LAST).status == 0
    assert (len(product.company.writes()), count(product, ev.Removed)) == before
    _assert_lives_once(product, platform)


def _assert_lives_once(product: Product, platform: str) -> None:
    company, title = product.company, _title(platform)
    if platform == "looker":
        owners = [
            (v.owner_id,) for v in company.looker.visuals.values() if v.title == title and not v.deleted
        ]
        ada = next(user.id for user in company.looker.users.values() if user.email == "ada@acme.example")
    else:
        owners = [tuple(v.owner_ids) for v in company.superset.dashboards.values() if v.title == title]
        ada = next(user.id for user in company.superset.users.values() if user.username == "ada")
    assert owners == [(ada,)]


@pytest.mark.parametrize(("platform", "blow"), BLOWS, ids=str)
def test_the_person_restores_again(product: Product, platform: str, blow: Blow) -> None:
    key = _killed(product, platform, blow)
    again = product.run("restore", str(key), at=NEXT)
    recorded = (blow.when, blow.about) == ("after", "restore.done")
    assert again.status == (2 if recorded else 0), again.said
    _assert_back(product, platform, key)


@pytest.mark.parametrize(("platform", "blow"), BLOWS, ids=str)
def test_a_run_comes_first(product: Product, platform: str, blow: Blow) -> None:
    """What had come back is found and finished; what had not is recorded as failed and can be tried again."""
    key = _killed(product, platform, blow)
    ended = product.run("delete", at=NEXT)
    assert ended.status == 0, ended.said
    if _title(platform) in product.company.gone():
        assert product.run("restore", str(key), at=TRIED_AGAIN).status == 0
    _assert_back(product, platform, key)


@pytest.mark.parametrize("platform", BACK)
def test_the_answer_to_a_restore_is_lost(product: Product, platform: str) -> None:
    assert product.run("delete", at=DELETED).status == 0
    key = product.company.keys[_title(platform)]
    product.run("restore", str(key), at=WANTED, blow=Blow("lost", "answer", BACK[platform][0]))
    product.run("restore", str(key), at=NEXT)
    _assert_back(product, platform, key)
