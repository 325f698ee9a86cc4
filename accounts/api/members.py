"""Members of the organization."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.queries.members import members
from accounts.serializers.members import MemberSerializer
from common.api.pagination import PageQuery


class Members(OrganizationView):
    @endpoint(
        "list_members",
        permission=Permission.MANAGE,
        query=PageQuery,
        response=MemberSerializer,
    )
    def get(self, request: Request) -> Response:
        """Everyone in the organization, and who has a second factor."""
        return self.page(members(self.access.organization))
