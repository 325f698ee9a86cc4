"""Coverage of windows from their minutes: what closing them stores and open ones show (R14)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef

from accounts.models import Organization
from capacity.models import Kind, Snapshot, TokenUnit
from capacity.usage.domain.coverage import COMBINED, SCALE, Covered, MinuteUse, Weights, cover
from capacity.usage.domain.windows import window_of
from capacity.usage.models import UsageMinute
from capacity.usage.queries.entitlement import entitlement

COLUMNS = (
    "minute",
    "project_id",
    "pool_id",
    "opted_out",
    "requests",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
)


def weights_of(snapshots: Iterable[int]) -> dict[int, tuple[Weights, bool]]:
    """Return the weights of snapshots, and whether combined units of them are sold."""
    is_combined = Exists(TokenUnit.objects.filter(snapshot=OuterRef("pk"), kind=Kind.COMBINED))
    rows = Snapshot.objects.filter(pk__in=snapshots).order_by()
    return {
        key: (Weights.of(cached, output), combined)
        for key, cached, output, combined in rows.values_list(
            "pk", "cached_weight", "output_weight", is_combined
        )
    }


def covered_minutes(
    organization: Organization, *, start: datetime, end: datetime | None = None
) -> Iterator[tuple[int, Covered, int]]:
    """Yield the minutes of the windows `[start, end)` with their coverage.

    Each comes with the primary key of its snapshot, and its weighted tokens: 0 unless combined
    units of the snapshot are sold.
    """
    rows = UsageMinute.objects.filter(organization=organization, minute__gte=start)
    if end is not None:
        rows = rows.filter(minute__lt=end)
    windows: defaultdict[tuple[int, datetime], list[MinuteUse]] = defaultdict(list)
    for snapshot, *columns in rows.values_list("snapshot_id", *COLUMNS):
        use = MinuteUse(*columns)
        windows[snapshot, window_of(use.minute)].append(use)
    if not windows:
        return
    weights = weights_of({snapshot for snapshot, _ in windows})
    entitled = entitlement(organization)
    for (snapshot, window), uses in windows.items():
        of_snapshot, is_combined = weights[snapshot]
        for covered in cover(uses, entitled.allowances(snapshot, window), of_snapshot):
            weighted = covered.use.weighted(COMBINED, of_snapshot) if is_combined else 0
            yield snapshot, covered, whole_tokens(weighted)


def whole_tokens(weighted: int) -> int:
    """Return ten-thousandths of a token as whole tokens, rounded half up."""
    return (weighted + SCALE // 2) // SCALE
