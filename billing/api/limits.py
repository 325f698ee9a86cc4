"""Spend limits of the organization and of its projects."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from billing.operations.limits import set_spend_limit
from billing.queries.limits import Limits as LimitsNow
from billing.queries.limits import limits
from billing.serializers.limits import LimitRequestSerializer, LimitsSerializer


class Limits(OrganizationView):
    @endpoint("read_limits", permission=Permission.LIMITS_AND_INVOICES, response=LimitsSerializer)
    def get(self, request: Request) -> Response:
        """The spend limits, with what the present invoice period has spent of each."""
        return self.respond(limits(self.access.organization, on=self.now.date()))


class LimitView(OrganizationView):
    """A view that sets a limit."""

    def set_limit(self, *, project_id: str | None) -> LimitsNow:
        """Set the limit of the request's body, and return all limits."""
        return set_spend_limit(
            **self.caller,
            project_id=project_id,
            amount=self.body["amount"],
            is_hard=self.body["hard"],
            alerts=self.body["alerts"],
        )


class OrganizationLimit(LimitView):
    @endpoint(
        "set_organization_limit",
        permission=Permission.MANAGE,
        body=LimitRequestSerializer,
        response=LimitsSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set the organization's limit. The answer shows all limits."""
        return self.respond(self.set_limit(project_id=None))


class ProjectLimit(LimitView):
    @endpoint(
        "set_project_limit",
        permission=Permission.MANAGE,
        body=LimitRequestSerializer,
        response=LimitsSerializer,
    )
    def put(self, request: Request, project_id: str) -> Response:
        """Set a project's limit. The answer shows all limits."""
        return self.respond(self.set_limit(project_id=project_id))
