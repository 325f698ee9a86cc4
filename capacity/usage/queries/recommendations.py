"""The recommendation: units that would have covered the last 30 days (R16)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Subquery, Sum

from accounts.models import Organization
from capacity.models import Kind, Lot, Snapshot
from capacity.queries.catalogue import Listing
from capacity.usage.domain.coverage import MinuteUse, Weights
from capacity.usage.domain.recommendation import CurvePoint, Demand
from capacity.usage.domain.windows import WINDOW, WINDOWS_OF_DAY, window_of
from capacity.usage.models import OrganizationUsage, UsageMinute, UsageWindow
from capacity.usage.queries.coverage import whole_tokens

WINDOWS = 30 * WINDOWS_OF_DAY
"""The last 30 days: the windows that end with the present one."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The window with the most weighted tokens of a kind."""

    start: datetime
    tokens: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """How many units of a kind would have covered the last 30 days, and how many to buy."""

    kind: Kind
    owned: int
    needed: int
    peak: Peak | None
    curve: Sequence[CurvePoint]

    @property
    def recommended(self) -> int:
        """Return the units to buy: what is missing, never below 0."""
        return max(0, self.needed - self.owned)


def recommendations(
    organization: Organization, *, listing: Listing, now: datetime
) -> list[Recommendation]:
    """Return the recommendation for each kind that the snapshot is sold in (R16).

    It counts all pools together, in weighted tokens, and leaves out requests that declined
    capacity. `now` is the organization's time.
    """
    snapshot = listing.snapshot
    weights = Weights.of(snapshot.cached_weight, snapshot.output_weight)
    windows = _tokens_by_window(organization, snapshot, now)
    held = Lot.objects.filter(organization=organization, snapshot=snapshot, active_units__gt=0)
    owned = dict(held.order_by().values_list("kind").annotate(units=Sum("active_units")))
    found = []
    for offer in listing.offers:
        weighted = {start: use.weighted(offer.kind, weights) for start, use in windows.items()}
        demand = Demand(list(weighted.values()), tpm=offer.unit.tpm)
        found.append(
            Recommendation(
                kind=offer.kind,
                owned=int(owned.get(offer.kind, 0)),
                needed=demand.needed,
                peak=_peak(weighted),
                curve=demand.curve(),
            )
        )
    return found


def _peak(weighted: Mapping[datetime, int]) -> Peak | None:
    """Return the largest window, the earliest of equal ones; None without traffic."""
    start = max(sorted(weighted), key=lambda start: weighted[start], default=None)
    if start is None or not weighted[start]:
        return None
    return Peak(start, whole_tokens(weighted[start]))


def _tokens_by_window(
    organization: Organization, snapshot: Snapshot, now: datetime
) -> dict[datetime, MinuteUse]:
    """Return what was used in each of the windows with traffic, as one group."""
    last = window_of(now)
    first = last - (WINDOWS - 1) * WINDOW
    sums: defaultdict[datetime, list[int]] = defaultdict(lambda: [0, 0, 0])
    of_snapshot = {"organization": organization, "snapshot": snapshot, "opted_out": False}
    columns = ("input_tokens", "cached_tokens", "output_tokens")
    open_from = OrganizationUsage.objects.filter(organization=organization).values("closed_until")
    still_open = UsageMinute.objects.filter(minute__gte=Subquery(open_from))
    for time, rows in (
        ("starts_at", UsageWindow.objects.filter(starts_at__gte=first, **of_snapshot)),
        ("minute", still_open.filter(minute__gte=first, **of_snapshot)),
    ):
        for at, *tokens in rows.values_list(time, *columns):
            if (window := window_of(at)) <= last:
                sums[window] = [sum(pair) for pair in zip(sums[window], tokens, strict=True)]
    return {start: _as_one(start, *tokens) for start, tokens in sums.items()}


def _as_one(start: datetime, tokens: int, cached: int, output: int) -> MinuteUse:
    return MinuteUse(
        minute=start,
        project=0,
        pool=0,
        opted_out=False,
        requests=0,
        input_tokens=tokens,
        cached_tokens=cached,
        output_tokens=output,
    )
