"""Charges, as they were posted."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from billing.queries.charges import charges
from billing.serializers.charges import ChargeQuery, ChargeSerializer


class Charges(OrganizationView):
    @endpoint(
        "list_charges",
        permission=Permission.LIMITS_AND_INVOICES,
        query=ChargeQuery,
        response=ChargeSerializer,
    )
    def get(self, request: Request) -> Response:
        """Every charge: a first term when its lot was bought, a renewal for each day after it."""
        return self.page(
            charges(
                self.access.organization,
                lot=self.query.get("lot"),
                posted_from=self.query.get("posted_from"),
                posted_to=self.query.get("posted_to"),
            )
        )
