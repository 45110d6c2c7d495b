"""Settings: everything the configuration file can say, typed, with safe defaults."""

from bi_governance.settings.root import Settings
from bi_governance.settings.schedule import ScheduleSettings
from bi_governance.settings.stores import SourceSettings

__all__ = ["ScheduleSettings", "Settings", "SourceSettings"]
