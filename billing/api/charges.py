"""Posted charges."""

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
        """All charges: one for the first term of each lot, then one for each day of renewal."""
        return self.page(
            charges(
                self.access.organization,
                lot=self.query.get("lot"),
                posted_from=self.query.get("posted_from"),
                posted_to=self.query.get("posted_to"),
            )
        )
