"""Organizations and their clocks."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from common.change_notices import BY_ORGANIZATION, announce_changed
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
    second_factor_required_at = models.DateTimeField(
        null=True, blank=True, help_text="By the organization's clock; empty: not required (R24)."
    )
    keys_refused_from = models.DateField(
        null=True,
        blank=True,
        help_text="While a second factor is required: from this service day on the API keys of "
        "members without one are refused. It was announced to them.",
    )

    class Meta:
        triggers = [
            announce_changed(
                "clock_at",
                "keys_refused_from",
                what=BY_ORGANIZATION.replace("organization_id", "id"),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_sandbox=True, clock_at__isnull=False)
                | Q(is_sandbox=False, clock_at__isnull=True),
                name="organization_sandbox_has_the_test_clock",
            ),
            models.CheckConstraint(
                condition=Q(second_factor_required_at__isnull=True, keys_refused_from__isnull=True)
                | Q(second_factor_required_at__isnull=False, keys_refused_from__isnull=False),
                name="organization_second_factor_has_a_date_for_keys",
            ),
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

    @property
    def requires_second_factor(self) -> bool:
        """Return whether members without a second factor can do nothing but set one up (R24)."""
        return self.second_factor_required_at is not None

    @property
    def refuses_keys(self) -> bool:
        """Return whether the API keys of members without a second factor are refused by now."""
        return self.keys_refused_from is not None and self.keys_refused_from <= self.now().date()
