"""Quotes: the dry run of a purchase."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.queries.quotes import check_purchase
from capacity.serializers.purchases import UnitsToBuySerializer
from capacity.serializers.quotes import QuoteSerializer


class Quotes(OrganizationView):
    @endpoint(
        "quote_purchase",
        permission=Permission.SCALE_TIER,
        body=UnitsToBuySerializer,
        response=QuoteSerializer,
    )
    def post(self, request: Request) -> Response:
        """The dry run of a purchase: its costs and its tokens per minute. It changes nothing."""
        checked = check_purchase(
            organization=self.access.organization,
            buyer=self.access.user,
            on=self.now.date(),
            **self.body,
        )
        return self.respond(checked.quote)
