"""The operator's pages of billing."""

from billing.admin import customers, invoices, order_forms  # noqa: F401 - they register pages
