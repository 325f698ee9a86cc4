"""The operator's pages about people and organizations, and what all operator's pages share."""

from accounts.admin import organizations, records, site, users  # noqa: F401 - they register pages
from accounts.admin.audited import AuditedAdmin, ReadOnlyAdmin, operator

__all__ = ["AuditedAdmin", "ReadOnlyAdmin", "operator"]
