"""The upcoming invoice: what the present period comes to if nothing changes (R4, R6, R8, R11)."""

from decimal import Decimal

import pytest

from billing.models import Charge, Invoice
from billing.operations.order_forms import create_order_form, sign_order_form
from billing.queries.upcoming_invoice import upcoming_invoice
from capacity.models import Lot
from capacity.operations.cancellations import cancel_units
from capacity.operations.days import open_due_days
from tests.cast import GPT, OPERATOR, Acme, at, day, load_catalogue, make_acme


@pytest.mark.django_db
def test_known_ends_and_prices_are_foreseen() -> None:
    load_catalogue()
    acme = make_acme(discount="12.5")
    acme.buys("2026-01-10", GPT, input=3, output=2)
    lot = acme.lot(acme.buys("2026-01-20", input=5))
    _cancels(acme, lot, on="2026-01-21")
    unit = lot.snapshot.token_units.get(kind="input")
    unit.prices.create(from_on=day("2026-02-25"), amount=1234)
    open_due_days(organization=acme.organization, now=at("2026-02-03", "00:00"))
    foreseen = upcoming_invoice(acme.organization, on=day("2026-02-03"))
    assert foreseen.period.end == day("2026-03-01")
    assert foreseen.projected_total
    assert foreseen.total < foreseen.projected_total
    open_due_days(organization=acme.organization, now=at("2026-03-01", "00:00"))
    issued = Invoice.objects.get(number=2)
    assert issued.money(issued.total) == foreseen.projected_total
    assert issued.due_on == foreseen.due_on
    assert Charge.objects.filter(price_per_day=1234).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bought_on", "forms"),
    [
        ("2026-01-10", [("2026-01-01", "2026-02-20", "0"), ("2026-02-20", None, "50")]),
        ("2026-01-10", [("2026-01-01", None, "10"), ("2026-02-20", None, "20")]),
        ("2026-01-10", [("2026-01-01", "2026-02-20", "100"), ("2026-02-20", None, "12.5")]),
        ("2026-01-25", [("2026-01-01", "2026-02-16", "10")]),
        ("2026-01-25", [("2026-01-01", "2026-02-18", "10"), ("2026-02-20", None, "50")]),
        ("2026-01-10", [("2026-01-01", "2026-02-18", "10"), ("2026-02-20", None, "50")]),
        ("2026-01-10", [("2026-01-01", None, "10"), ("2026-02-10", "2026-02-20", "33.33")]),
    ],
)
def test_each_day_to_come_has_the_discount_of_its_own_order_form(
    bought_on: str, forms: list[tuple[str, str | None, str]]
) -> None:
    load_catalogue()
    acme = make_acme(signed=False)
    for place, (starts_on, ends_on, discount) in enumerate(forms):
        _signs(acme, starts_on, ends_on, discount, days_until_due=30 + place)
    lot = acme.lot(acme.buys(bought_on, GPT, input=3))
    _cancels(acme, lot, on="2026-01-26")
    open_due_days(organization=acme.organization, now=at("2026-02-05"))
    foreseen = upcoming_invoice(acme.organization, on=day("2026-02-05"))
    open_due_days(organization=acme.organization, now=at("2026-03-01"))
    issued = Invoice.objects.get(number=2)
    assert (issued.money(issued.total), issued.due_on) == (
        foreseen.projected_total,
        foreseen.due_on,
    )


def _cancels(acme: Acme, lot: Lot, *, on: str) -> None:
    cancel_units(
        organization=acme.organization, lot_id=lot.public_id, units=1, by=acme.alice, now=at(on)
    )


def _signs(
    acme: Acme, starts_on: str, ends_on: str | None, discount: str, *, days_until_due: int
) -> None:
    form = create_order_form(
        organization=acme.organization,
        starts_on=day(starts_on),
        ends_on=day(ends_on) if ends_on else None,
        discount_percent=Decimal(discount),
        by=OPERATOR,
        now=at("2026-01-01", "00:00"),
    )
    form.days_until_due = days_until_due
    form.save()
    sign_order_form(form=form, signed_name="Alice", by=acme.alice, now=at("2026-01-01", "00:00"))
