"""The audit log."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.queries.audit import audit_entries, entries_between, history
from accounts.serializers.audit import AuditEntrySerializer, AuditQuery


class Audit(OrganizationView):
    @endpoint(
        "list_audit_entries",
        permission=Permission.MANAGE,
        query=AuditQuery,
        response=AuditEntrySerializer,
    )
    def get(self, request: Request) -> Response:
        """Every change: who made it, when, from where, and the values before and after."""
        organization, query = self.access.organization, self.query
        entries = entries_between(
            audit_entries(organization), since=query.get("from"), before=query.get("to")
        )
        if subject := query.get("subject"):
            entries = history(entries, organization, subject)
        if actor := query.get("actor"):
            entries = entries.filter(actor__public_id=actor)
        if action := query.get("action"):
            entries = entries.filter(action=action)
        return self.page(entries)
