"""Usage by the minute, the closed window and the day; every key is led by the organization.

Events, minutes and windows are partitioned by month (`usage_keep_partitions`, a function of the
database). Their rows refer to projects and pools without a foreign key: these tables grow fastest,
and shard by organization.
"""

from typing import ClassVar

from django.db import models

from accounts.models import Organization
from capacity.models import Snapshot

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


class UsageDay(Coverage):
    """The sum of the closed windows of a service day. Kept for ever."""

    pk = models.CompositePrimaryKey(
        "organization_id", "day", "snapshot_id", "project_id", "pool_id", "opted_out"
    )
    day = models.DateField()
