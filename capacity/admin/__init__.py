"""The operator's pages of capacity."""

from capacity.admin import catalogue, purchases, quote_requests  # noqa: F401 - they register pages
