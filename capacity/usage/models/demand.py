"""Demand: the sums of closed windows that a replay of 30 days reads (R16)."""

import pgtrigger
from django.db import models

from accounts.models import Organization
from capacity.models import Snapshot

ADD_TO_DEMAND = """
    INSERT INTO usage_usagedemand (
        organization_id, snapshot_id, starts_at, input_tokens, cached_tokens, output_tokens
    )
    SELECT organization_id, snapshot_id, starts_at,
        sum(input_tokens), sum(cached_tokens), sum(output_tokens)
    FROM ({rows}) counted WHERE NOT opted_out
    GROUP BY organization_id, snapshot_id, starts_at
    ON CONFLICT (organization_id, snapshot_id, starts_at) DO UPDATE SET
        input_tokens = usage_usagedemand.input_tokens + excluded.input_tokens,
        cached_tokens = usage_usagedemand.cached_tokens + excluded.cached_tokens,
        output_tokens = usage_usagedemand.output_tokens + excluded.output_tokens;
"""

FORGET_OLD_DEMAND = """
    DELETE FROM usage_usagedemand demand USING (
        SELECT organization_id, snapshot_id, max(starts_at) AS newest FROM added
        GROUP BY organization_id, snapshot_id
    ) grown
    WHERE demand.organization_id = grown.organization_id
      AND demand.snapshot_id = grown.snapshot_id
      AND demand.starts_at < grown.newest - interval '31 days';
"""
"""Events come up to 30 days late, so what is forgotten cannot grow again."""

SUBTRACT_BEFORE = """
    SELECT organization_id, snapshot_id, starts_at, opted_out,
        input_tokens, cached_tokens, output_tokens FROM after
    UNION ALL
    SELECT organization_id, snapshot_id, starts_at, opted_out,
        -input_tokens, -cached_tokens, -output_tokens FROM before
"""


def demand_triggers() -> list[pgtrigger.Trigger]:
    """Return the triggers of closed windows that keep their sums, whatever writes windows."""
    return [
        pgtrigger.Trigger(
            name="adds_to_demand",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
            func=ADD_TO_DEMAND.format(rows="TABLE added") + FORGET_OLD_DEMAND + "RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="changes_demand",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Update,
            referencing=pgtrigger.Referencing(old="before", new="after"),  # type: ignore[no-untyped-call]
            func=ADD_TO_DEMAND.format(rows=SUBTRACT_BEFORE) + "RETURN NULL;",
        ),
    ]


class UsageDemand(models.Model):
    """The closed windows of a snapshot, all projects and pools together, for about a month (R16).

    Requests that declined capacity are left out. Triggers of windows keep it, so that a replay of
    30 days reads one row a window, however many groups it had.
    """

    pk = models.CompositePrimaryKey("organization_id", "snapshot_id", "starts_at")
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
    starts_at = models.DateTimeField()
    input_tokens = models.BigIntegerField(help_text="All input tokens, cached ones included.")
    cached_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
