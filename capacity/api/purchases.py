"""Purchases."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.operations.purchases import buy_units
from capacity.queries.purchases import find_purchase, purchases
from capacity.serializers.purchases import PurchaseRequestSerializer, PurchaseSerializer
from common.api.pagination import PageQuery


class Purchases(OrganizationView):
    @endpoint(
        "list_purchases",
        permission=Permission.SCALE_TIER,
        query=PageQuery,
        response=PurchaseSerializer,
    )
    def get(self, request: Request) -> Response:
        """Purchases with their lots as they are now."""
        return self.page(purchases(self.access.organization))

    @endpoint(
        "buy_units",
        permission=Permission.BUY,
        body=PurchaseRequestSerializer,
        response=PurchaseSerializer,
        status=HTTPStatus.CREATED,
        idempotent=True,
    )
    def post(self, request: Request) -> Response:
        """Buy units, which are active at once. Each kind becomes one lot; all are made or none."""
        return self.run_idempotent(
            lambda key: buy_units(**self.caller, **self.body, idempotency_key=key),
            read=lambda purchase: find_purchase(self.access.organization, purchase.public_id),
        )


class Purchase(OrganizationView):
    @endpoint("read_purchase", permission=Permission.SCALE_TIER, response=PurchaseSerializer)
    def get(self, request: Request, purchase_id: str) -> Response:
        """One purchase with its lots as they are now."""
        return self.respond(find_purchase(self.access.organization, purchase_id))
