"""Billing accounts: the billing data of each organization."""

from datetime import date

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.models import Organization
from billing.domain.periods import Period, period_containing

ANCHOR_DAY_VALIDATORS = [MinValueValidator(1), MaxValueValidator(31)]


class BillingAccount(models.Model):
    """The billing data of an organization. Its first order form sets the `anchor_day` (R2)."""

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.PROTECT, related_name="billing"
    )
    anchor_day = models.PositiveSmallIntegerField(
        validators=ANCHOR_DAY_VALIDATORS,
        help_text="Day of the month on which invoice periods start, fixed for good.",
    )
    last_invoice_number = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(anchor_day__range=(1, 31)), name="billing_account_anchor_day"
            )
        ]

    def __str__(self) -> str:
        return f"Billing of {self.organization}"

    def period_containing(self, day: date) -> Period:
        """Return the invoice period that a day is in (R2)."""
        return period_containing(day, anchor_day=self.anchor_day)
