"""Usage by the minute, the closed window and the day; every key is led by the organization.

Events, minutes and windows are partitioned by month (`usage_keep_partitions`, a function of the
database). Their rows refer to projects and pools without a foreign key: these tables grow fastest,
and shard by organization.
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models

from accounts.models import Organization
from capacity.models import Kind, Snapshot
from capacity.usage.domain.exhaustion import Exhaustion
from capacity.usage.domain.windows import MINUTE, WINDOW, window_id
from capacity.usage.models.demand import demand_triggers

DEFAULT_POOL = 0
"""The pool of requests that named none: the default pool, also if it is only made later (R14)."""


class OrganizationUsage(models.Model):
    """Up to when an organization's windows are closed. Its lock orders all writes of usage."""

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="usage"
    )
    closed_until = models.DateTimeField(help_text="Every window that starts before is closed.")

    def __str__(self) -> str:
        return f"usage of {self.organization}"


class UsageEvent(models.Model):
    """The id of an event that has been counted, kept for at least a month: it counts once."""

    pk = models.CompositePrimaryKey("organization_id", "event_id", "received_in")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    event_id = models.CharField(max_length=200)
    received_in = models.DateField(help_text="First day of the month in which it came.")


class Grouped(models.Model):
    """Requests of one project to one pool of a snapshot, and what they used."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    project_id = models.BigIntegerField()
    pool_id = models.BigIntegerField(help_text="0: the default pool of the snapshot.")
    opted_out = models.BooleanField(help_text="Capacity was declined for these requests.")
    requests = models.BigIntegerField()
    input_tokens = models.BigIntegerField(help_text="All input tokens, cached ones included.")
    cached_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()

    class Meta:
        abstract = True


class UsageMinute(Grouped):
    """What was admitted in one minute. Kept until a while after its window has closed."""

    pk = models.CompositePrimaryKey(
        "organization_id", "minute", "snapshot_id", "project_id", "pool_id", "opted_out"
    )
    minute = models.DateTimeField()


class Coverage(Grouped):
    """Usage with what capacity covered of it; the rest is account plan (R14)."""

    weighted_tokens = models.BigIntegerField(help_text="In combined units; 0 if not sold so.")
    covered_input = models.BigIntegerField()
    covered_output = models.BigIntegerField()
    covered_weighted = models.BigIntegerField()
    late_input = models.BigIntegerField(help_text="Of the input tokens: came after the close.")
    late_output = models.BigIntegerField()

    class Meta:
        abstract = True


class UsageWindow(Coverage):
    """A closed window. Its coverage never changes; what comes later is added as account plan."""

    SUMS: ClassVar = (
        "requests",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "weighted_tokens",
        "covered_input",
        "covered_output",
        "covered_weighted",
        "late_input",
        "late_output",
    )
    pk = models.CompositePrimaryKey(
        "organization_id", "starts_at", "snapshot_id", "project_id", "pool_id", "opted_out"
    )
    starts_at = models.DateTimeField()

    class Meta:
        triggers = demand_triggers()


class ExhaustedWindow(models.Model):
    """A closed window of a pool whose allowance of one kind was not enough; it never changes.

    Tokens are weighted. Kept as long as windows are.
    """

    pk = models.CompositePrimaryKey(
        "organization_id", "starts_at", "snapshot_id", "pool_id", "kind"
    )
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    starts_at = models.DateTimeField()
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    pool_id = models.BigIntegerField(help_text="0: the default pool of the snapshot.")
    kind = models.CharField(max_length=10, choices=Kind)
    allowance = models.BigIntegerField()
    used = models.BigIntegerField(help_text="What asked for the allowance; more than it.")
    minutes = models.PositiveSmallIntegerField(
        null=True,
        help_text="From the minute in which it ran out to the end; empty where not known.",
    )

    @classmethod
    def of(
        cls, organization: Organization, snapshot: int, start: datetime, exhaustion: Exhaustion
    ) -> Self:
        """Return an unsaved row of an exhaustion."""
        return cls(
            organization=organization,
            starts_at=start,
            snapshot_id=snapshot,
            pool_id=exhaustion.pool,
            kind=exhaustion.kind,
            allowance=exhaustion.allowance,
            used=exhaustion.used,
            minutes=exhaustion.minutes,
        )

    @property
    def window_id(self) -> str:
        return window_id(self.starts_at)

    @property
    def over(self) -> int:
        return self.used - self.allowance

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + WINDOW

    @property
    def ran_out_at(self) -> datetime | None:
        """Return the minute in which the allowance ran out; None where it is not known."""
        return None if self.minutes is None else self.ends_at - self.minutes * MINUTE


class UsageDay(Coverage):
    """The sum of the closed windows of a service day. Kept for ever."""

    SUMS: ClassVar = (*UsageWindow.SUMS, "used_input", "used_output")
    pk = models.CompositePrimaryKey(
        "organization_id", "day", "snapshot_id", "project_id", "pool_id", "opted_out"
    )
    day = models.DateField()
    used_input = models.BigIntegerField(
        db_default=0, help_text="Of the allowance of input units, in weighted tokens."
    )
    used_output = models.BigIntegerField(db_default=0)
