from capacity.usage.models.usage import (
    DEFAULT_POOL,
    OrganizationUsage,
    UsageDay,
    UsageEvent,
    UsageMinute,
    UsageWindow,
)

__all__ = [
    "DEFAULT_POOL",
    "OrganizationUsage",
    "UsageDay",
    "UsageEvent",
    "UsageMinute",
    "UsageWindow",
]
