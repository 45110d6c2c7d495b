"""Power BI: content by the admin APIs, uses from the activity log, reports deleted with a way back."""

from bi_governance.connectors.powerbi.capabilities import CAPABILITIES
from bi_governance.connectors.powerbi.reader import PowerBIReader
from bi_governance.connectors.powerbi.remover import PowerBIRemover

__all__ = ["CAPABILITIES", "PowerBIReader", "PowerBIRemover"]
