"""Usage: events come in, what capacity covered goes out."""

from http import HTTPStatus

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.queries.projects import find_project
from capacity.models import Kind
from capacity.queries.catalogue import find_listing
from capacity.usage.operations.events import record_usage
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.recommendations import recommendations
from capacity.usage.queries.usage import View, usage
from capacity.usage.serializers.events import RecordedSerializer, UsageEventsSerializer
from capacity.usage.serializers.usage import (
    RecommendationQuery,
    RecommendationSerializer,
    UsageQuery,
    UsageSerializer,
)


class UsageEvents(OrganizationView):
    @endpoint(
        "record_usage",
        permission=Permission.USAGE,
        body=UsageEventsSerializer,
        response=RecordedSerializer,
        status=HTTPStatus.OK,
    )
    def post(self, request: Request) -> Response:
        """Count up to 10,000 events. An id counts once; it is remembered for at least 59 days.

        Sending a call again is safe. Events show at once. Those of a window that has closed, an
        hour after its end, count as account plan.
        """
        return self.respond(
            record_usage(
                organization=self.access.organization,
                events=self.body["events"],
                now=self.now,
                received_on=timezone.now().date(),
            )
        )


class UsageOf(OrganizationView):
    @endpoint("read_usage", permission=Permission.USAGE, query=UsageQuery, response=UsageSerializer)
    def get(self, request: Request) -> Response:
        """Tokens that capacity covered, and those on the account plan, with the entitlement."""
        organization, model = self.access.organization, self.query.get("model")
        project = self.query.get("project")
        if model is not None:
            find_listing(organization=organization, model=model, on=self.now.date())
        close_due_windows(organization, now=self.now)
        return self.respond(
            usage(
                organization,
                view=View(self.query["window"]),
                now=self.now,
                kind=Kind(self.query["kind"]),
                model=model,
                project=find_project(organization, project) if project is not None else None,
            )
        )


class Recommendations(OrganizationView):
    @endpoint(
        "list_recommendations",
        permission=Permission.SCALE_TIER,
        query=RecommendationQuery,
        response=RecommendationSerializer,
    )
    def get(self, request: Request) -> Response:
        """Units of each kind that would have covered the last 30 days of traffic."""
        organization = self.access.organization
        listing = find_listing(
            organization=organization, model=self.query["model"], on=self.now.date()
        )
        return self.page(recommendations(organization, listing=listing, now=self.now))
