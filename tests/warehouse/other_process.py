"""The process the crash tests kill: it stages an inventory and dies at the moment it is told."""

import os
import signal
import sys
from datetime import UTC, datetime

from bi_governance.warehouse import SqlWarehouse


class FatalLoader:
    """Passes the first table on to the real loader, then takes the process down inside the transaction."""

    def __init__(self, loader):
        self._loader = loader

    def insert(self, *arguments):
        self._loader.insert(*arguments)
        die()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def main(url, moment):
    warehouse = SqlWarehouse(url, raw_schema="bi_raw", schema="bi_governance")
    if moment == "during commit":
        warehouse._loader = FatalLoader(warehouse._loader)
    staging = warehouse.stage("us", "run-2", ["looker_look", "looker_user"])
    staging.write("looker_look", [{"look_id": "2"}])
    staging.write("looker_user", [{"user_id": "2"}])
    if moment == "before commit":
        die()
    staging.commit(datetime(2026, 3, 2, tzinfo=UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
