"""The operator's pages of capacity."""

from capacity.admin import (  # noqa: F401 - they register pages
    account_plans,
    catalogue,
    purchases,
    quote_requests,
)
