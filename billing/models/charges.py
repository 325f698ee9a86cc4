"""Charges: every cent that is owed, posted once and never changed (R3, R4, R19)."""

import pgtrigger
from django.db import models
from django.db.models import F, Func, Q

from accounts.models import Organization, Project
from billing.domain.money import Money
from common.append_only import append_only
from common.ids import PublicIdField


class Days(Func):
    """Whole days from the first date to the second, as PostgreSQL itself counts them."""

    template = "(%(expressions)s)"
    arg_joiner = " - "
    output_field = models.IntegerField()

    def __init__(self, start: str, end: str) -> None:
        super().__init__(F(end), F(start))


class ChargeType(models.TextChoices):
    FIRST_TERM = "first_term", "First term"
    RENEWAL = "renewal", "Renewal"


class Charge(models.Model):
    """Units of service days at the list price, with the discount that its invoice will give.

    `lot`, `model` and `kind` are what the seller called the thing; billing only groups by them.
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
            # R8: a period's invoice holds exactly its charges, so none may be posted after it.
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
        ]
        constraints = [
            # The guarantee behind R7: a day that is opened twice cannot charge twice.
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
        """List price of one unit a service day."""
        return Money(self.price_per_day, self.currency)

    @property
    def due(self) -> Money:
        """Before the discount, which the invoice gives (R8)."""
        return Money(self.amount, self.currency)
