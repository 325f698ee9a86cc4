"""What the organization requires of its members when they sign in (R24)."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.operations.sign_in_requirements import set_sign_in_requirements
from accounts.serializers.sign_in_requirements import (
    SignInRequirementsRequestSerializer,
    SignInRequirementsSerializer,
)


class SignInRequirements(OrganizationView):
    @endpoint(
        "read_sign_in_requirements",
        permission=Permission.MANAGE,
        response=SignInRequirementsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Whether every member needs a second factor."""
        return self.respond(self.access.organization)

    @endpoint(
        "set_sign_in_requirements",
        permission=Permission.MANAGE,
        body=SignInRequirementsRequestSerializer,
        response=SignInRequirementsSerializer,
    )
    def put(self, request: Request) -> Response:
        """Require a second factor of every member, or no longer. You need one yourself.

        Members without one can do nothing on the pages but set one up. Their API keys are refused
        from `keys_refused_from` on; they are told this date by email.
        """
        return self.respond(
            set_sign_in_requirements(**self.caller, second_factor=self.body["second_factor"])
        )
