"""Dying, and being run again: what every crash test does."""

import signal
from datetime import timedelta

from tests.crash.child import Blow
from tests.crash.estate import DUE
from tests.crash.product import Ended, Product
from tests.crash.record import effects, ledger_of

# The lease of a dead runner is in the way for fifteen minutes, and not for longer.
SOON, LATER, MUCH_LATER = (DUE + timedelta(minutes=m) for m in (5, 16, 33))


def die_and_run_again(product: Product, command: str, blow: Blow, *, leased: bool = True) -> Ended:
    """Killed; refused while the dead runner's lease lasts; then done; and then nothing is left to do."""
    assert product.run(command, at=DUE, blow=blow).status == -signal.SIGKILL
    assert_held(product, command, leased=leased)
    ended = product.run(command, at=LATER)
    assert ended.status == 0, ended.said
    return ended


def assert_held(product: Product, command: str, *, leased: bool = True) -> None:
    """Nobody works under a dead runner's lease; the answer names its process and exits with 3."""
    with ledger_of(product) as ledger:
        ledger.verify()
    if not leased:
        return
    before = effects(product)
    refused = product.run(command, at=SOON)
    assert (refused.status, "is running on this ledger, until 2026-03-10 06:15:00" in refused.said) == (
        3,
        True,
    )
    assert effects(product) == before


def assert_nothing_left(product: Product, command: str) -> None:
    """One more run finds nothing to do."""
    before = effects(product)
    ended = product.run(command, at=MUCH_LATER)
    assert ended.status == 0, ended.said
    assert effects(product) == before
