"""The command line: one command per lifecycle word; errors become one sentence and an exit status."""

# isort: off
# The order here is the order of the commands in --help: what does the work comes first.
from bi_governance.cli.main import main
from bi_governance.cli import work, approve, people, notice, slack, backups, audit, sandbox
# isort: on

__all__ = ["approve", "audit", "backups", "main", "notice", "people", "sandbox", "slack", "work"]
