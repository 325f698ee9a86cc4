"""Organizations and their clocks."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from common.ids import PublicIdField
from common.texts import validate_single_line

DUE_BY_TEST_CLOCK = Q(opened_until__lte=TruncDate("clock_at"))
"""Sandboxes whose clock is past their open day: few, because a move opens its days (R13)."""


class Organization(models.Model):
    """A customer. Every change of an organization locks its row first."""

    public_id = PublicIdField(prefix="org_")
    name = models.CharField(max_length=120, validators=[validate_single_line])
    created_at = models.DateTimeField()
    is_sandbox = models.BooleanField(
        default=False, help_text="Lives on a test clock; pays nobody; takes no one's supply (R13)."
    )
    clock_at = models.DateTimeField(
        null=True, blank=True, help_text="A sandbox's clock, UTC. Stands still until moved."
    )
    opened_until = models.DateField(
        help_text="Every service day before this one is opened (R7). Moves forward only."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_sandbox=True, clock_at__isnull=False)
                | Q(is_sandbox=False, clock_at__isnull=True),
                name="organization_sandbox_has_the_test_clock",
            )
        ]
        # The sweep finds the due organizations, oldest first, and reads no others.
        indexes = [
            models.Index(
                fields=["opened_until", "id"],
                condition=Q(clock_at=None),
                name="organization_due_by_real_clock",
            ),
            models.Index(
                fields=["opened_until", "id"],
                condition=DUE_BY_TEST_CLOCK,
                name="organization_due_by_test_clock",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def now(self) -> datetime:
        """Return the organization's time (R1): the real time, or the time of its test clock."""
        return self.clock_at or timezone.now()
