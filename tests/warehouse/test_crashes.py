"""A process killed while it replaces an inventory leaves the previous one, whole."""

import signal
import subprocess
import sys

import pytest

from tests.warehouse.conftest import replace


@pytest.mark.parametrize("moment", ["before commit", "during commit"])
def test_the_previous_inventory_survives_a_kill(warehouse, rows, moment):
    replace(warehouse, "us", looker_look=[{"look_id": "1"}], looker_user=[{"user_id": "1"}])
    url = warehouse._database.url.render_as_string(hide_password=False)
    warehouse.close()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.warehouse.other_process", url, moment], check=False, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    assert [r["look_id"] for r in rows("looker_look", "look_id")] == ["1"]
    assert [r["user_id"] for r in rows("looker_user", "user_id")] == ["1"]
    assert rows("looker_look", "look_id")[0]["run_id"] == "run-1"


def test_the_same_work_done_to_the_end_replaces_it(warehouse, rows):
    replace(warehouse, "us", looker_look=[{"look_id": "1"}])
    url = warehouse._database.url.render_as_string(hide_password=False)
    warehouse.close()
    command = [sys.executable, "-m", "tests.warehouse.other_process", url, "never"]
    subprocess.run(command, check=True, timeout=120)
    assert [r["look_id"] for r in rows("looker_look", "look_id")] == ["2"]
