"""Order forms: the agreement under which an organization may buy (R11) and its discounts (R8)."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import Organization, User
from billing.models.billing_accounts import ANCHOR_DAY_VALIDATORS
from common.ids import PublicIdField

PERCENT_VALIDATORS = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


class OrderForm(models.Model):
    """In force on the days of `[starts_on, ends_on)`, once it is signed."""

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
        help_text="Start of invoice periods; an organization's first form fixes it for good.",
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
    signed_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty: not signed.")
    signed_name = models.CharField(
        max_length=120, blank=True, help_text="As typed by the signatory."
    )
    signed_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
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
        constraints = [
            models.UniqueConstraint(fields=["order_form", "model"], name="model_discount_once"),
            models.CheckConstraint(
                condition=Q(discount_percent__range=(0, 100)), name="model_discount_percent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.discount_percent}%"
