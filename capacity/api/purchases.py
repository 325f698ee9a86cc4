"""Purchases."""

from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.models import PurchaseRequest
from capacity.operations.purchases import buy_units
from capacity.queries.purchase_requests import PricedRequest
from capacity.queries.purchases import find_purchase, purchases
from capacity.serializers.purchase_requests import PurchaseRequestSerializer
from capacity.serializers.purchases import PurchaseSerializer, UnitsToBuySerializer
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
        body=UnitsToBuySerializer,
        response=PurchaseSerializer,
        accepted=PurchaseRequestSerializer,
        status=HTTPStatus.CREATED,
        idempotent=True,
    )
    def post(self, request: Request) -> Response:
        """Buy units, which are active at once. Each kind becomes one lot; all are made or none.

        A purchase that needs a second owner's approval is not made: the answer is 202 with a
        purchase request.
        """
        return self.run_idempotent(
            lambda key: buy_units(**self.caller, **self.body, idempotency_key=key),
            read=self._read,
            is_accepted=lambda result: isinstance(result, PurchaseRequest),
        )

    def _read(self, result: Any) -> Any:
        if isinstance(result, PurchaseRequest):
            return PricedRequest.as_stored(result)
        return find_purchase(self.access.organization, result.public_id)


class Purchase(OrganizationView):
    @endpoint("read_purchase", permission=Permission.SCALE_TIER, response=PurchaseSerializer)
    def get(self, request: Request, purchase_id: str) -> Response:
        """One purchase with its lots as they are now."""
        return self.respond(find_purchase(self.access.organization, purchase_id))
