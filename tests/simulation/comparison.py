"""What the product stored for a history, in the records of the reference."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from random import Random

from billing.models import Charge, Invoice
from billing.queries.invoices import UPCOMING
from billing.queries.upcoming_invoice import upcoming_invoice
from capacity.models import Expiry, Lot
from capacity.usage.models import UsageDay
from capacity.usage.queries.showback import billed_periods, showback
from tests.simulation import records
from tests.simulation.company import Company
from tests.simulation.terms import noon


def assert_matches_reference(companies: Sequence[Company]) -> None:
    for company in companies:
        assert charges_of(company) == set(company.reference.charges)
        assert expiries_of(company) == company.reference.expiries()
        assert active_units_of(company) == company.reference.active_units
        assert invoices_of(company) == company.reference.invoices


def assert_showback_adds_up(companies: Sequence[Company], random: Random) -> None:
    """Whatever was used, the parts of each invoice are the invoice, and its lines are its lines."""
    for company in companies:
        organization, today = company.acme.organization, company.reference.today
        add_random_usage(company, random)
        periods = billed_periods(organization, on=today)
        invoices = Invoice.objects.filter(organization=organization).prefetch_related("lines")
        totals = {UPCOMING: upcoming_invoice(organization, on=today).total.amount}
        totals |= {invoice.public_id: invoice.total for invoice in invoices}
        assert [billed.key for billed in periods] == [
            UPCOMING,
            *(invoice.public_id for invoice in invoices.order_by("-pk")),
        ]
        for billed in periods:
            shown = showback(organization, billed, now=noon(today), closed_until=None)
            assert shown.total.amount == totals[billed.key]
            assert sum(share.amount.amount for share in shown.shares) == shown.total.amount
            for row in shown.lines:
                assert sum(part.amount.amount for part in row.parts) == row.line.net.amount
            by_use = [use.amount.amount for share in shown.shares for use in share.uses]
            assert sum(by_use) == shown.total.amount
            assert min(by_use, default=0) >= 0


def add_random_usage(company: Company, random: Random) -> None:
    """On some days projects use some, all or more of what they may."""
    organization = company.acme.organization
    lots = list(Lot.objects.filter(organization=organization))
    projects = list(organization.projects.all())
    rows = {}
    for _ in range(200 if lots else 0):
        lot, project = random.choice(lots), random.choice(projects)
        day = lot.starts_on + timedelta(days=random.randrange(100))
        tokens = random.choice([1, 10**6, lot.units * lot.tpm_per_unit * random.randrange(2000)])
        rows[day, lot.snapshot_id, project.pk] = UsageDay(
            organization=organization,
            day=day,
            snapshot_id=lot.snapshot_id,
            project_id=project.pk,
            pool_id=0,
            opted_out=False,
            **dict.fromkeys(UsageDay.SUMS, tokens),
        )
    UsageDay.objects.bulk_create(rows.values())


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
