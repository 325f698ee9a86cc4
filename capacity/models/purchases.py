"""Purchases of units."""

from django.db import models

from accounts.models import Organization, Project, User
from billing.domain.money import Money
from capacity.models.catalogue import Snapshot
from capacity.models.pools import Pool
from common.ids import PublicIdField


class Purchase(models.Model):
    """One purchase of units of one snapshot. Each kind is one lot; all are made or none (R3)."""

    public_id = PublicIdField(prefix="pur_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="purchases"
    )
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    amount = models.PositiveBigIntegerField(help_text="Charged at once, list price, minor units.")
    currency = models.CharField(max_length=3)

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="purchase_newest_first")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def list_amount(self) -> Money:
        """Return the amount charged at the purchase, at list prices."""
        return Money(self.amount, self.currency)
