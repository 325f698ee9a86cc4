"""Cancellations: quote, make, list and undo."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.queries.cancellations import cancellations, quote_cancellation
from capacity.queries.lots import find_lot
from capacity.serializers.cancellations import (
    CancellationQuoteQuery,
    CancellationQuoteSerializer,
    CancellationRequestSerializer,
    CancellationSerializer,
)
from capacity.serializers.catalogue import ModelQuery
from common.api.fields import StrictSerializer


class CancellationQuote(OrganizationView):
    @endpoint(
        "quote_cancellation",
        permission=Permission.SCALE_TIER,
        query=CancellationQuoteQuery,
        response=CancellationQuoteSerializer,
        refuses=True,
    )
    def get(self, request: Request, lot_id: str) -> Response:
        """The dry run of a cancellation: when the units end and what they still cost."""
        lot = find_lot(self.access.organization, lot_id)
        return self.respond(
            quote_cancellation(lot=lot, units=self.query["units"], on=self.now.date())
        )


class LotCancellations(OrganizationView):
    @endpoint(
        "cancel_units",
        permission=Permission.BUY,
        body=CancellationRequestSerializer,
        response=CancellationSerializer,
        status=HTTPStatus.CREATED,
        idempotent=True,
    )
    def post(self, request: Request, lot_id: str) -> Response:
        """Cancel units of a lot. They stay active and are charged until they end."""
        return self.run_idempotent(
            lambda key: cancel_units(
                **self.caller, lot_id=lot_id, units=self.body["units"], idempotency_key=key
            )
        )


class Cancellations(OrganizationView):
    @endpoint(
        "list_cancellations",
        permission=Permission.SCALE_TIER,
        query=ModelQuery,
        response=CancellationSerializer,
    )
    def get(self, request: Request) -> Response:
        """All cancellations: scheduled, undone and effective."""
        return self.page(cancellations(self.access.organization, model=self.query.get("model")))


class Undo(OrganizationView):
    @endpoint(
        "undo_cancellation",
        permission=Permission.BUY,
        body=StrictSerializer,
        response=CancellationSerializer,
        idempotent=True,
    )
    def post(self, request: Request, cancellation_id: str) -> Response:
        """Undo a cancellation. The units go on renewing as before."""
        return self.run_idempotent(
            lambda key: undo_cancellation(
                **self.caller, cancellation_id=cancellation_id, idempotency_key=key
            )
        )
