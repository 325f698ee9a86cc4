"""Buying units (R3), or asking for approval to buy them (R20)."""

from collections.abc import Mapping
from datetime import date, datetime
from http import HTTPStatus

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from billing.domain.money import Money
from billing.operations.charges import post_charges
from billing.operations.limits import raise_alerts_of_purchase
from capacity.models import Lot, Purchase, PurchaseRequest, TokenUnit, Transaction, TransactionType
from capacity.operations.pools import get_default_pool
from capacity.operations.purchase_requests import create_request
from capacity.operations.renewals import first_term_charges
from capacity.queries.quotes import CheckedPurchase, Quote, check_purchase
from common.days import last_day
from common.errors import BusinessError
from common.idempotency import IdempotencyKey


class QuoteChanged(BusinessError):
    """The amount due has changed since it was shown: a day has passed, or a new price holds."""

    code = "quote_changed"
    status = HTTPStatus.CONFLICT


def buy_units(
    *,
    organization: Organization,
    model: str,
    units: Mapping[str, int],
    by: Actor,
    now: datetime,
    project: str | None = None,
    pool: str | None = None,
    shown: Money | None = None,
    idempotency_key: IdempotencyKey | None = None,
) -> Purchase | PurchaseRequest:
    """Buy units of one snapshot, by kind. Each kind becomes one lot; all are made or none (R3).

    A purchase that needs approval becomes a purchase request (R20). `project` and `pool` are public
    ids; the default is the default project or pool. `shown` is the amount due that a person
    confirmed. Raises the errors of `check_purchase` and `check_quote`.
    """
    with organization_change(
        organization=organization, by=by, now=now, idempotency_key=idempotency_key
    ) as change:
        lock_supply(change.organization, model)
        checked = check_purchase(
            organization=change.organization,
            model=model,
            units=units,
            buyer=change.by.person,
            on=change.today,
            project=project,
            pool=pool,
        )
        check_quote(checked.quote, shown=shown, on=change.today)
        if checked.quote.needs_approval:
            return change.respond(create_request(change, checked))
        return change.respond(make_purchase(change, checked))


def make_purchase(change: Change, checked: CheckedPurchase) -> Purchase:
    """Make a purchase from its quote, in the name of the quote's buyer, as a step of a change."""
    purchase = _create_purchase(change, checked)
    _create_lots(change, purchase, checked.quote)
    post_charges(first_term_charges(purchase))
    _record(change, purchase, checked.quote)
    raise_alerts_of_purchase(
        organization=change.organization,
        effects=checked.quote.limits,
        period=checked.quote.period,
        at=change.now,
    )
    return purchase


def check_quote(quote: Quote, *, shown: Money | None, on: date) -> None:
    """Raise the first refusal of the quote (R10–R12, R18, R21).

    Raises QuoteChanged if the amount due is not the one that was shown.
    """
    if quote.refusals:
        raise quote.refusals[0]
    if shown is not None and shown != quote.due_now:
        raise QuoteChanged(
            f"{quote.due_now} would be charged today, {on} UTC, not {shown}: the day or the price "
            "has changed meanwhile. Nothing was bought. Read the new figures, then confirm."
        )


def lock_supply(organization: Organization, model: str) -> None:
    """Lock the token units, so that purchases of one snapshot follow one another (R12).

    They are locked without a supply cap too, as a cap may be set meanwhile. A sandbox needs no
    such lock: it counts only its own units, and the organization is locked already (R13).
    """
    if not organization.is_sandbox:
        units = TokenUnit.objects.filter(snapshot__model=model)
        list(units.order_by("pk").select_for_update(no_key=True))


def _create_purchase(change: Change, checked: CheckedPurchase) -> Purchase:
    quote = checked.quote
    return Purchase.objects.create(
        organization=change.organization,
        snapshot=quote.snapshot,
        project=checked.project,
        pool=checked.pool or get_default_pool(change, quote.snapshot),
        created_at=change.now,
        created_by=quote.rights.person,
        amount=quote.due_now.amount,
        currency=quote.due_now.currency,
    )


def _create_lots(change: Change, purchase: Purchase, quote: Quote) -> None:
    term = quote.term
    lots = Lot.objects.bulk_create(
        Lot(
            organization=change.organization,
            purchase=purchase,
            snapshot=purchase.snapshot,
            pool=purchase.pool,
            project=purchase.project,
            kind=line.kind,
            units=line.units,
            active_units=line.units,
            tpm_per_unit=line.offer.unit.tpm,
            price_per_day=line.price.amount,
            currency=line.price.currency,
            starts_on=term.starts_on,
            first_term_ends_on=term.first_term_ends_on,
            commitment_ends_on=term.commitment_ends_on,
            charged_until=term.first_term_ends_on,
        )
        for line in quote.lines
    )
    _create_transactions(change, purchase, lots)


def _create_transactions(change: Change, purchase: Purchase, lots: list[Lot]) -> None:
    term = lots[0]
    note = (
        f"Last day of the first term {last_day(term.first_term_ends_on)}, "
        f"of the commitment {last_day(term.commitment_ends_on)}"
    )
    Transaction.objects.bulk_create(
        Transaction(
            organization=change.organization,
            snapshot=purchase.snapshot,
            lot=lot,
            type=TransactionType.PURCHASE,
            kind=lot.kind,
            units=lot.units,
            at=change.now,
            by=purchase.created_by,
            note=note,
        )
        for lot in lots
    )


def _record(change: Change, purchase: Purchase, quote: Quote) -> None:
    change.enqueue_email("units_bought", purchase.public_id)
    change.record(
        "units.bought",
        purchase.public_id,
        after={
            "model": purchase.snapshot.model,
            "units": {line.kind: line.units for line in quote.lines},
            "amount": quote.due_now.document(),
        },
    )
