"""Apache Superset: visuals by uuid, uses from its action log, deletion with an export to go back to."""

from bi_governance.connectors.superset.capabilities import CAPABILITIES
from bi_governance.connectors.superset.reader import SupersetReader
from bi_governance.connectors.superset.rehearsing import SupersetRehearser
from bi_governance.connectors.superset.remover import SupersetRemover

__all__ = ["CAPABILITIES", "SupersetReader", "SupersetRehearser", "SupersetRemover"]
