"""The usage of the last whole minute, against what the organization is entitled to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Sum

from accounts.models import Organization
from capacity.models import Kind
from capacity.queries.catalogue import KIND_ORDER
from capacity.queries.lots import active_lots
from capacity.usage.domain.coverage import MinuteUse, Weights
from capacity.usage.domain.windows import MINUTE, minute_of
from capacity.usage.models import UsageMinute
from capacity.usage.queries.coverage import COLUMNS, weights_of, whole_tokens


@dataclass(frozen=True, slots=True)
class TokensNow:
    """Weighted tokens in a minute, which count against the units of a kind.

    `entitled` is the TPM of all active units of the kind.
    """

    kind: Kind
    tokens: int
    entitled: int

    @property
    def percent(self) -> Decimal:
        """Return the used percentage of the entitlement, rounded down."""
        return Decimal(self.tokens * 1000 // self.entitled) / 10


@dataclass(frozen=True, slots=True)
class ModelNow:
    """Requests per minute of a snapshot, and the tokens of each kind with active units."""

    model: str
    requests: int
    kinds: Sequence[TokensNow]


@dataclass(frozen=True, slots=True)
class UsageNow:
    """The minute that `start` begins, by model: those with active units."""

    start: datetime
    models: Sequence[ModelNow]


Used = Mapping[str, Sequence[tuple[int, MinuteUse]]]
"""What was used in a minute, by the id of the snapshot, each with the snapshot's primary key."""


def usage_now(organization: Organization, *, now: datetime) -> UsageNow:
    """Return the usage of the last whole minute before `now`, the organization's time.

    Tokens are weighted, so that they compare with the entitlement (R14). Requests that declined
    capacity count as requests, but their tokens do not.
    """
    start = minute_of(now) - MINUTE
    used = _used(organization, start)
    weights = weights_of({snapshot for uses in used.values() for snapshot, _ in uses})
    entitled: dict[str, dict[Kind, int]] = {}
    for model, kind, tpm in (
        active_lots(organization)
        .order_by()
        .values_list("snapshot__model", "kind")
        .annotate(total_tpm=Sum(F("active_units") * F("tpm_per_unit")))
    ):
        entitled.setdefault(model, {})[Kind(kind)] = int(tpm)
    return UsageNow(
        start,
        [
            ModelNow(
                model,
                sum(use.requests for _, use in used.get(model, ())),
                [
                    TokensNow(kind, _tokens(kind, used.get(model, ()), weights), by_kind[kind])
                    for kind in sorted(by_kind, key=KIND_ORDER.__getitem__)
                ],
            )
            for model, by_kind in sorted(entitled.items())
        ],
    )


def _used(organization: Organization, minute: datetime) -> Used:
    used: defaultdict[str, list[tuple[int, MinuteUse]]] = defaultdict(list)
    rows = UsageMinute.objects.filter(organization=organization, minute=minute)
    for model, snapshot, *columns in rows.values_list("snapshot__model", "snapshot_id", *COLUMNS):
        used[model].append((snapshot, MinuteUse(*columns)))
    return used


def _tokens(
    kind: Kind,
    uses: Iterable[tuple[int, MinuteUse]],
    weights: Mapping[int, tuple[Weights, bool]],
) -> int:
    return whole_tokens(
        sum(use.weighted(kind, weights[snapshot][0]) for snapshot, use in uses if not use.opted_out)
    )
