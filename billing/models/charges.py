"""Charges: posted once and never changed (R3, R4, R19)."""

import pgtrigger
from django.db import models
from django.db.models import F, Func, Q

from accounts.models import Organization, Project
from billing.domain.money import Money
from common.append_only import append_only
from common.ids import PublicIdField


class Days(Func):
    """The number of days from the first date to the second, computed by PostgreSQL."""

    template = "(%(expressions)s)"
    arg_joiner = " - "
    output_field = models.IntegerField()

    def __init__(self, start: str, end: str) -> None:
        super().__init__(F(end), F(start))


class ChargeType(models.TextChoices):
    FIRST_TERM = "first_term", "First term"
    RENEWAL = "renewal", "Renewal"


class Charge(models.Model):
    """Units of one lot for service days, at a list price, and the discount percentage (R8).

    `price_per_day` and `amount` are minor units before the discount. The seller gives `lot`,
    `model` and `kind`; billing only groups by them.
    """

    public_id = PublicIdField(prefix="chg_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    lot = models.CharField(max_length=40)
    model = models.CharField(max_length=120)
    kind = models.CharField(max_length=10)
    type = models.CharField(max_length=10, choices=ChargeType)
    posted_on = models.DateField(help_text="The service day it is posted on; decides its invoice.")
    service_from = models.DateField()
    service_to = models.DateField(help_text="First day not covered.")
    units = models.PositiveBigIntegerField()
    price_per_day = models.PositiveBigIntegerField(help_text="List price a unit, minor units.")
    currency = models.CharField(max_length=3)
    amount = models.PositiveBigIntegerField(help_text="Units x days x price, minor units.")
    discount_percent = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        triggers = [
            *append_only(),
            # R8: an invoice has exactly the charges of its period, so later charges are refused.
            pgtrigger.Trigger(
                name="not_into_an_invoiced_period",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="posted"),  # type: ignore[no-untyped-call]
                func="""
                    IF EXISTS (
                        SELECT FROM (SELECT DISTINCT organization_id, posted_on FROM posted) charge
                        JOIN billing_invoice invoice USING (organization_id)
                        WHERE charge.posted_on >= invoice.period_start
                          AND charge.posted_on < invoice.period_end
                    ) THEN
                        RAISE EXCEPTION 'Cannot post into billing_charge for an invoiced period';
                    END IF;
                    RETURN NULL;
                """,
            ),
            # R10: limits read the sums of days. Whatever posts charges keeps them, also a process
            # of an older release, during an upgrade.
            pgtrigger.Trigger(
                name="adds_to_daily_spend",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="posted"),  # type: ignore[no-untyped-call]
                func="""
                    INSERT INTO billing_dailyspend (organization_id, project_id, posted_on, amount)
                    SELECT organization_id, project_id, posted_on, sum(amount) FROM posted
                    GROUP BY organization_id, project_id, posted_on
                    ORDER BY organization_id, project_id
                    ON CONFLICT (organization_id, posted_on, project_id)
                    DO UPDATE SET amount = billing_dailyspend.amount + excluded.amount;
                    RETURN NULL;
                """,
            ),
        ]
        constraints = [
            # R7: a day that is opened twice cannot be charged twice.
            models.UniqueConstraint(fields=["lot", "service_from"], name="charge_lot_day_once"),
            models.CheckConstraint(
                condition=Q(service_to__gt=F("service_from"), units__gt=0),
                name="charge_covers_something",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount=F("units") * F("price_per_day") * Days("service_from", "service_to")
                ),
                name="charge_amount_is_units_days_price",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "posted_on", "id"], name="charge_by_posting_day"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def daily_price(self) -> Money:
        """Return the list price of one unit for one service day."""
        return Money(self.price_per_day, self.currency)

    @property
    def list_amount(self) -> Money:
        """Return the amount before the discount. The discount appears on the invoice (R8)."""
        return Money(self.amount, self.currency)
