"""What the product stored for a history, in the records of the reference."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

from billing.models import Charge, Invoice
from capacity.models import Expiry, Lot
from tests.simulation import records
from tests.simulation.company import Company


def assert_matches_reference(companies: Sequence[Company]) -> None:
    for company in companies:
        assert charges_of(company) == set(company.reference.charges)
        assert expiries_of(company) == company.reference.expiries()
        assert active_units_of(company) == company.reference.active_units
        assert invoices_of(company) == company.reference.invoices


def charges_of(company: Company) -> set[records.Charge]:
    positions = {lot_id: position for position, lot_id in enumerate(company.lot_ids)}
    return {
        records.Charge(
            lot=positions[charge.lot],
            type=charge.type,
            posted_on=charge.posted_on,
            service_from=charge.service_from,
            service_to=charge.service_to,
            units=charge.units,
            price=charge.price_per_day,
            discount_percent=Fraction(charge.discount_percent),
            amount=charge.amount,
            in_project=not charge.project.is_default,
        )
        for charge in Charge.objects.filter(organization=company.acme.organization).select_related(
            "project"
        )
    }


def expiries_of(company: Company) -> set[records.Expiry]:
    positions = {lot_id: position for position, lot_id in enumerate(company.lot_ids)}
    expiries = Expiry.objects.filter(organization=company.acme.organization).select_related("lot")
    return {
        records.Expiry(positions[row.lot.public_id], row.units, row.ended_on, row.reason)
        for row in expiries
    }


def active_units_of(company: Company) -> dict[tuple[int, date], int]:
    """Units active on every service day, computed from purchases and expiries."""
    active_units = {}
    for position, lot_id in enumerate(company.lot_ids):
        lot = Lot.objects.prefetch_related("expiries").get(public_id=lot_id)
        expiries = [(expiry.ended_on, expiry.units) for expiry in lot.expiries.all()]
        day = lot.starts_on
        while day <= company.reference.today - timedelta(days=1):
            expired_units = sum(units for ended_on, units in expiries if ended_on <= day)
            active_units[position, day] = lot.units - expired_units
            day += timedelta(days=1)
    return active_units


def invoices_of(company: Company) -> list[records.Invoice]:
    invoices = Invoice.objects.filter(organization=company.acme.organization).order_by("number")
    return [
        records.Invoice(
            number=invoice.number,
            period_start=invoice.period_start,
            period_end=invoice.period_end,
            due_on=invoice.due_on,
            lines={
                records.InvoiceLine(
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
        for invoice in invoices.select_related("payment").prefetch_related("lines")
    ]
