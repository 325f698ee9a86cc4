"""Charges, as they were posted."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from billing.queries.charges import charges
from billing.serializers import ChargeQuery, ChargeSerializer


class Charges(OrganizationView):
    @endpoint(
        "list_charges",
        permission=Permission.LIMITS_AND_INVOICES,
        query=ChargeQuery,
        answer=ChargeSerializer,
    )
    def get(self, request: Request) -> Response:
        """Every charge: a first term when its lot was bought, a renewal for each day after it."""
        return self.page(
            charges(
                self.visit.organization,
                lot=self.asked.get("lot"),
                posted_from=self.asked.get("posted_from"),
                posted_to=self.asked.get("posted_to"),
            )
        )
