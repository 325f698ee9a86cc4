"""Billing details: whom the invoices to come are made out to."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from billing.domain.billing_details import Customer
from billing.operations.billing_details import set_billing_details
from billing.queries.billing_details import billing_details
from billing.serializers.billing_details import (
    BillingDetailsRequestSerializer,
    BillingDetailsSerializer,
)


class BillingDetails(OrganizationView):
    @endpoint(
        "read_billing_details", permission=Permission.MANAGE, response=BillingDetailsSerializer
    )
    def get(self, request: Request) -> Response:
        """The details that the next invoice will have."""
        return self.respond(billing_details(self.access.organization))

    @endpoint(
        "set_billing_details",
        permission=Permission.MANAGE,
        body=BillingDetailsRequestSerializer,
        response=BillingDetailsSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set the details, at the payment provider too. Issued invoices keep theirs."""
        details = Customer(**{name: value or "" for name, value in self.body.items()})
        return self.respond(set_billing_details(**self.caller, details=details))
