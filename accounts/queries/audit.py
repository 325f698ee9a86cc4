"""The audit log."""

from django.db.models import QuerySet

from accounts.models import AuditEntry, Organization


def audit_entries(organization: Organization) -> QuerySet[AuditEntry]:
    """Return the organization's audit entries (R19), newest first."""
    return (
        AuditEntry.objects.filter(organization=organization).select_related("actor").order_by("-pk")
    )
