"""Coverage (R14), against a naive count minute by minute in fractions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from capacity.usage.domain.coverage import Covered, MinuteUse, Weights, cover
from capacity.usage.domain.windows import (
    MINUTE,
    WINDOW,
    closed_until,
    minute_of,
    window_of,
)

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
KINDS_OF_UNITS = [{}, {"input"}, {"output"}, {"input", "output"}, {"combined"}]


def use(minute: int = 0, project: int = 1, pool: int = 1, **tokens: int) -> MinuteUse:
    return MinuteUse(
        minute=NOON + minute * MINUTE,
        project=project,
        pool=pool,
        opted_out=bool(tokens.get("opted_out")),
        requests=1,
        input_tokens=tokens.get("input", 0),
        cached_tokens=tokens.get("cached", 0),
        output_tokens=tokens.get("output", 0),
    )


@st.composite
def windows(draw: st.DrawFn) -> tuple[list[MinuteUse], dict[int, dict[str, int]], Weights]:
    keys = st.tuples(st.integers(0, 14), st.integers(1, 3), st.integers(1, 2), st.booleans())
    uses = []
    for minute, project, pool, opted_out in draw(st.lists(keys, unique=True, max_size=25)):
        tokens = draw(st.integers(0, 5_000))
        uses.append(
            use(
                minute,
                project,
                pool,
                input=tokens,
                cached=draw(st.integers(0, tokens)),
                output=draw(st.integers(0, 2_000)),
                opted_out=opted_out,
            )
        )
    allowances = {
        pool: {kind: draw(st.integers(1, 20_000)) for kind in draw(st.sampled_from(KINDS_OF_UNITS))}
        for pool in (1, 2)
    }
    weight = st.decimals(0, 8, places=4)
    return uses, allowances, Weights.of(draw(weight), draw(weight))


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def naive(
    uses: Sequence[MinuteUse],
    allowances: Mapping[int, Mapping[str, int]],
    weights: Weights,
    start: datetime = NOON,
) -> dict[tuple[datetime, int, int, bool, str], int]:
    """The covered tokens of each minute, project, pool and kind of token.

    With `used_` before the kind, what they used of the allowance of units of that kind.
    """
    cached, output = Fraction(weights.cached, 10_000), Fraction(weights.output, 10_000)

    def weight(row: MinuteUse, token: str, kind: str) -> Fraction:
        if token == "output":
            return Fraction(row.output_tokens) * (output if kind == "combined" else 1)
        return row.input_tokens - row.cached_tokens + row.cached_tokens * cached

    covered: defaultdict[tuple[datetime, int, int, bool, str], int] = defaultdict(int)
    for pool, units in allowances.items():
        for kind, allowance in units.items():
            tokens = ["input", "output"] if kind == "combined" else [kind]
            left = Fraction(allowance)
            for minute in range(15):
                rows = [
                    row
                    for row in uses
                    if row.minute == start + minute * MINUTE
                    and row.pool == pool
                    and not row.opted_out
                ]
                whole = sum(
                    (weight(row, token, kind) for row in rows for token in tokens),
                    start=Fraction(0),
                )
                paid = min(left, whole)
                left -= paid
                for row in rows:
                    used = sum(
                        (weight(row, token, kind) for token in tokens), start=Fraction(0)
                    ) * (paid / whole if whole else 0)
                    key = (row.minute, row.project, row.pool, row.opted_out, f"used_{kind}")
                    covered[key] = half_up(used)
                    for token in tokens:
                        count = row.input_tokens if token == "input" else row.output_tokens
                        part = count * paid / whole if whole else Fraction(count)
                        key = (row.minute, row.project, row.pool, row.opted_out, token)
                        covered[key] = half_up(part)
    return covered


def by_key(results: Sequence[Covered]) -> dict[tuple[datetime, int, int, bool, str], int]:
    return {
        (row.use.minute, row.use.project, row.use.pool, row.use.opted_out, token): tokens
        for row in results
        for token, tokens in (
            ("input", row.input_tokens),
            ("output", row.output_tokens),
            ("used_input", row.used_input),
            ("used_output", row.used_output),
            ("used_combined", row.weighted),
        )
        if tokens
    }


@given(windows())
def test_coverage_is_what_a_naive_count_by_the_minute_finds(
    window: tuple[list[MinuteUse], dict[int, dict[str, int]], Weights],
) -> None:
    uses, allowances, weights = window
    expected = {key: tokens for key, tokens in naive(uses, allowances, weights).items() if tokens}
    assert by_key(cover(uses, allowances, weights)) == expected
    assert by_key(cover(uses[::-1], allowances, weights)) == expected


@given(windows())
def test_no_more_is_covered_than_was_used_or_allowed(
    window: tuple[list[MinuteUse], dict[int, dict[str, int]], Weights],
) -> None:
    uses, allowances, weights = window
    covered = cover(uses, allowances, weights)
    for row in covered:
        assert 0 <= row.input_tokens <= row.use.input_tokens
        assert 0 <= row.output_tokens <= row.use.output_tokens
    for pool, units in allowances.items():
        if "output" in units:
            # Each group is rounded by half a token at most.
            used = [row.output_tokens for row in covered if row.use.pool == pool]
            assert sum(used) <= units["output"] + len(used) / 2


def test_projects_share_the_minute_in_which_the_allowance_runs_out() -> None:
    uses = [
        use(0, input=600),
        use(1, project=1, input=300),
        use(1, project=2, input=900),
        use(2, input=1),
    ]
    covered = cover(uses, {1: {"input": 1_000}}, Weights())
    assert [row.input_tokens for row in covered] == [600, 100, 300, 0]


def test_cached_tokens_count_their_weight_and_output_its_own_in_combined_units() -> None:
    weights = Weights.of(Decimal("0.25"), Decimal(6))
    [row] = cover([use(input=1_000, cached=400, output=100)], {1: {"combined": 650}}, weights)
    assert (row.input_tokens, row.output_tokens, row.weighted) == (500, 50, 650)


def test_tokens_without_weight_need_no_allowance() -> None:
    free = Weights.of(Decimal(0), None)
    assert free == Weights(cached=0)
    [row, later] = cover([use(input=7, cached=7), use(1, input=2)], {1: {"input": 1}}, free)
    assert (row.input_tokens, row.output_tokens, row.weighted) == (7, 0, 0)
    assert later.input_tokens == 1


def test_a_pool_without_units_and_whoever_opted_out_is_on_the_account_plan() -> None:
    uses = [use(pool=2, input=10, output=10), use(input=10, output=10, opted_out=1)]
    covered = cover(uses, {1: {"input": 100}}, Weights())
    assert [(row.input_tokens, row.output_tokens) for row in covered] == [(0, 0), (0, 0)]


def test_a_request_belongs_to_the_minute_in_which_it_came() -> None:
    assert minute_of(NOON.replace(second=59, microsecond=999_999)) == NOON


def test_a_window_closes_an_hour_after_its_end() -> None:
    assert window_of(NOON + 14 * MINUTE) == NOON
    assert closed_until(NOON + WINDOW + 60 * MINUTE) == NOON + WINDOW
    assert closed_until(NOON + WINDOW + 59 * MINUTE) == NOON
