"""The real armory: what can delete is built at the moment it is asked for, and only for a live source."""

from datetime import UTC, datetime

import pytest

from bi_governance import events as ev
from bi_governance.app import LiveArmory
from bi_governance.errors import RefusedForSafety
from bi_governance.ledger import SqlLedger
from bi_governance.model import Mode
from bi_governance.settings import SourceSettings

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_no_remover_is_handed_out_in_dry_run(tmp_path):
    ledger = SqlLedger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.prepare()
    connection = {"base_url": "http://127.0.0.1:9", "username": "u", "password": "p"}
    armory = LiveArmory({"bi": SourceSettings(platform="superset", **connection)}, ledger)
    with pytest.raises(RefusedForSafety, match="bi is in dry-run"):
        armory.remover("bi")
    ledger.append([ev.ModeChanged(at=NOW, mode=Mode.LIVE, reason="trial done")])
    assert callable(armory.remover("bi").remove)
    ledger.append([ev.ModeChanged(at=NOW, mode=Mode.DRY_RUN, reason="stop")])
    with pytest.raises(RefusedForSafety, match="bi is in dry-run"):
        armory.remover("bi")
    armory.close()
    ledger.close()
