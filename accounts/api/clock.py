"""The organization's clock."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.serializers.clock import ClockSerializer


class Clock(OrganizationView):
    @endpoint("read_clock", permission=Permission.MANAGE, response=ClockSerializer)
    def get(self, request: Request) -> Response:
        """The organization's time. Everything in the organization happens at this time."""
        return self.respond(self.access.organization)
