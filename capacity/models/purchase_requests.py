"""Purchases that wait for a second approval, and the threshold above which they do (R20)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Organization, Project, User
from billing.domain.money import Money
from capacity.models.catalogue import Snapshot
from capacity.models.pools import Pool
from capacity.models.purchases import Purchase
from common.ids import PublicIdField

MAX_REASON_LENGTH = 300


class ApprovalThreshold(models.Model):
    """The cost per day, at standard rates, above which a purchase needs approval (R20)."""

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    amount = models.PositiveBigIntegerField(help_text="Minor units per day.")

    def __str__(self) -> str:
        return f"Approval threshold of {self.organization}"


class PurchaseRequestStatus(models.TextChoices):
    PENDING = "pending", "Waiting"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    LAPSED = "lapsed", "Lapsed"


class PurchaseRequest(models.Model):
    """A purchase that somebody asked for, which another owner approves or declines (R20).

    It reserves nothing. `due_now` and `then_per_day` are those of the day of the request; an
    approval replaces them by those of the purchase.
    """

    public_id = PublicIdField(prefix="req_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey(
        Pool,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the snapshot's default pool.",
    )
    units = models.JSONField(help_text="Units by kind; each kind more than none.")
    due_now_amount = models.PositiveBigIntegerField(help_text="List price, minor units.")
    per_day_amount = models.PositiveBigIntegerField(help_text="List price, minor units.")
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    lapses_on = models.DateField(help_text="The day whose opening ends it if nobody decides.")
    status = models.CharField(
        max_length=10, choices=PurchaseRequestStatus, default=PurchaseRequestStatus.PENDING
    )
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: time did."
    )
    reason = models.CharField(
        max_length=MAX_REASON_LENGTH, blank=True, help_text="Why it was declined."
    )
    purchase = models.OneToOneField(
        Purchase, null=True, on_delete=models.PROTECT, related_name="purchase_request"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status=PurchaseRequestStatus.APPROVED, purchase__isnull=False)
                | (~Q(status=PurchaseRequestStatus.APPROVED) & Q(purchase__isnull=True)),
                name="purchase_request_approved_has_purchase",
            ),
            models.CheckConstraint(
                condition=Q(status=PurchaseRequestStatus.PENDING, decided_at__isnull=True)
                | (~Q(status=PurchaseRequestStatus.PENDING) & Q(decided_at__isnull=False)),
                name="purchase_request_decided_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="purchase_request_newest_first"),
            # For the daily step and the count in the navigation: few requests wait at any time.
            models.Index(
                fields=["organization", "lapses_on"],
                condition=Q(status="pending"),
                name="purchase_request_pending",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_pending(self) -> bool:
        return self.status == PurchaseRequestStatus.PENDING

    @property
    def due_now(self) -> Money:
        """Return the charge of the first term on the day of the request, or of the purchase."""
        return Money(self.due_now_amount, settings.CURRENCY)

    @property
    def then_per_day(self) -> Money:
        return Money(self.per_day_amount, settings.CURRENCY)
