"""Lots, and cancelling units of them."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.serializers.fields import StrictSerializer
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.queries import holdings
from capacity.queries.cancellations import quote_cancellation
from capacity.serializers.holdings import (
    CancellationSerializer,
    LotQuery,
    LotSerializer,
    OfModelQuery,
)
from capacity.serializers.orders import (
    CancellationQuoteQuery,
    CancellationQuoteSerializer,
    CancellationRequestSerializer,
)


class Lots(OrganizationView):
    @endpoint(
        "list_lots",
        permission=Permission.SCALE_TIER,
        query=LotQuery,
        answer=LotSerializer,
    )
    def get(self, request: Request) -> Response:
        """The units that each purchase brought, and how many of them are active now."""
        return self.page(
            holdings.lots(
                self.visit.organization,
                model=self.asked.get("model"),
                status=self.asked.get("status"),
                project=self.asked.get("project"),
            )
        )


class Lot(OrganizationView):
    @endpoint("read_lot", permission=Permission.SCALE_TIER, answer=LotSerializer)
    def get(self, request: Request, lot_id: str) -> Response:
        """One lot as it is now."""
        return self.answer(holdings.find_lot(self.visit.organization, lot_id))


class CancellationQuote(OrganizationView):
    @endpoint(
        "quote_cancellation",
        permission=Permission.SCALE_TIER,
        query=CancellationQuoteQuery,
        answer=CancellationQuoteSerializer,
        refuses=True,
    )
    def get(self, request: Request, lot_id: str) -> Response:
        """The dry run of a cancellation: when the units end and what they still cost."""
        lot = holdings.find_lot(self.visit.organization, lot_id)
        return self.answer(
            quote_cancellation(lot=lot, units=self.asked["units"], on=self.now.date())
        )


class LotCancellations(OrganizationView):
    @endpoint(
        "cancel_units",
        permission=Permission.BUY,
        body=CancellationRequestSerializer,
        answer=CancellationSerializer,
        status=HTTPStatus.CREATED,
        once=True,
    )
    def post(self, request: Request, lot_id: str) -> Response:
        """Give units of a lot an end. Until then they stay active and go on being charged."""
        return self.do_once(cancel_units, lot_id=lot_id, **self.sent)


class Cancellations(OrganizationView):
    @endpoint(
        "list_cancellations",
        permission=Permission.SCALE_TIER,
        query=OfModelQuery,
        answer=CancellationSerializer,
    )
    def get(self, request: Request) -> Response:
        """Cancellations: scheduled, undone, and those that took effect."""
        return self.page(
            holdings.cancellations(self.visit.organization, model=self.asked.get("model"))
        )


class Undo(OrganizationView):
    @endpoint(
        "undo_cancellation",
        permission=Permission.BUY,
        body=StrictSerializer,
        answer=CancellationSerializer,
        once=True,
    )
    def post(self, request: Request, cancellation_id: str) -> Response:
        """Let the units go on renewing, as if they had never been cancelled."""
        return self.do_once(undo_cancellation, cancellation_id=cancellation_id)
