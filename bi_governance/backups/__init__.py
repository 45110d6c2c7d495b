"""Backups: where the content of deleted visuals is kept, and how it is kept from other eyes."""

from bi_governance.backups.encryption import Keys
from bi_governance.backups.store import FsspecBackups

__all__ = ["FsspecBackups", "Keys"]
