"""What capacity's mail says."""

from datetime import date
from typing import Any

from accounts.models import Notice
from accounts.operations.notices import says
from capacity.models import Cancellation, Expiry, Purchase
from capacity.queries.holdings import renewing_past


@says("units_bought")
def about_a_purchase(notice: Notice) -> dict[str, Any]:
    purchase = Purchase.objects.select_related("snapshot", "created_by").get(
        organization=notice.organization, public_id=notice.subject
    )
    return {"purchase": purchase, "lots": purchase.lots.order_by("pk")}


@says("cancellation_scheduled")
def about_a_cancellation(notice: Notice) -> dict[str, Any]:
    cancellation = Cancellation.objects.select_related("lot__snapshot", "requested_by").get(
        organization=notice.organization, public_id=notice.subject
    )
    return {"cancellation": cancellation, "lot": cancellation.lot}


@says("units_expired")
def about_a_day_s_expiries(notice: Notice) -> dict[str, Any]:
    ended_on = date.fromisoformat(notice.subject)
    expiries = Expiry.objects.filter(organization=notice.organization, ended_on=ended_on)
    return {"day": ended_on, "expiries": expiries.select_related("lot__snapshot").order_by("pk")}


@says("commitments_ending")
def about_commitments_that_end(notice: Notice) -> dict[str, Any] | None:
    ends_on = date.fromisoformat(notice.subject)
    lots = list(renewing_past(notice.organization, ends_on))
    return {"day": ends_on, "lots": lots} if lots else None
