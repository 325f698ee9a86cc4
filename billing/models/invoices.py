"""Invoices: issued once, never changed (R8, R19)."""

from datetime import date

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from billing.domain.invoice_numbers import display_number
from billing.domain.money import Money
from billing.models.charges import ChargeType
from common.append_only import append_only
from common.ids import PublicIdField


class InvoiceStatus(models.TextChoices):
    """What people and the API read; see `Invoice.status_on`."""

    OPEN = "open", "Open"
    PAID = "paid", "Paid"
    OVERDUE = "overdue", "Overdue"
    VOID = "void", "Void"


class Invoice(models.Model):
    """The sum of the charges posted in one period (R8). Amounts are minor units."""

    public_id = PublicIdField(prefix="inv_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="invoices"
    )
    number = models.PositiveIntegerField(help_text="1, 2, 3 … without a gap per organization.")
    period_start = models.DateField()
    period_end = models.DateField(help_text="First day of the next period.")
    issued_on = models.DateField()
    due_on = models.DateField()
    currency = models.CharField(max_length=3)
    subtotal = models.PositiveBigIntegerField()
    discount = models.PositiveBigIntegerField()
    total = models.PositiveBigIntegerField()
    billed_to = models.JSONField(
        default=dict, db_default={}, help_text="The billing details on the day of its issue."
    )
    seller = ArrayField(
        models.TextField(), default=list, db_default=[], help_text="The seller's lines on that day."
    )

    class Meta:
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="invoice_number_once"),
            models.UniqueConstraint(
                fields=["organization", "period_start"], name="invoice_period_once"
            ),
            models.CheckConstraint(
                condition=Q(total=F("subtotal") - F("discount")), name="invoice_total_adds_up"
            ),
        ]

    def __str__(self) -> str:
        return f"Invoice {self.display_number} of {self.organization}"

    @property
    def display_number(self) -> str:
        """Return the number as people read it, `NWL-0004`; unique in the installation."""
        return display_number(self.organization.billing.invoice_prefix, self.number)

    def money(self, amount: int) -> Money:
        """Return an amount of minor units in the currency of the invoice."""
        return Money(amount, self.currency)

    @property
    def hosted_url(self) -> str | None:
        """Return the URL of the provider's page of the invoice; None until it is synced."""
        return self.sync.hosted_url or None

    def status_on(self, day: date) -> str:
        """Return `open`, `paid`, `void`, or `overdue`: unpaid after the due date (R11)."""
        payment_status = str(self.payment.status)
        if payment_status in {"paid", "void"}:
            return payment_status
        if self.total == 0:
            return "paid"  # Nothing is owed, after a discount of 100%.
        return "overdue" if day > self.due_on else "open"


LINES_ADD_UP = """
    IF (NEW.organization_id, NEW.invoice_id) NOT IN (
        SELECT invoice.organization_id, invoice.id
        FROM billing_invoice invoice JOIN billing_invoiceline line ON line.invoice_id = invoice.id
        WHERE invoice.id = NEW.invoice_id
        GROUP BY invoice.id
        HAVING invoice.subtotal = sum(line.amount) AND invoice.discount = sum(line.discount)
    ) THEN
        RAISE EXCEPTION 'Rows of billing_invoiceline do not add up to their invoice';
    END IF;
    RETURN NULL;
"""


class InvoiceLine(models.Model):
    """The charges of one snapshot, kind, type, price and discount. Amounts are minor units (R8)."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    model = models.CharField(max_length=120)
    kind = models.CharField(max_length=10)
    type = models.CharField(max_length=10, choices=ChargeType)
    price_per_day = models.PositiveBigIntegerField()
    discount_percent = models.DecimalField(max_digits=5, decimal_places=2)
    unit_days = models.PositiveBigIntegerField(help_text="Units x service days.")
    amount = models.PositiveBigIntegerField(help_text="List price.")
    discount = models.PositiveBigIntegerField(help_text="Rounded half up to the minor unit.")

    class Meta:
        triggers = [
            *append_only(),
            # A line that is added later breaks the sum and is refused.
            pgtrigger.Trigger(
                name="lines_add_up",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func=LINES_ADD_UP,
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(unit_days__gt=0), name="invoice_line_of_some_unit_days"
            ),
            models.CheckConstraint(
                condition=Q(amount=F("unit_days") * F("price_per_day")),
                name="invoice_line_amount_is_unit_days_price",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.kind} {self.type}"
