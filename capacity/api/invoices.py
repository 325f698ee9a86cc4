"""Invoices: the issued ones, and the one that grows until the period ends."""

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.serializers.paging import PageQuery
from billing.queries.invoices import find_invoice, invoices
from billing.queries.statements import statement_of
from billing.serializers import InvoiceSerializer, UpcomingInvoiceSerializer
from capacity.queries.upcoming import upcoming_statement


class Invoices(OrganizationView):
    @endpoint(
        "list_invoices",
        permission=Permission.LIMITS_AND_INVOICES,
        query=PageQuery,
        answer=InvoiceSerializer,
    )
    def get(self, request: Request) -> Response:
        """Issued invoices with their lines. A period without charges has none."""
        return self.page(
            invoices(self.visit.organization), read=partial(statement_of, on=self.now.date())
        )


class Invoice(OrganizationView):
    @endpoint("read_invoice", permission=Permission.LIMITS_AND_INVOICES, answer=InvoiceSerializer)
    def get(self, request: Request, invoice_id: str) -> Response:
        """One issued invoice. It never changes, but for its status."""
        found = find_invoice(organization=self.visit.organization, invoice_id=invoice_id)
        return self.answer(statement_of(found, on=self.now.date()))


class UpcomingInvoice(OrganizationView):
    @endpoint(
        "read_upcoming_invoice",
        permission=Permission.LIMITS_AND_INVOICES,
        answer=UpcomingInvoiceSerializer,
    )
    def get(self, request: Request) -> Response:
        """The present period so far, with what it will come to if nothing changes."""
        return self.answer(upcoming_statement(self.visit.organization, on=self.now.date()))
