"""Test clocks (R13)."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.operations.clock import advance_clock
from capacity.serializers.clock import AdvancedClockSerializer, ClockRequestSerializer


class AdvanceClock(OrganizationView):
    @endpoint(
        "advance_clock",
        permission=Permission.MANAGE,
        body=ClockRequestSerializer,
        response=AdvancedClockSerializer,
    )
    def post(self, request: Request) -> Response:
        """Move a sandbox's clock forward, by at most 31 days, and open every day on the way.

        The same request can be repeated: a clock that shows `to` already does not move.
        """
        organization = self.access.organization
        by = self.caller["by"]
        opened = advance_clock(organization=organization, to=self.body["to"], by=by)
        return self.respond({"organization": organization, "opened": opened})
