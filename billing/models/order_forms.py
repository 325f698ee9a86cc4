"""Order forms: the agreement under which an organization may buy (R11) and its discounts (R8).

A signed form never changes (R23): triggers refuse it. One that ends early has a termination.
"""

from datetime import date
from decimal import Decimal

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import Organization, User
from billing.models.billing_accounts import ANCHOR_DAY_VALIDATORS
from common.append_only import append_only, never_emptied
from common.ids import PublicIdField
from common.texts import validate_single_line

MAX_TERMS_LENGTH = 2000
MAX_REASON_LENGTH = 300

PERCENT_VALIDATORS = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


# The discounts are part of what is signed, so none is added afterwards either.
DISCOUNTS_OF_SIGNED_FORMS = """
    IF EXISTS (
        SELECT FROM billing_orderform
        WHERE signed_at IS NOT NULL AND id IN (OLD.order_form_id, NEW.order_form_id)
    ) THEN
        RAISE EXCEPTION 'A signed order form never changes, nor do its discounts';
    END IF;
    RETURN COALESCE(NEW, OLD);
"""


class OrderForm(models.Model):
    """In force on the days of `[starts_on, ends_on)`, once it is signed, unless it ends early."""

    public_id = PublicIdField(prefix="of_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="order_forms"
    )
    created_at = models.DateTimeField()
    starts_on = models.DateField(help_text="First service day it is in force, UTC.")
    ends_on = models.DateField(
        null=True, blank=True, help_text="First service day it is no longer in force; empty: open."
    )
    anchor_day = models.PositiveSmallIntegerField(
        default=1,
        validators=ANCHOR_DAY_VALIDATORS,
        help_text="Start of invoice periods; the first form that is signed fixes it for good.",
    )
    discount_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=PERCENT_VALIDATORS,
        help_text="On every model that has no discount of its own.",
    )
    days_until_due = models.PositiveSmallIntegerField(
        default=30, help_text="Days from an invoice's issue to its due date."
    )
    terms = models.TextField(
        blank=True,
        db_default="",
        max_length=MAX_TERMS_LENGTH,
        help_text="What is agreed besides; printed on the form. Lines and paragraphs are kept.",
    )
    signed_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: not signed.")
    signed_name = models.CharField(
        max_length=120, blank=True, help_text="As typed by the signatory."
    )
    signed_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="signed_never_changes",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__signed_at__isnull=False),
            ),
            never_emptied(),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="order_form_ends_after_it_starts",
                violation_error_message="An order form ends after it starts.",
            ),
            models.CheckConstraint(
                condition=Q(discount_percent__range=(0, 100)), name="order_form_discount_percent"
            ),
            models.CheckConstraint(
                condition=Q(anchor_day__range=(1, 31)), name="order_form_anchor_day"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-starts_on", "-id"], name="order_form_latest")
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_signed(self) -> bool:
        return self.signed_at is not None

    @property
    def end(self) -> date | None:
        """Return the first day it is no longer in force, with its termination; None: open."""
        try:
            return self.termination.ends_on
        except OrderFormTermination.DoesNotExist:
            return self.ends_on


class ModelDiscount(models.Model):
    """A discount on one model snapshot, in place of the order form's general one (R8)."""

    order_form = models.ForeignKey(
        OrderForm, on_delete=models.CASCADE, related_name="model_discounts"
    )
    model = models.CharField(max_length=120, help_text="Model snapshot id.")
    discount_percent = models.DecimalField(
        max_digits=5, decimal_places=2, validators=PERCENT_VALIDATORS
    )

    class Meta:
        triggers = [
            pgtrigger.Trigger(
                name="signed_never_changes",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=DISCOUNTS_OF_SIGNED_FORMS,
            ),
            never_emptied(),
        ]
        constraints = [
            models.UniqueConstraint(fields=["order_form", "model"], name="model_discount_once"),
            models.CheckConstraint(
                condition=Q(discount_percent__range=(0, 100)), name="model_discount_percent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.discount_percent}%"


class OrderFormTermination(models.Model):
    """The early end of a signed form, which an operator decides (R11). It cannot be taken back.

    The form itself stays as it was signed. To go on after it, the owner signs another form.
    """

    order_form = models.OneToOneField(
        OrderForm, on_delete=models.PROTECT, related_name="termination"
    )
    ends_on = models.DateField(help_text="First service day it is no longer in force, UTC.")
    reason = models.CharField(
        max_length=MAX_REASON_LENGTH,
        validators=[validate_single_line],
        help_text="One sentence, which the owners read.",
    )
    terminated_at = models.DateTimeField()
    terminated_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: a command.",
    )

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.order_form} ends on {self.ends_on}"
