"""Tableau Server and Tableau Cloud: one site, read and changed through the vendor's own client library."""

from bi_governance.connectors.tableau.capabilities import CAPABILITIES
from bi_governance.connectors.tableau.reader import TableauReader
from bi_governance.connectors.tableau.rehearsing import TableauRehearser
from bi_governance.connectors.tableau.remover import TableauRemover

__all__ = ["CAPABILITIES", "TableauReader", "TableauRehearser", "TableauRemover"]
