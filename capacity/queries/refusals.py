"""The refusals of a purchase, with the rule of each (R10–R12, R18, R21)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from billing.domain.money import Money
from billing.queries.limits import LimitEffect
from billing.queries.standing import Standing
from capacity.domain.terms import Term
from capacity.queries.catalogue import Listing
from capacity.queries.purchasers import BuyerRights
from common.days import last_day
from common.errors import BusinessError, NotAllowed
from common.texts import counted


class OrderFormRequired(BusinessError):
    """No signed order form is in force on the day of purchase (R11)."""

    code = "order_form_required"
    status = HTTPStatus.CONFLICT


class PaymentOverdue(BusinessError):
    """An invoice is unpaid 14 days past its due date (R11)."""

    code = "payment_overdue"
    status = HTTPStatus.CONFLICT


class ModelRetiring(BusinessError):
    """The commitment would end after the snapshot retires (R11)."""

    code = "model_retiring"
    status = HTTPStatus.CONFLICT


class InsufficientSupply(BusinessError):
    """Fewer units of a kind are left than the purchase needs (R12)."""

    code = "insufficient_supply"
    status = HTTPStatus.CONFLICT


class PurchaserLimitExceeded(BusinessError):
    """The purchase costs more per day than one purchase of this person may (R21)."""

    code = "purchaser_limit_exceeded"
    status = HTTPStatus.CONFLICT


def reasons_to_refuse(
    *,
    rights: BuyerRights,
    per_day: Money,
    standing: Standing,
    listing: Listing,
    units: Mapping[str, int],
    term: Term,
    limits: Sequence[LimitEffect],
) -> list[BusinessError]:
    """Return all refusals of a purchase, so that a customer sees them together.

    `per_day` is its cost per day at standard rates. A purchase raises the first one.
    """
    return [
        *_buyer(rights),
        *_order_form(standing, term),
        *_payment(standing),
        *_retirement(listing, term),
        *_purchaser_limit(rights, per_day),
        *_supply(listing, units),
        *(effect.refusal for effect in limits if effect.refusal),
    ]


def _buyer(rights: BuyerRights) -> list[BusinessError]:
    if rights.may_buy:
        return []
    return [NotAllowed(f"{rights.person} may no longer buy units here.")]


def _purchaser_limit(rights: BuyerRights, per_day: Money) -> list[BusinessError]:
    limit = rights.limit_per_day
    if limit is None or per_day.amount <= limit.amount:
        return []
    return [
        PurchaserLimitExceeded(
            f"One purchase of {rights.person} may cost at most {limit} per day, and this one costs "
            f"{per_day} per day. Buy fewer units, or ask an owner to raise the limit."
        )
    ]


def _order_form(standing: Standing, term: Term) -> list[BusinessError]:
    if standing.has_order_form:
        return []
    return [
        OrderFormRequired(
            f"No signed order form is in force on {term.starts_on}. "
            "Ask an owner to sign one, then buy."
        )
    ]


def _payment(standing: Standing) -> list[BusinessError]:
    if standing.overdue is None:
        return []
    return [
        PaymentOverdue(
            f"Invoice {standing.overdue.display_number} was due on {standing.overdue.due_on} and "
            "is unpaid. Pay it, then buy."
        )
    ]


def _retirement(listing: Listing, term: Term) -> list[BusinessError]:
    retires_on = listing.snapshot.retires_on
    if retires_on is None or term.commitment_ends_on <= retires_on:
        return []
    return [
        ModelRetiring(
            f"{listing.snapshot} retires: its last day is {last_day(retires_on)}, but the "
            f"commitment would run until {last_day(term.commitment_ends_on)}. Choose a newer model."
        )
    ]


def _supply(listing: Listing, units: Mapping[str, int]) -> list[BusinessError]:
    refusals: list[BusinessError] = []
    for offer in listing.offers:
        wanted = units.get(offer.kind, 0)
        if offer.available is not None and wanted > offer.available:
            left = counted(offer.available, f"{offer.kind} unit")
            refusals.append(
                InsufficientSupply(
                    f"Only {left} of {listing.snapshot} {'is' if offer.available == 1 else 'are'} "
                    f"left; you asked for {wanted:,}. Buy fewer, or ask us for more supply.",
                    errors={f"units.{offer.kind}": [f"At most {offer.available:,} can be bought."]},
                )
            )
    return refusals
