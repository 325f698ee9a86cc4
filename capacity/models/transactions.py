"""Prior transactions: the events of lots, as the customer sees them."""

from django.db import models

from accounts.models import Organization, User
from capacity.models.catalogue import Kind, Snapshot
from capacity.models.lots import Lot
from common.append_only import append_only
from common.ids import PublicIdField


class TransactionType(models.TextChoices):
    PURCHASE = "purchase", "Purchase"
    CANCELLATION = "cancellation", "Cancellation"
    UNDO = "undo", "Cancellation undone"
    EXPIRY = "expiry", "Expiry"


class Transaction(models.Model):
    """One event of one lot. `by` is empty for an expiry, which no person causes."""

    public_id = PublicIdField(prefix="evt_")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="transactions")
    type = models.CharField(max_length=15, choices=TransactionType)
    kind = models.CharField(max_length=10, choices=Kind)
    units = models.PositiveBigIntegerField()
    at = models.DateTimeField(help_text="By the organization's clock, UTC.")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=200)

    class Meta:
        triggers = append_only()
        indexes = [
            models.Index(fields=["organization", "snapshot", "-id"], name="transaction_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.units}"
