"""The contexts of capacity's emails."""

from datetime import date
from typing import Any

from accounts.models import OutboundEmail
from accounts.operations.emails import email_context
from accounts.queries.members import mailable_addresses, members, owners
from billing.models import OrderForm
from capacity.models import Cancellation, Expiry, ExpiryReason, Purchase, QuoteRequest
from capacity.queries.lots import lots_renewing_past
from capacity.queries.order_form_ends import OrderFormEnd, order_form_end
from capacity.queries.purchase_requests import PricedRequest, find_request
from capacity.queries.purchases import cost_in_words
from capacity.queries.quote_requests import with_lines
from capacity.queries.refused_renewals import RefusedRenewal, refused_renewals


@email_context("units_bought")
def purchase_context(email: OutboundEmail) -> dict[str, Any]:
    purchase = Purchase.objects.select_related("snapshot", "created_by").get(
        organization=email.organization, public_id=email.about
    )
    cost = cost_in_words(purchase, on=f"on {purchase.created_at:%Y-%m-%d}")
    return {"purchase": purchase, "lots": purchase.lots.order_by("pk"), "cost": cost}


@email_context("purchase_requested")
def purchase_request_context(email: OutboundEmail) -> dict[str, Any] | None:
    """A request for the owners who can approve it. None if it does not wait any more."""
    assert email.organization, "this email is about the organization's request"
    request = find_request(email.organization, email.about)
    if not request.is_pending:
        return None
    others = owners(email.organization).exclude(user=request.requested_by)
    return {
        "request": request,
        "priced": PricedRequest.as_stored(request),
        "recipients": mailable_addresses(others),
    }


@email_context("purchase_request_decided")
def decided_request_context(email: OutboundEmail) -> dict[str, Any]:
    """What became of a request, for the person who asked, if they are still a member."""
    assert email.organization, "this email is about the organization's request"
    request = find_request(email.organization, email.about)
    requester = members(email.organization).filter(user=request.requested_by)
    return {
        "request": request,
        "priced": PricedRequest.as_stored(request),
        "recipients": mailable_addresses(requester),
    }


@email_context("cancellation_scheduled")
def cancellation_context(email: OutboundEmail) -> dict[str, Any]:
    cancellation = Cancellation.objects.select_related("lot__snapshot", "requested_by").get(
        organization=email.organization, public_id=email.about
    )
    return {"cancellation": cancellation, "lot": cancellation.lot}


@email_context("units_expired")
def expiries_context(email: OutboundEmail) -> dict[str, Any]:
    ended_on = date.fromisoformat(email.about)
    expiries = Expiry.objects.filter(organization=email.organization, ended_on=ended_on)
    return {"day": ended_on, "expiries": expiries.select_related("lot__snapshot").order_by("pk")}


@email_context("commitments_ending")
def commitments_context(email: OutboundEmail) -> dict[str, Any] | None:
    ends_on = date.fromisoformat(email.about)
    assert email.organization, "this email is about the organization's units"
    lots = list(lots_renewing_past(email.organization, ends_on))
    return {"day": ends_on, "lots": lots} if lots else None


@email_context("renewals_refused")
def refused_renewals_context(email: OutboundEmail) -> dict[str, Any] | None:
    """The units that end on the day; after it, those that did. None if nothing ends any more."""
    ends_on = date.fromisoformat(email.about)
    assert email.organization, "this email is about the organization's units"
    today = email.organization.now().date()
    if ends_on <= today:
        expiries = Expiry.objects.filter(
            organization=email.organization, ended_on=ends_on, reason=ExpiryReason.SPEND_LIMIT
        ).select_related("lot__snapshot")
        rows = [RefusedRenewal(row.lot, row.units, ends_on) for row in expiries.order_by("pk")]
    else:
        refused = refused_renewals(email.organization, on=today)
        rows = [row for row in refused if row.ends_on == ends_on]
    return {"day": ends_on, "rows": rows} if rows else None


@email_context("order_form_ending")
@email_context("order_form_ended")
def order_form_end_context(email: OutboundEmail) -> dict[str, Any] | None:
    """The end and the units that end with it; None if another form was signed meanwhile."""
    ends_on = date.fromisoformat(email.about.partition(" ")[0])
    end = _present_end(email)
    if end is None or end.ends_on != ends_on or end.has_ended != (email.kind == "order_form_ended"):
        return None
    assert email.organization, "this email is about the organization's form"
    expired = Expiry.objects.filter(
        organization=email.organization, ended_on=ends_on, reason=ExpiryReason.ORDER_FORM_ENDED
    ).select_related("lot__snapshot")
    days = (ends_on - email.organization.now().date()).days
    return {
        "end": end,
        "days": days,
        "expired": list(expired.order_by("pk")),
        "recipients": mailable_addresses(owners(email.organization)),
    }


@email_context("order_form_terminated")
def termination_context(email: OutboundEmail) -> dict[str, Any]:
    """The early end, the operator's reason, and what ends with it if that is soon."""
    assert email.organization, "this email is about the organization's form"
    form = OrderForm.objects.select_related("termination").get(
        organization=email.organization, public_id=email.about
    )
    end = _present_end(email)
    return {
        "form": form,
        "termination": form.termination,
        "end": end if end and end.ends_on == form.end else None,
        "recipients": mailable_addresses(owners(email.organization)),
    }


def _present_end(email: OutboundEmail) -> OrderFormEnd | None:
    assert email.organization, "this email is about the organization's form"
    return order_form_end(email.organization, on=email.organization.now().date())


@email_context("quote_answered")
@email_context("quote_declined")
def quote_request_context(email: OutboundEmail) -> dict[str, Any]:
    """The request with its answer, for the owners: whoever asked is one, or may no longer read."""
    assert email.organization, "this email is about the organization's request"
    rows = QuoteRequest.objects.filter(organization=email.organization, public_id=email.about)
    return {
        "request": with_lines(rows).get(),
        "recipients": mailable_addresses(owners(email.organization)),
    }
