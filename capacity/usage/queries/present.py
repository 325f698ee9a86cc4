"""The usage of the last whole minute, against what the organization is entitled to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Sum

from accounts.models import Organization
from capacity.models import Kind
from capacity.queries.catalogue import KIND_ORDER
from capacity.queries.lots import active_lots
from capacity.usage.domain.windows import MINUTE, minute_of
from capacity.usage.models import UsageMinute


@dataclass(frozen=True, slots=True)
class TokensNow:
    """Tokens of one kind in a minute. `entitled` is the TPM of all active units of the kind."""

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


COLUMNS = ("requests", "input_tokens", "output_tokens")


def usage_now(organization: Organization, *, now: datetime) -> UsageNow:
    """Return the usage of the last whole minute before `now`, the organization's time.

    Tokens of combined units are input and output together, without weights.
    """
    start = minute_of(now) - MINUTE
    used = {
        model: dict(zip(COLUMNS, map(int, sums), strict=True))
        for model, *sums in UsageMinute.objects.filter(organization=organization, minute=start)
        .order_by()
        .values_list("snapshot__model")
        .annotate(**{f"sum_{column}": Sum(column) for column in COLUMNS})
    }
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
                model, used.get(model, {}).get("requests", 0), _kinds(by_kind, used.get(model))
            )
            for model, by_kind in sorted(entitled.items())
        ],
    )


def _kinds(entitled: Mapping[Kind, int], used: Mapping[str, int] | None) -> list[TokensNow]:
    sums = used or dict.fromkeys(COLUMNS, 0)
    tokens = {
        Kind.INPUT: sums["input_tokens"],
        Kind.OUTPUT: sums["output_tokens"],
        Kind.COMBINED: sums["input_tokens"] + sums["output_tokens"],
    }
    return [
        TokensNow(kind, tokens[kind], tpm)
        for kind, tpm in sorted(entitled.items(), key=lambda item: KIND_ORDER[item[0]])
    ]
