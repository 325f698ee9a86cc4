from capacity.usage.models.alerts import (
    AlertRule,
    UsageAlert,
    UsageAlertSettings,
    UsageMail,
    UsageMailOptOut,
)
from capacity.usage.models.demand import UsageDemand
from capacity.usage.models.usage import (
    DEFAULT_POOL,
    ExhaustedWindow,
    OrganizationUsage,
    UsageDay,
    UsageEvent,
    UsageMinute,
    UsageWindow,
)

__all__ = [
    "DEFAULT_POOL",
    "AlertRule",
    "ExhaustedWindow",
    "OrganizationUsage",
    "UsageAlert",
    "UsageAlertSettings",
    "UsageDay",
    "UsageDemand",
    "UsageEvent",
    "UsageMail",
    "UsageMailOptOut",
    "UsageMinute",
    "UsageWindow",
]
