"""The audit log."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.queries.audit import audit_entries
from accounts.serializers.audit import AuditEntrySerializer
from common.api.pagination import PageQuery


class Audit(OrganizationView):
    @endpoint(
        "list_audit_entries",
        permission=Permission.MANAGE,
        query=PageQuery,
        response=AuditEntrySerializer,
    )
    def get(self, request: Request) -> Response:
        """Every change: who made it, when, from where, and the values before and after."""
        return self.page(audit_entries(self.access.organization))
