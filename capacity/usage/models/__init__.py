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
    "ExhaustedWindow",
    "OrganizationUsage",
    "UsageDay",
    "UsageDemand",
    "UsageEvent",
    "UsageMinute",
    "UsageWindow",
]
