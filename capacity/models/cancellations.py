"""Cancellations: units that are scheduled to end (R5)."""

from django.db import models
from django.db.models import Q

from accounts.models import Organization, User
from capacity.models.lots import Lot
from common.change_notices import announce
from common.ids import PublicIdField


class CancellationStatus(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    UNDONE = "undone", "Undone"
    EFFECTIVE = "effective", "Effective"


class Cancellation(models.Model):
    """Units of a lot that end on `ends_on` at 00:00 UTC. Until then they are active and charged."""

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
        triggers = announce("status", "ends_on")
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
