"""What the product made of a history, in the reference's words."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

from billing.models import Charge, Invoice
from capacity.models import Expiry, Lot
from tests.simulation import nouns
from tests.simulation.world import Company


def assert_as_the_reference_has_it(companies: Sequence[Company]) -> None:
    for company in companies:
        assert charges_of(company) == set(company.books.charges)
        assert expiries_of(company) == company.books.expiries()
        assert active_days_of(company) == company.books.active_on
        assert invoices_of(company) == company.books.invoices


def charges_of(company: Company) -> set[nouns.Charge]:
    places = {lot: place for place, lot in enumerate(company.lots)}
    return {
        nouns.Charge(
            lot=places[charge.lot],
            type=charge.type,
            posted_on=charge.posted_on,
            service_from=charge.service_from,
            service_to=charge.service_to,
            units=charge.units,
            price=charge.price_per_day,
            discount=Fraction(charge.discount_percent),
            amount=charge.amount,
        )
        for charge in Charge.objects.filter(organization=company.acme.organization)
    }


def expiries_of(company: Company) -> set[nouns.Expiry]:
    places = {lot: place for place, lot in enumerate(company.lots)}
    found = Expiry.objects.filter(organization=company.acme.organization).select_related("lot")
    return {
        nouns.Expiry(places[row.lot.public_id], row.units, row.ended_on, row.reason)
        for row in found
    }


def active_days_of(company: Company) -> dict[tuple[int, date], int]:
    """Units active on every service day, as purchases and expiries tell it."""
    active = {}
    for place, lot in enumerate(company.lots):
        row = Lot.objects.prefetch_related("expiries").get(public_id=lot)
        ended = [(expiry.ended_on, expiry.units) for expiry in row.expiries.all()]
        day = row.starts_on
        while day <= company.books.today - timedelta(days=1):
            active[place, day] = row.units - sum(units for on, units in ended if on <= day)
            day += timedelta(days=1)
    return active


def invoices_of(company: Company) -> list[nouns.Invoice]:
    found = Invoice.objects.filter(organization=company.acme.organization).order_by("number")
    return [
        nouns.Invoice(
            number=invoice.number,
            start=invoice.period_start,
            end=invoice.period_end,
            due_on=invoice.due_on,
            lines={
                nouns.InvoiceLine(
                    model=line.model,
                    kind=line.kind,
                    type=line.type,
                    price=line.price_per_day,
                    discount_percent=Fraction(line.discount_percent),
                    unit_days=line.unit_days,
                    amount=line.amount,
                    discount=line.discount,
                )
                for line in invoice.lines.all()
            },
            status=invoice.payment.status,
        )
        for invoice in found.select_related("payment").prefetch_related("lines")
    ]
