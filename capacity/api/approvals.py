"""The approval threshold, and approving and declining purchase requests (R20)."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.operations.approvals import (
    approve_request,
    decline_request,
    set_approval_threshold,
)
from capacity.queries.purchase_requests import PricedRequest
from capacity.queries.purchasers import approval_threshold
from capacity.serializers.purchase_requests import (
    ApprovalRequestSerializer,
    ApprovalSerializer,
    ApproveRequestSerializer,
    DeclineRequestSerializer,
    PurchaseRequestSerializer,
)


class Approval(OrganizationView):
    @endpoint(
        "read_approval", permission=Permission.LIMITS_AND_INVOICES, response=ApprovalSerializer
    )
    def get(self, request: Request) -> Response:
        """The cost per day above which a purchase needs a second owner's approval."""
        return self.respond({"threshold_per_day": approval_threshold(self.access.organization)})

    @endpoint(
        "set_approval",
        permission=Permission.MANAGE,
        body=ApprovalRequestSerializer,
        response=ApprovalSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set it. Requests that wait already go on waiting."""
        threshold = set_approval_threshold(**self.caller, threshold=self.body["threshold_per_day"])
        return self.respond({"threshold_per_day": threshold})


class Approve(OrganizationView):
    @endpoint(
        "approve_purchase_request",
        permission=Permission.MANAGE,
        body=ApproveRequestSerializer,
        response=PurchaseRequestSerializer,
        idempotent=True,
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Make the purchase, today and in the name of the person who asked."""
        return self.run_idempotent(
            lambda key: approve_request(
                **self.caller,
                request_id=request_id,
                due_now=self.body["due_now"],
                idempotency_key=key,
            ),
            read=PricedRequest.as_stored,
        )


class Decline(OrganizationView):
    @endpoint(
        "decline_purchase_request",
        permission=Permission.MANAGE,
        body=DeclineRequestSerializer,
        response=PurchaseRequestSerializer,
        idempotent="optional",
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Decline it: nothing is bought. The person who asked gets the reason."""
        return self.run_with_optional_key(
            lambda key: decline_request(
                **self.caller,
                request_id=request_id,
                reason=self.body["reason"],
                idempotency_key=key,
            ),
            read=PricedRequest.as_stored,
        )
