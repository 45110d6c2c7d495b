"""One runner at a time: who has the lease, for how long, and what its loss forbids."""

from datetime import timedelta

import pytest

from bi_governance.errors import LeaseHeld, LeaseLost
from bi_governance.ledger import SqlLedger
from tests.ledger.samples import AMSTERDAM, NOW, kept, plan

MINUTE = timedelta(minutes=1)


def test_the_first_to_ask_gets_it_until_the_time_it_was_told(ledger: SqlLedger) -> None:
    lease = ledger.acquire("one", NOW.astimezone(AMSTERDAM), 60)
    assert (lease.holder, lease.token, lease.expires_at) == ("one", 1, NOW + MINUTE)


def test_the_next_is_told_who_has_it_and_until_when(ledger: SqlLedger) -> None:
    ledger.acquire("one", NOW, 60)
    with pytest.raises(LeaseHeld, match="one is running on this ledger, until 2026-03-02 06:01:00 UTC"):
        ledger.acquire("two", NOW + MINUTE - timedelta(microseconds=1), 60)


def test_the_same_name_again_is_another_runner(ledger: SqlLedger) -> None:
    ledger.acquire("one", NOW, 60)
    with pytest.raises(LeaseHeld):
        ledger.acquire("one", NOW, 60)


def test_an_expired_lease_is_taken_over_with_a_greater_token(ledger: SqlLedger) -> None:
    tokens = [ledger.acquire(f"runner {n}", NOW + n * MINUTE, 60).token for n in range(4)]
    assert tokens == [1, 2, 3, 4]


def test_only_the_given_now_decides_what_has_expired(ledger: SqlLedger) -> None:
    ledger.acquire("one", NOW + timedelta(days=36500), 60)
    with pytest.raises(LeaseHeld):
        ledger.acquire("two", NOW + timedelta(days=36500), 60)
    early = ledger.acquire("two", NOW + timedelta(days=36500) + MINUTE, 1)
    assert early.token == 2


def test_renewing_keeps_the_token_and_moves_the_end(ledger: SqlLedger) -> None:
    lease = ledger.acquire("one", NOW, 60)
    renewed = ledger.renew(lease, NOW + MINUTE / 2, 60)
    assert (renewed.token, renewed.expires_at) == (lease.token, NOW + MINUTE * 1.5)
    with pytest.raises(LeaseHeld):
        ledger.acquire("two", NOW + MINUTE, 60)
    ledger.append([kept()], lease)  # the older handle on the same lease is still the same lease


def test_an_expired_lease_nobody_wanted_can_be_renewed(ledger: SqlLedger) -> None:
    lease = ledger.acquire("one", NOW, 60)
    assert ledger.renew(lease, NOW + 10 * MINUTE, 60).expires_at == NOW + 11 * MINUTE


def test_after_a_take_over_the_old_runner_can_do_nothing(ledger: SqlLedger) -> None:
    old = ledger.acquire("one", NOW, 60)
    new = ledger.acquire("two", NOW + MINUTE, 60)
    for forbidden in (
        lambda: ledger.renew(old, NOW + MINUTE, 60),
        lambda: ledger.append([kept()], old),
        lambda: ledger.append([], old),
        lambda: ledger.save_plan(plan(), old),
    ):
        with pytest.raises(LeaseLost, match="one no longer holds the lease"):
            forbidden()
    assert list(ledger.events()) == []
    assert ledger.plans() == []
    assert ledger.append([kept()], new) == 1


def test_releasing_lets_the_next_start_at_once(ledger: SqlLedger) -> None:
    lease = ledger.acquire("one", NOW, 3600)
    ledger.release(lease)
    assert ledger.acquire("two", NOW, 60).token == 2


def test_a_released_lease_is_lost(ledger: SqlLedger) -> None:
    lease = ledger.acquire("one", NOW, 60)
    ledger.release(lease)
    with pytest.raises(LeaseLost):
        ledger.renew(lease, NOW, 60)
    with pytest.raises(LeaseLost):
        ledger.append([kept()], lease)


def test_releasing_what_another_took_over_leaves_it_with_the_other(ledger: SqlLedger) -> None:
    old = ledger.acquire("one", NOW, 60)
    new = ledger.acquire("two", NOW + MINUTE, 60)
    ledger.release(old)
    ledger.append([kept()], new)
    with pytest.raises(LeaseHeld, match="two"):
        ledger.acquire("three", NOW + MINUTE, 60)


def test_the_lease_is_checked_even_when_the_clock_says_it_ran_out(ledger: SqlLedger) -> None:
    lease = ledger.acquire("one", NOW, 1)
    assert ledger.append([kept(600)], lease) == 1  # nobody took over, so it is still the only runner


def test_without_a_lease_people_can_always_record(ledger: SqlLedger) -> None:
    ledger.acquire("one", NOW, 60)
    assert ledger.append([kept()]) == 1
