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
        """Move a sandbox's clock forward, at most 31 days a call; every day on the way is opened.

        Sending it again is safe: a clock that stands at `to` stays there.
        """
        organization = self.access.organization
        by = self.caller["by"]
        opened = advance_clock(organization=organization, to=self.body["to"], by=by)
        return self.respond({"organization": organization, "opened": opened})
