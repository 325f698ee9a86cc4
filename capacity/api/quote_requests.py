"""Quote requests (R23)."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.operations.quote_requests import request_quote, withdraw_quote_request
from capacity.queries.quote_requests import ExpectedTraffic, quote_requests
from capacity.serializers.quote_requests import (
    QuoteRequestRequestSerializer,
    QuoteRequestSerializer,
)
from common.api.fields import StrictSerializer
from common.api.pagination import PageQuery


class QuoteRequests(OrganizationView):
    @endpoint(
        "list_quote_requests",
        permission=Permission.MANAGE,
        query=PageQuery,
        response=QuoteRequestSerializer,
    )
    def get(self, request: Request) -> Response:
        """Requests for capacity, and our answers."""
        return self.page(quote_requests(self.access.organization))

    @endpoint(
        "request_quote",
        permission=Permission.MANAGE,
        body=QuoteRequestRequestSerializer,
        response=QuoteRequestSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Ask for capacity by expected TPM. We answer with an order form, or decline."""
        made = request_quote(
            **self.caller,
            models=[ExpectedTraffic(**asked) for asked in self.body["models"]],
            note=self.body["note"] or "",
        )
        return self.respond(quote_requests(self.access.organization).get(pk=made.pk))


class WithdrawQuoteRequest(OrganizationView):
    @endpoint(
        "withdraw_quote_request",
        permission=Permission.MANAGE,
        body=StrictSerializer,
        response=QuoteRequestSerializer,
        status=HTTPStatus.OK,
        refuses=True,
    )
    def post(self, request: Request, quote_request_id: str) -> Response:
        """Withdraw a request that is not answered yet. Any owner can, whoever asked."""
        withdrawn = withdraw_quote_request(**self.caller, request_id=quote_request_id)
        return self.respond(quote_requests(self.access.organization).get(pk=withdrawn.pk))
