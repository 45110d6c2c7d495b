"""Looker through its official SDK (API 4.0)."""

from bi_governance.connectors.looker.reader import CAPABILITIES, LookerReader
from bi_governance.connectors.looker.rehearsing import LookerRehearser
from bi_governance.connectors.looker.remover import LookerRemover

__all__ = ["CAPABILITIES", "LookerReader", "LookerRehearser", "LookerRemover"]
