"""The timeline: active units on each service day, past and foreseen."""

from datetime import date, timedelta

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.queries.timeline import REACH, timeline
from capacity.serializers.timeline import TimelineQuery, TimelineSerializer
from common.errors import InvalidRequest

FURTHEST = timedelta(days=366)
"""How far ahead of today a timeline can reach."""


class Timeline(OrganizationView):
    @endpoint(
        "read_timeline",
        permission=Permission.SCALE_TIER,
        query=TimelineQuery,
        response=TimelineSerializer,
    )
    def get(self, request: Request) -> Response:
        """Active units and tokens per minute of each kind, in steps. At most a year ahead."""
        start, end = self._days()
        kinds = timeline(
            self.access.organization,
            on=self.now.date(),
            start=start,
            end=end,
            model=self.query.get("model"),
        )
        return self.respond({"kinds": kinds})

    def _days(self) -> tuple[date, date]:
        today = self.now.date()
        start = self.query.get("from", today - REACH)
        end = self.query.get("to", max(today, start) + REACH)
        if not start < end:
            raise InvalidRequest.field("to", "The end is after the start.")
        if end > today + FURTHEST:
            raise InvalidRequest.field("to", f"At most {today + FURTHEST}, a year ahead.")
        return start, end
