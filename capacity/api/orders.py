"""Quotes and purchases."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.serializers.paging import PageQuery
from capacity.operations.purchases import buy_units
from capacity.queries.holdings import find_purchase, purchases
from capacity.queries.orders import quote, read_order
from capacity.serializers.holdings import PurchaseSerializer
from capacity.serializers.orders import OrderRequestSerializer, QuoteSerializer


class Quotes(OrganizationView):
    @endpoint(
        "quote_purchase",
        permission=Permission.SCALE_TIER,
        body=OrderRequestSerializer,
        answer=QuoteSerializer,
    )
    def post(self, request: Request) -> Response:
        """The dry run of a purchase: what it would cost and bring. Changes nothing."""
        organization, today = self.visit.organization, self.now.date()
        order = read_order(organization=organization, on=today, **self.sent)
        return self.answer(quote(organization=organization, order=order, on=today))


class Purchases(OrganizationView):
    @endpoint(
        "list_purchases",
        permission=Permission.SCALE_TIER,
        query=PageQuery,
        answer=PurchaseSerializer,
    )
    def get(self, request: Request) -> Response:
        """Purchases with their lots as they are now."""
        return self.page(purchases(self.visit.organization))

    @endpoint(
        "buy_units",
        permission=Permission.BUY,
        body=OrderRequestSerializer,
        answer=PurchaseSerializer,
        status=HTTPStatus.CREATED,
        once=True,
    )
    def post(self, request: Request) -> Response:
        """Buy units, active at once: a lot of each kind, all or nothing."""
        return self.do_once(
            buy_units,
            read=lambda made: find_purchase(self.visit.organization, made.public_id),
            **self.sent,
        )


class Purchase(OrganizationView):
    @endpoint("read_purchase", permission=Permission.SCALE_TIER, answer=PurchaseSerializer)
    def get(self, request: Request, purchase_id: str) -> Response:
        """One purchase with its lots as they are now."""
        return self.answer(find_purchase(self.visit.organization, purchase_id))
