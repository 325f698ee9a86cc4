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
        answer=AdvancedClockSerializer,
    )
    def post(self, request: Request) -> Response:
        """Move a sandbox's clock forward, at most 31 days a call; every day on the way is opened.

        Sending it again is safe: a clock that stands at `to` stays there.
        """
        organization = self.visit.organization
        opened = advance_clock(organization=organization, to=self.sent["to"], by=self.actor)
        return self.answer({"organization": organization, "opened": opened})
