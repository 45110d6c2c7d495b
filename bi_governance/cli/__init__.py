"""The command line: one command per lifecycle word; errors become one sentence and an exit status."""

from bi_governance.cli import people, sandbox, work
from bi_governance.cli.main import main

__all__ = ["main", "people", "sandbox", "work"]
