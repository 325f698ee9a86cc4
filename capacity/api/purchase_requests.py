"""Purchase requests: those that wait for approval, and what became of others (R20)."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.operations.purchase_requests import withdraw_request
from capacity.queries.purchase_requests import (
    PricedRequest,
    find_request,
    pricing,
    purchase_requests,
)
from capacity.serializers.purchase_requests import (
    PurchaseRequestQuery,
    PurchaseRequestSerializer,
)
from common.api.fields import StrictSerializer


class PurchaseRequests(OrganizationView):
    @endpoint(
        "list_purchase_requests",
        permission=Permission.SCALE_TIER,
        query=PurchaseRequestQuery,
        response=PurchaseRequestSerializer,
    )
    def get(self, request: Request) -> Response:
        """Purchases that wait for approval, with what each would cost today, and decided ones."""
        organization = self.access.organization
        return self.page(
            purchase_requests(organization, status=self.query.get("status")),
            read=pricing(organization, on=self.now.date()),
        )


class PurchaseRequest(OrganizationView):
    @endpoint(
        "read_purchase_request",
        permission=Permission.SCALE_TIER,
        response=PurchaseRequestSerializer,
    )
    def get(self, request: Request, request_id: str) -> Response:
        """One purchase request, with what it would cost today while it waits."""
        organization = self.access.organization
        price = pricing(organization, on=self.now.date())
        return self.respond(price(find_request(organization, request_id)))


class Withdraw(OrganizationView):
    @endpoint(
        "withdraw_purchase_request",
        permission=Permission.BUY,
        body=StrictSerializer,
        response=PurchaseRequestSerializer,
        idempotent="optional",
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Withdraw a request of one's own: nothing is bought."""
        return self.run_with_optional_key(
            lambda key: withdraw_request(**self.caller, request_id=request_id, idempotency_key=key),
            read=PricedRequest.as_stored,
        )
