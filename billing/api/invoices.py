"""Issued invoices, and the upcoming invoice of the present period."""

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from billing.queries.invoices import find_invoice, invoices, statement_of
from billing.queries.upcoming_invoice import upcoming_invoice
from billing.serializers.invoices import InvoiceSerializer, UpcomingInvoiceSerializer
from common.api.pagination import PageQuery


class Invoices(OrganizationView):
    @endpoint(
        "list_invoices",
        permission=Permission.LIMITS_AND_INVOICES,
        query=PageQuery,
        response=InvoiceSerializer,
    )
    def get(self, request: Request) -> Response:
        """Issued invoices with their lines. A period without charges has none."""
        return self.page(
            invoices(self.access.organization), read=partial(statement_of, on=self.now.date())
        )


class Invoice(OrganizationView):
    @endpoint("read_invoice", permission=Permission.LIMITS_AND_INVOICES, response=InvoiceSerializer)
    def get(self, request: Request, invoice_id: str) -> Response:
        """One issued invoice. Only its status changes."""
        invoice = find_invoice(organization=self.access.organization, invoice_id=invoice_id)
        return self.respond(statement_of(invoice, on=self.now.date()))


class UpcomingInvoice(OrganizationView):
    @endpoint(
        "read_upcoming_invoice",
        permission=Permission.LIMITS_AND_INVOICES,
        response=UpcomingInvoiceSerializer,
    )
    def get(self, request: Request) -> Response:
        """The charges of the present period so far, and the projected total if nothing changes."""
        return self.respond(upcoming_invoice(self.access.organization, on=self.now.date()))
