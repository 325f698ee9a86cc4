"""The recommendation: units that would have covered the last 30 days (R16)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from accounts.models import Organization
from capacity.models import Kind, Lot, Snapshot, TokenUnit
from capacity.queries.catalogue import Listing
from capacity.usage.domain.coverage import Weights
from capacity.usage.domain.recommendation import CurvePoint, Demand
from capacity.usage.domain.windows import start_of
from capacity.usage.queries.coverage import whole_tokens
from capacity.usage.queries.demand import past_traffic, past_traffic_by_snapshot


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
    traffic = past_traffic(organization, snapshot, now=now)
    owned = owned_units(organization, snapshot)
    found = []
    for offer in listing.offers:
        weighted = {
            number: weights.weigh(offer.kind, uncached + cached, cached, output)
            for number, uncached, cached, output in traffic
        }
        demand = Demand(list(weighted.values()), tpm=offer.unit.tpm)
        found.append(
            Recommendation(
                kind=offer.kind,
                owned=owned.get(offer.kind, 0),
                needed=demand.needed,
                peak=_peak(weighted),
                curve=demand.curve(),
            )
        )
    return found


def owned_units(organization: Organization, snapshot: Snapshot) -> Mapping[str, int]:
    """Return the units of a snapshot that are active now, by kind."""
    held = Lot.objects.filter(organization=organization, snapshot=snapshot, active_units__gt=0)
    rows = held.order_by().values_list("kind").annotate(units=Sum("active_units"))
    return {kind: int(units) for kind, units in rows}


def recommended_units(
    organization: Organization, *, owned: Mapping[tuple[int, str], int], now: datetime
) -> dict[tuple[int, str], int]:
    """Return the units to buy of kinds of snapshots, of which so many are `owned` (R16).

    A key is the primary key of a snapshot and a kind. A kind that is not sold any more is left out.
    It takes the same statements for many snapshots as for one.
    """
    if not owned:
        return {}
    snapshots = {snapshot for snapshot, _ in owned}
    traffic = past_traffic_by_snapshot(organization, snapshots, now=now)
    recommended = {}
    for unit in TokenUnit.objects.filter(snapshot__in=snapshots).select_related("snapshot"):
        key, snapshot = (unit.snapshot_id, unit.kind), unit.snapshot
        weights = Weights.of(snapshot.cached_weight, snapshot.output_weight)
        weighted = [
            weights.weigh(unit.kind, uncached + cached, cached, output)
            for _, uncached, cached, output in traffic[unit.snapshot_id]
        ]
        if key in owned:
            needed = Demand(weighted, tpm=unit.tpm).needed
            recommended[key] = max(0, needed - owned[key])
    return recommended


def _peak(weighted: Mapping[int, int]) -> Peak | None:
    """Return the largest window, the earliest of equal ones; None without traffic."""
    number = max(sorted(weighted), key=lambda number: weighted[number], default=None)
    if number is None or not weighted[number]:
        return None
    return Peak(start_of(number), whole_tokens(weighted[number]))
