"""Buying units (R3)."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from http import HTTPStatus

from accounts.errors import Refusal
from accounts.models import Organization
from accounts.operations.audit import Actor, record
from accounts.operations.idempotency import Once
from accounts.operations.notices import announce
from billing.domain.money import Money
from billing.operations.charges import post_charges
from capacity.models import Lot, Pool, Purchase, Snapshot, TokenUnit, Transaction, TransactionType
from capacity.operations.change import Change, carry_out
from capacity.operations.charging import first_terms
from capacity.queries.orders import Line, Quote, quote, read_order

DEFAULT_POOL_NAME = "Default pool"


class QuoteChanged(Refusal):
    """What is due is no longer what was shown: midnight passed, or a price came in force."""

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
    once: Once | None = None,
) -> Purchase:
    """Buy units by kind of one snapshot: a lot of each, active at once, all or nothing (R3).

    `project` and `pool` are public ids; without them it is the default ones. `shown` is the amount
    due that a person agreed to. Raises what `read_order` and `reasons_to_refuse` name, and
    QuoteChanged.
    """
    step = partial(_buy, model=model, units=units, project=project, pool=pool, shown=shown)
    return carry_out(step, organization=organization, by=by, now=now, once=once)


def _buy(
    change: Change,
    *,
    model: str,
    units: Mapping[str, int],
    project: str | None,
    pool: str | None,
    shown: Money | None,
) -> Purchase:
    _lock_supply(change.organization, model)
    order = read_order(
        organization=change.organization,
        model=model,
        units=units,
        on=change.today,
        project=project,
        pool=pool,
    )
    quoted = quote(organization=change.organization, order=order, on=change.today)
    _refuse(quoted, shown=shown, on=change.today)
    purchase = _create_purchase(change, quoted)
    for line in quoted.lines:
        _add_lot(change, purchase, quoted, line)
    post_charges(first_terms(purchase))
    _tell(change, purchase, quoted)
    return purchase


def _refuse(quoted: Quote, *, shown: Money | None, on: date) -> None:
    """The first of the reasons not to sell; last, that it is not what a person agreed to."""
    if quoted.refusals:
        raise quoted.refusals[0]
    if shown is not None and shown != quoted.due_now:
        raise QuoteChanged(
            f"{quoted.due_now} would be due now, not {shown}: it is {on} UTC meanwhile. "
            "Nothing was bought. Read the new figures, then confirm."
        )


def _create_purchase(change: Change, quoted: Quote) -> Purchase:
    order = quoted.order
    return Purchase.objects.create(
        organization=change.organization,
        snapshot=order.snapshot,
        project=order.project,
        pool=order.pool or default_pool(change, order.snapshot),
        created_at=change.now,
        created_by=change.by.person,
        amount=quoted.due_now.amount,
        currency=quoted.due_now.currency,
    )


def _tell(change: Change, purchase: Purchase, quoted: Quote) -> None:
    """What goes with a purchase: its mail and its audit entry."""
    announce(
        organizations=[change.organization.pk],
        kind="units_bought",
        subject=purchase.public_id,
        now=change.now,
    )
    record(
        organization=change.organization,
        by=change.by,
        action="units.bought",
        subject=purchase.public_id,
        at=change.now,
        after={
            "model": purchase.snapshot.model,
            "units": {line.kind: line.units for line in quoted.lines},
            "amount": quoted.due_now.document(),
        },
    )


def _lock_supply(organization: Organization, model: str) -> None:
    """Let purchases of one snapshot through one at a time (R12), capped or about to be.

    A sandbox counts only its own units, which the organization's lock guards already.
    """
    if not organization.is_sandbox:
        units = TokenUnit.objects.filter(snapshot__model=model)
        list(units.order_by("pk").select_for_update(no_key=True))


def default_pool(change: Change, snapshot: Snapshot) -> Pool:
    """The snapshot's default pool, made at its first purchase."""
    pool, _ = Pool.objects.get_or_create(
        organization=change.organization,
        snapshot=snapshot,
        is_default=True,
        defaults={"name": DEFAULT_POOL_NAME, "created_at": change.now},
    )
    return pool


def _add_lot(change: Change, purchase: Purchase, quoted: Quote, line: Line) -> None:
    lot = Lot.objects.create(
        organization=change.organization,
        purchase=purchase,
        snapshot=purchase.snapshot,
        pool=purchase.pool,
        project=purchase.project,
        kind=line.kind,
        units=line.units,
        active_units=line.units,
        tpm_per_unit=line.token_unit.tpm,
        price_per_day=line.price.amount,
        currency=line.price.currency,
        starts_on=quoted.term.starts_on,
        first_term_ends_on=quoted.term.first_term_ends_on,
        commitment_ends_on=quoted.term.commitment_ends_on,
        charged_until=quoted.term.first_term_ends_on,
    )
    Transaction.objects.create(
        organization=change.organization,
        snapshot=purchase.snapshot,
        lot=lot,
        type=TransactionType.PURCHASE,
        kind=line.kind,
        units=line.units,
        at=change.now,
        by=change.by.user,
        note=f"First term to {lot.first_term_ends_on}, commitment to {lot.commitment_ends_on}",
    )
