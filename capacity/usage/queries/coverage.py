"""Coverage of windows from their minutes: what closing them stores and open ones show (R14)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Subquery

from accounts.models import Organization
from capacity.models import Kind, Snapshot, TokenUnit
from capacity.usage.domain.coverage import (
    COMBINED,
    SCALE,
    Allowances,
    Covered,
    MinuteUse,
    Weights,
    cover,
)
from capacity.usage.domain.exhaustion import Exhaustion, exhaustions
from capacity.usage.domain.windows import window_of
from capacity.usage.models import OrganizationUsage, UsageMinute
from capacity.usage.queries.entitlement import Entitlement, entitlement

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


WeightsBySnapshot = Mapping[int, tuple[Weights, bool]]
"""The weights of snapshots, by primary key, and whether combined units of them are sold."""


def weights_of(snapshots: Iterable[int]) -> WeightsBySnapshot:
    """Return the weights of snapshots."""
    is_combined = Exists(TokenUnit.objects.filter(snapshot=OuterRef("pk"), kind=Kind.COMBINED))
    rows = Snapshot.objects.filter(pk__in=snapshots).order_by()
    return {
        key: (Weights.of(cached, output), combined)
        for key, cached, output, combined in rows.values_list(
            "pk", "cached_weight", "output_weight", is_combined
        )
    }


def closed_until_now(organization: Organization) -> Subquery:
    """Return the start of the first open window, as an expression of a statement.

    Windows close at any time: what is read in the same statement agrees with it. The minutes of a
    window are kept for long after it has closed.
    """
    usage = OrganizationUsage.objects.filter(organization=organization)
    return Subquery(usage.values("closed_until"))


@dataclass(frozen=True, slots=True)
class WindowMinutes:
    """The minutes of a snapshot in one window, and what they may use."""

    snapshot: int
    start: datetime
    uses: Sequence[MinuteUse]
    allowances: Allowances
    weights: Weights
    is_combined: bool
    """Whether combined units of the snapshot are sold."""

    def covered(self) -> Iterator[tuple[Covered, int]]:
        """Yield the minutes with their coverage and their weighted tokens.

        Those are 0 unless combined units of the snapshot are sold.
        """
        for row in cover(self.uses, self.allowances, self.weights):
            weighted = row.use.weighted(COMBINED, self.weights) if self.is_combined else 0
            yield row, whole_tokens(weighted)

    def exhaustions(self) -> list[Exhaustion]:
        """Return the allowances that were not enough."""
        return exhaustions(self.uses, self.allowances, self.weights)


def windows_of_minutes(
    organization: Organization,
    *,
    start: datetime | Subquery,
    end: datetime | None = None,
    snapshot: int | None = None,
    entitled: Entitlement | None = None,
    weights: WeightsBySnapshot | None = None,
) -> Iterator[WindowMinutes]:
    """Yield the windows `[start, end)` of each snapshot, or of one, whose minutes are kept.

    The entitlement of the organization and the weights are read unless they are given. Snapshots
    that are not among given weights are left out.
    """
    rows = UsageMinute.objects.filter(organization=organization, minute__gte=start)
    if end is not None:
        rows = rows.filter(minute__lt=end)
    if snapshot is not None:
        rows = rows.filter(snapshot=snapshot)
    if weights is not None:
        rows = rows.filter(snapshot__in=weights)
    windows: defaultdict[tuple[int, datetime], list[MinuteUse]] = defaultdict(list)
    # In the order of the index: PostgreSQL, which cannot know how many minutes follow a subquery's
    # instant, then reads only these.
    for of_snapshot, *columns in rows.order_by("minute").values_list("snapshot_id", *COLUMNS):
        use = MinuteUse(*columns)
        windows[of_snapshot, window_of(use.minute)].append(use)
    if not windows:
        return
    if weights is None:
        weights = weights_of({of_snapshot for of_snapshot, _ in windows})
    entitled = entitled or entitlement(organization)
    for (of_snapshot, window), uses in windows.items():
        allowances = entitled.allowances(of_snapshot, window)
        yield WindowMinutes(of_snapshot, window, uses, allowances, *weights[of_snapshot])


def whole_tokens(weighted: int) -> int:
    """Return ten-thousandths of a token as whole tokens, rounded half up."""
    return (weighted + SCALE // 2) // SCALE
