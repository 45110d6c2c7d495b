"""The life of backups in a bucket: made, checked, damaged, missed and purged, as by the daily run."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fsspec.core import url_to_fs

from bi_governance import events as ev
from bi_governance.backups import FsspecBackups, Keys
from bi_governance.restore import restore
from bi_governance.run import daily_run, one_runner
from bi_governance.verify import Condition, verify
from tests.flow.test_daily_run import go_live
from tests.flow.world import World
from tests.test_encryption import FIRST

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture
def world(tmp_path, bucket) -> World:
    """Live, and three boards whose warnings end today."""
    company = World(tmp_path, backups=FsspecBackups(f"{bucket}/store", Keys(FIRST)))
    for name in ("1", "2", "3"):
        company.bi.add(name)
    company.bi.add("in use", schedules=1)
    go_live(company)
    daily_run(company.services)
    company.clock.forward(7)
    yield company
    company.close()


def test_deleted_verified_restored_and_purged(world) -> None:
    assert len(daily_run(world.services).deleted.removed) == 3
    assert verify(world.services).whole == 3
    with one_runner(world.services) as lease:
        restore(world.services, world.key("1"), actor="ada", lease=lease)
    policy = replace(world.services.policy, purge_after=timedelta(days=30))
    world.services = replace(world.services, policy=policy)
    world.clock.forward(30)
    assert daily_run(world.services).purged.purged == [world.key("2"), world.key("3")]
    assert len(list(world.services.backups.paths())) == 1


def test_what_is_changed_or_missing_in_the_bucket_is_noticed(world, bucket) -> None:
    daily_run(world.services)
    fs, root = url_to_fs(f"{bucket}/store", use_listings_cache=False)
    changed, missing, _ = (f"{root}/{path}" for path in sorted(world.services.backups.paths()))
    fs.pipe_file(changed, fs.cat_file(changed)[:-1] + b"?")
    fs.rm_file(missing)
    report = verify(world.services)
    assert (report.whole, report.orphans) == (1, [])
    assert {c.condition for c in report.wrong} == {Condition.DAMAGED, Condition.MISSING}


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_what_the_bucket_does_not_take_or_give_back_is_not_deleted(world, s3_server, method) -> None:
    with s3_server.refusing("403 Forbidden", "AccessDenied", "Access Denied", method):
        assert daily_run(world.services).deleted.removed == []
    refused = [e for e in world.ledger.events() if isinstance(e, ev.RemovalRefused)]
    assert [e.guard for e in refused] == ["backup"] * 3
    assert all("the s3 store says: Access Denied" in e.reason for e in refused)
    assert world.bi.writes == []
