"""Billing accounts: the billing data of each organization."""

from datetime import date

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from accounts.models import Organization
from billing.domain.invoice_numbers import PREFIX
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
    invoice_prefix = models.CharField(
        max_length=12,
        blank=True,
        default="",
        db_default="",
        validators=[
            RegexValidator(rf"^{PREFIX.pattern}\Z", "1 to 12 upper-case letters or digits.")
        ],
        help_text="Begins the numbers of its invoices; fixed for good by the first one.",
    )

    class Meta:
        triggers = [
            # An issued invoice never changes (R8), and its number has the prefix.
            pgtrigger.Protect(
                name="prefix_is_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.invoice_prefix <> '' AND OLD.last_invoice_number > 0"
                    " AND NEW.invoice_prefix <> OLD.invoice_prefix"
                ),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice_prefix"],
                condition=~Q(invoice_prefix=""),
                name="billing_account_prefix_once",
            ),
            models.CheckConstraint(
                condition=Q(invoice_prefix="") | Q(invoice_prefix__regex=f"^{PREFIX.pattern}$"),
                name="billing_account_prefix_form",
            ),
            models.CheckConstraint(
                condition=models.Q(anchor_day__range=(1, 31)), name="billing_account_anchor_day"
            ),
        ]

    def __str__(self) -> str:
        return f"Billing of {self.organization}"

    def period_containing(self, day: date) -> Period:
        """Return the invoice period that a day is in (R2)."""
        return period_containing(day, anchor_day=self.anchor_day)
