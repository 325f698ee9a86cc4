"""Traffic of many days, whose windows close as they do when the worker comes after an outage."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from capacity.models import Snapshot, TokenUnit
from capacity.usage.domain.windows import MINUTES_OF_WINDOW
from capacity.usage.models import DEFAULT_POOL, OrganizationUsage, UsageMinute
from capacity.usage.operations.windows import SUMS, add_rows, lock_usage
from tests.cast import GROK, Acme


def allowance(units: int, kind: str = "output", model: str = GROK) -> int:
    """The tokens that units allow in a window."""
    return units * TokenUnit.objects.get(snapshot__model=model, kind=kind).tpm * MINUTES_OF_WINDOW


def output_came(
    acme: Acme, tokens: Mapping[datetime, int], *, now: datetime, model: str = GROK
) -> None:
    """Acme has had output tokens in minutes, in time, and every window due by `now` is closed."""
    project = acme.organization.projects.get(is_default=True).pk
    group = (Snapshot.objects.get(model=model).pk, project, DEFAULT_POOL, False)
    rows = {(minute, group): (1, 0, 0, output) for minute, output in tokens.items()}
    with transaction.atomic():
        OrganizationUsage.objects.get_or_create(
            organization=acme.organization, defaults={"closed_until": min(tokens)}
        )
        add_rows(UsageMinute, acme.organization, "minute", "timestamptz", rows, SUMS[:4])
        lock_usage(acme.organization, now=now)
