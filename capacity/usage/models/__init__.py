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
    "UsageEvent",
    "UsageMinute",
    "UsageWindow",
]
