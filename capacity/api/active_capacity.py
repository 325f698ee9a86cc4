"""Active capacity."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.queries.active_capacity import active_capacity
from capacity.serializers.active_capacity import ActiveCapacitySerializer
from common.api.pagination import PageQuery


class Capacity(OrganizationView):
    @endpoint(
        "list_capacity",
        permission=Permission.SCALE_TIER,
        query=PageQuery,
        response=ActiveCapacitySerializer,
    )
    def get(self, request: Request) -> Response:
        """Units and tokens per minute active now, by model, pool and kind."""
        return self.page(active_capacity(self.access.organization))
