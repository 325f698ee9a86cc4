"""The upcoming invoice: what this period costs if nothing changes (R4, R6, R8, R11)."""

import pytest

from billing.models import Charge, Invoice
from billing.queries.upcoming_invoice import upcoming_invoice
from capacity.models import Snapshot
from tests.cast import GPT, day, make_acme

pytestmark = pytest.mark.usefixtures("catalogue")


def test_the_projection_counts_ends_and_prices_that_are_known() -> None:
    acme = make_acme(discount="12.5")
    acme.buys("2026-01-10", GPT, input=3, output=2)
    lot = acme.lot(acme.buys("2026-01-20", input=5))
    acme.cancels(lot, 1, "2026-01-21")
    unit = lot.snapshot.token_units.get(kind="input")
    unit.prices.create(from_on=day("2026-02-25"), amount=1234)
    acme.open_days("2026-02-03")
    upcoming = upcoming_invoice(acme.organization, on=day("2026-02-03"))
    assert upcoming.period.end == day("2026-03-01")
    assert upcoming.projected_total
    assert upcoming.total < upcoming.projected_total
    acme.open_days("2026-03-01")
    issued = Invoice.objects.get(number=2)
    assert issued.money(issued.total) == upcoming.projected_total
    assert issued.due_on == upcoming.due_on
    assert Charge.objects.filter(price_per_day=1234).exists()


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
def test_each_day_to_come_has_the_discount_of_the_form_in_force_then(
    bought_on: str, forms: list[tuple[str, str | None, str]]
) -> None:
    acme = make_acme(signed=False)
    for number, (starts_on, ends_on, discount) in enumerate(forms):
        acme.signs(
            starts_on, ends_on, on="2026-01-01", discount=discount, days_until_due=30 + number
        )
    lot = acme.lot(acme.buys(bought_on, GPT, input=3))
    acme.cancels(lot, 1, "2026-01-26")
    acme.open_days("2026-02-05")
    upcoming = upcoming_invoice(acme.organization, on=day("2026-02-05"))
    acme.open_days("2026-03-01")
    issued = Invoice.objects.get(number=2)
    assert (issued.money(issued.total), issued.due_on) == (
        upcoming.projected_total,
        upcoming.due_on,
    )


def test_no_day_from_the_retirement_of_the_model_on_is_projected() -> None:
    acme = make_acme()
    acme.buys("2026-01-10", GPT, input=3)
    Snapshot.objects.filter(model=GPT).update(retires_on=day("2026-02-15"))
    acme.open_days("2026-02-05")
    upcoming = upcoming_invoice(acme.organization, on=day("2026-02-05"))
    acme.open_days("2026-03-01")
    issued = Invoice.objects.get(number=2)
    assert issued.total == 3 * 11_000 * 14
    assert issued.money(issued.total) == upcoming.projected_total
