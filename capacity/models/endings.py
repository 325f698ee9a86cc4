"""How units end: cancellations, which are plans, and expiries, which are facts (R5, R10, R11)."""

from datetime import date, timedelta

from django.db import models
from django.db.models import Q

from accounts.ids import PublicIdField
from accounts.models import Organization, User
from accounts.models.append_only import append_only
from capacity.models.holdings import Lot


class CancellationStatus(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    UNDONE = "undone", "Undone"
    EFFECTIVE = "effective", "Effective"


class Cancellation(models.Model):
    """Some units of a lot, to end on `ends_on` at 00:00 UTC; active and charged until then."""

    public_id = PublicIdField(prefix="can_")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="cancellations")
    units = models.PositiveBigIntegerField()
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ends_on = models.DateField()
    status = models.CharField(
        max_length=10, choices=CancellationStatus, default=CancellationStatus.SCHEDULED
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(units__gt=0), name="cancellation_of_some_units"),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="cancellation_newest_first"),
            models.Index(
                fields=["organization", "ends_on"],
                condition=Q(status="scheduled"),
                name="cancellation_to_take_effect",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def last_charged_day(self) -> date:
        return self.ends_on - timedelta(days=1)


class ExpiryReason(models.TextChoices):
    CANCELLED = "cancelled", "Cancelled"
    SPEND_LIMIT = "spend_limit", "Spend limit reached"
    ORDER_FORM_ENDED = "order_form_ended", "Order form ended"
    PAYMENT_OVERDUE = "payment_overdue", "Payment overdue"
    MODEL_RETIRED = "model_retired", "Model retired"


class Expiry(models.Model):
    """Units of a lot that are no longer active from `ended_on`, 00:00 UTC, and why."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="expiries")
    units = models.PositiveBigIntegerField()
    ended_on = models.DateField()
    reason = models.CharField(max_length=20, choices=ExpiryReason)

    class Meta:
        verbose_name_plural = "expiries"
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(fields=["lot", "ended_on", "reason"], name="expiry_once"),
            models.CheckConstraint(condition=Q(units__gt=0), name="expiry_of_some_units"),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="expiry_newest_first")]

    def __str__(self) -> str:
        return f"{self.units} of {self.lot} on {self.ended_on}"
