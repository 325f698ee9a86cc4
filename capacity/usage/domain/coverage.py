"""Coverage: which tokens of a window were paid for by capacity (R14).

It is exact. Weights have four decimals, so weighted tokens are counted in ten-thousandths, as whole
numbers. Within a minute every project has the same share covered, in proportion to its tokens, so a
minute of a pool has one share for each kind of unit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

SCALE = 10_000
"""Weighted tokens are counted in this fraction of a token."""

INPUT, OUTPUT, COMBINED = KINDS = "input", "output", "combined"


@dataclass(frozen=True, slots=True)
class Weights:
    """What the tokens of a snapshot count against an allowance, in ten-thousandths of a token."""

    cached: int = SCALE
    output: int = SCALE
    """What an output token counts in combined units; in output units it counts 1."""

    @classmethod
    def of(cls, cached: Decimal, output: Decimal | None) -> "Weights":
        """Return the weights of a snapshot; `output` is None where it has no combined units."""
        return cls(int(cached * SCALE), SCALE if output is None else int(output * SCALE))

    def weigh(self, kind: str, input_tokens: int, cached_tokens: int, output_tokens: int) -> int:
        """Return what tokens count against units of a kind, in ten-thousandths of a token.

        `input_tokens` counts all input tokens, `cached_tokens` those of them that were cached.
        """
        of_kinds = self.weigh_all(input_tokens, cached_tokens, output_tokens)
        return of_kinds[KINDS.index(kind)]

    def weigh_all(
        self, input_tokens: int, cached_tokens: int, output_tokens: int
    ) -> tuple[int, int, int]:
        """Return what tokens count against units of each kind, in the order of `KINDS`."""
        from_input = (input_tokens - cached_tokens) * SCALE + cached_tokens * self.cached
        return from_input, output_tokens * SCALE, from_input + output_tokens * self.output


@dataclass(frozen=True, slots=True)
class MinuteUse:
    """The requests of one project to one pool of a snapshot, admitted in one minute.

    `input_tokens` counts all input tokens, `cached_tokens` those of them that were cached.
    """

    minute: datetime
    project: int
    pool: int
    opted_out: bool
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int

    def weighted(self, kind: str, weights: Weights) -> int:
        """Return what the tokens count against units of a kind, in ten-thousandths of a token."""
        return weights.weigh(kind, self.input_tokens, self.cached_tokens, self.output_tokens)


@dataclass(frozen=True, slots=True)
class Covered:
    """The tokens of a group that capacity covered; the rest is account plan. Whole tokens.

    `weighted` is what combined units covered, in weighted tokens; 0 without such units. In the same
    way `used_input` and `used_output` are what the tokens used of the allowance of input and of
    output units.
    """

    use: MinuteUse
    input_tokens: int
    output_tokens: int
    weighted: int
    used_input: int
    used_output: int


Allowances = Mapping[int, Mapping[str, int]]
"""The tokens that each pool is entitled to in a window, by kind of unit."""

Share = tuple[int, int]
"""A fraction: what is covered of a minute, and all of it."""

NOTHING: Share = (0, 1)


def cover(uses: Iterable[MinuteUse], allowances: Allowances, weights: Weights) -> list[Covered]:
    """Return what capacity covered of the uses of one snapshot in one window (R14).

    A pool with combined units covers input and output tokens with them. A pool with input or output
    units covers each with its own kind.
    """
    groups = list(uses)
    shares = _shares(groups, allowances, weights)
    return [_covered(use, allowances.get(use.pool, {}), shares, weights) for use in groups]


def _shares(
    uses: Sequence[MinuteUse], allowances: Allowances, weights: Weights
) -> Mapping[tuple[int, str, datetime], Share]:
    """Return the covered share of each minute, by pool and kind of unit."""
    shares: dict[tuple[int, str, datetime], Share] = {}
    for (pool, kind), minutes in demands(uses, allowances, weights).items():
        left = allowances[pool][kind] * SCALE
        for minute in sorted(minutes):
            demand = minutes[minute]
            covered = min(left, demand)
            shares[pool, kind, minute] = (covered, demand) if demand else (1, 1)
            left -= covered
    return shares


def demands(
    uses: Iterable[MinuteUse], allowances: Allowances, weights: Weights
) -> Mapping[tuple[int, str], Mapping[datetime, int]]:
    """Return what each minute asks of an allowance, by pool and kind of unit.

    It is in ten-thousandths of a token, and leaves out requests that declined capacity.
    """
    asked: defaultdict[tuple[int, str], defaultdict[datetime, int]] = defaultdict(
        lambda: defaultdict(int)
    )
    for use in uses:
        if not use.opted_out:
            for kind in allowances.get(use.pool, {}):
                asked[use.pool, kind][use.minute] += use.weighted(kind, weights)
    return asked


def _covered(
    use: MinuteUse,
    allowances: Mapping[str, int],
    shares: Mapping[tuple[int, str, datetime], Share],
    weights: Weights,
) -> Covered:
    has_combined = COMBINED in allowances

    def share(kind: str) -> Share:
        counted_by = COMBINED if has_combined else kind
        if use.opted_out:
            return NOTHING
        return shares.get((use.pool, counted_by, use.minute), NOTHING)

    def used(kind: str) -> int:
        if has_combined != (kind == COMBINED):
            return 0
        covered, whole = share(kind)
        return _part(use.weighted(kind, weights), (covered, whole * SCALE))

    return Covered(
        use,
        input_tokens=_part(use.input_tokens, share(INPUT)),
        output_tokens=_part(use.output_tokens, share(OUTPUT)),
        weighted=used(COMBINED),
        used_input=used(INPUT),
        used_output=used(OUTPUT),
    )


def _part(tokens: int, share: Share) -> int:
    """Return the share of the tokens, rounded half up to a whole token."""
    covered, whole = share
    return (2 * tokens * covered + whole) // (2 * whole)
