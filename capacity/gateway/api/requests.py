"""What became of a request to the gateway, and why."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.gateway.queries.requests import find_request
from capacity.gateway.serializers.requests import GatewayRequestSerializer


class GatewayRequestView(OrganizationView):
    @endpoint(
        "read_gateway_request",
        permission=Permission.USAGE,
        response=GatewayRequestSerializer,
    )
    def get(self, request: Request, gateway_request_id: str) -> Response:
        """What a request of the last 24 hours was decided on; its id is its `x-request-id`."""
        return self.respond(
            find_request(self.access.organization, gateway_request_id, real_now=timezone.now())
        )
