"""The reference's invoices (R8)."""

from fractions import Fraction
from typing import TYPE_CHECKING

from tests.simulation.records import ONE_DAY, Invoice, InvoiceLine

if TYPE_CHECKING:
    from tests.simulation.reference import ReferenceOrganization


def issue_invoice(company: "ReferenceOrganization") -> None:
    """Issue the invoice of the period that ended at the start of today, if it has charges."""
    start = company.period_start(company.today - ONE_DAY)
    unit_days: dict[tuple[str, str, str, int, Fraction], int] = {}
    for charge in company.charges:
        if start <= charge.posted_on < company.today:
            lot = company.lots[charge.lot]
            key = (lot.model, lot.kind, charge.type, charge.price, charge.discount_percent)
            days = (charge.service_to - charge.service_from).days
            unit_days[key] = unit_days.get(key, 0) + charge.units * days
    if unit_days:
        lines = {_line(*key, days) for key, days in unit_days.items()}
        due_on = company.today + _days_until_due(company) * ONE_DAY
        number = len(company.invoices) + 1
        company.invoices.append(Invoice(number, start, company.today, due_on, lines))


def _line(
    model: str, kind: str, type_: str, price: int, discount_percent: Fraction, unit_days: int
) -> InvoiceLine:
    amount = unit_days * price
    exact = amount * discount_percent / 100
    rounded_half_up = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    return InvoiceLine(
        model, kind, type_, price, discount_percent, unit_days, amount, rounded_half_up
    )


def _days_until_due(company: "ReferenceOrganization") -> int:
    """Without a form in force, the one that was in force last applies.

    There always was one, because nobody can buy without a form.
    """
    day = company.today
    while (order_form := company.order_form(day)) is None:
        day -= ONE_DAY
    return order_form.days_until_due
