"""What a change of the catalogue does to customers, in sentences that an operator confirms."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Sum

from billing.domain.money import Money
from capacity.models import ListPrice, Lot, Snapshot, TokenUnit
from capacity.queries.catalogue import prices_in_force


@dataclass(frozen=True, slots=True)
class Holding:
    """The active units of a kind, and how many customers hold them. Sandboxes do not count."""

    units: int
    customers: int

    def __str__(self) -> str:
        return f"{_count(self.customers, 'customer')} hold{'s' * (self.customers == 1)} " + _count(
            self.units, "unit"
        )


def price_effects(price: ListPrice, today: date) -> list[str]:
    """Return what a price that is added does: to purchases from its date on, and to renewals."""
    unit, new = price.token_unit, Money(price.amount, price.currency)
    others = ListPrice.objects.filter(token_unit=unit).exclude(pk=price.pk)
    earlier = prices_in_force(price.from_on).filter(token_unit=unit).exclude(pk=price.pk).first()
    later = others.filter(from_on__gt=price.from_on).order_by("from_on").first()
    until = f", until the price of {later.from_on} takes over" if later else ""
    span = f"a day from {price.from_on} on{until}"
    if earlier is None:
        return [f"Sets the price of {_name(unit)} to {new} {span}. There was none before."]
    former = Money(earlier.amount, earlier.currency)
    verb = "Raises" if new.amount > former.amount else "Lowers"
    if new.amount == former.amount:
        verb = "Keeps"
    effects = [f"{verb} the price of new {_name(unit)} from {former} to {new} {span}."]
    if price.from_on < today:
        effects.append("It starts in the past: what is charged already stays as it is.")
    holding = _holding(unit)
    if holding.units:
        before, after = (
            Money(each.amount * holding.units, each.currency) for each in (former, new)
        )
        effects.append(
            f"{holding}: after their commitment these renew for {after} a day, not {before}, "
            "before discounts."
        )
    return effects


def supply_effects(unit: TokenUnit, former: int | None) -> list[str]:
    """Return what a new supply cap does (R12)."""
    cap, held = unit.supply_cap, _holding(unit).units
    change = f"Supply of {_name(unit)}: {_cap(former)} → {_cap(cap)}, while {held:,} are sold."
    if cap is None:
        return [change, "Any number can be bought."]
    if cap <= held:
        return [
            change,
            f"Nobody can buy any until fewer than {cap:,} are held; nobody loses what they hold.",
        ]
    return [change, f"{cap - held:,} are left to buy."]


def tpm_effects(unit: TokenUnit, former: int) -> list[str]:
    """Return what a new number of tokens per minute does (R6)."""
    return [
        (
            f"New {_name(unit)} bring {unit.tpm:,} TPM each instead of {former:,}. "
            f"{_holding(unit)}: these keep theirs."
        )
    ]


def retirement_effects(snapshot: Snapshot) -> list[str]:
    """Return what a new retirement date does (R11)."""
    if snapshot.retires_on is None:
        return [f"{snapshot} no longer retires: its units can be bought, and renew."]
    held = _active(snapshot_id=snapshot.pk)
    return [
        (
            f"{snapshot} retires on {snapshot.retires_on}. From 30 days before that on nobody can "
            "buy units of it."
        ),
        f"{held}: what is still active on {snapshot.retires_on} expires that day.",
    ]


def _holding(unit: TokenUnit) -> Holding:
    return _active(snapshot_id=unit.snapshot_id, kind=unit.kind)


def _active(**lots: object) -> Holding:
    active = Lot.objects.filter(active_units__gt=0, organization__is_sandbox=False, **lots)
    held = active.aggregate(
        units=Sum("active_units", default=0), customers=Count("organization", distinct=True)
    )
    return Holding(units=held["units"], customers=held["customers"])


def _name(unit: TokenUnit) -> str:
    return f"{unit.kind} units of {unit.snapshot}"


def _cap(cap: int | None) -> str:
    return "no cap" if cap is None else f"{cap:,}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
