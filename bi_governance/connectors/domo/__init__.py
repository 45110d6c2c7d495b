"""Domo: pages and cards, uses from its audit log, removal into a quarantine that can be undone."""

from bi_governance.connectors.domo.capabilities import CAPABILITIES
from bi_governance.connectors.domo.reader import DomoReader
from bi_governance.connectors.domo.remover import DomoRemover

__all__ = ["CAPABILITIES", "DomoReader", "DomoRemover"]
