"""Exhaustion (R14): an allowance was not enough exactly when capacity left something uncovered."""

from datetime import timedelta

from hypothesis import given

from capacity.usage.domain.coverage import SCALE, MinuteUse, Weights, cover
from capacity.usage.domain.exhaustion import Exhaustion, exhaustions
from capacity.usage.domain.windows import MINUTE
from tests.capacity.usage.domain.test_coverage import NOON, use, windows


@given(windows())
def test_an_allowance_runs_out_in_the_minute_from_which_nothing_more_is_covered(
    window: tuple[list[MinuteUse], dict[int, dict[str, int]], Weights],
) -> None:
    uses, allowances, weights = window
    for found in exhaustions(uses, allowances, weights):
        asking = [use for use in uses if use.pool == found.pool and not use.opted_out]

        def asked(
            until: timedelta, asking: list[MinuteUse] = asking, kind: str = found.kind
        ) -> int:
            return sum(use.weighted(kind, weights) for use in asking if use.minute < NOON + until)

        allowed = found.allowance * SCALE
        ran_out = found.ran_out_at - NOON
        assert asked(ran_out) < allowed <= asked(ran_out + MINUTE)
        assert (found.used - 1) * SCALE < asked(timedelta(minutes=15)) <= found.used * SCALE
        assert found.used > found.allowance == allowances[found.pool][found.kind]
        assert found.minutes * MINUTE == timedelta(minutes=15) - ran_out
    exhausted = {(found.pool, found.kind) for found in exhaustions(uses, allowances, weights)}
    for row in cover(uses, allowances, weights):
        kinds = allowances.get(row.use.pool, {})
        if row.use.opted_out or not kinds:
            continue
        for kind, left in (
            ("input", row.use.input_tokens - row.input_tokens),
            ("output", row.use.output_tokens - row.output_tokens),
        ):
            counted_by = "combined" if "combined" in kinds else kind
            assert not left or counted_by not in kinds or (row.use.pool, counted_by) in exhausted


def test_a_window_used_to_its_last_token_is_not_exhausted() -> None:
    allowances = {1: {"input": 30}}
    uses = [use(3, input=10), use(9, project=2, input=20), use(11, input=7, opted_out=True)]
    assert exhaustions(uses, allowances, Weights()) == []
    weights = Weights(cached=9_999)
    nearly = [use(3, input=1, cached=1), use(9, input=1)]
    assert exhaustions(nearly, {1: {"input": 1}}, weights) == [
        Exhaustion(pool=1, kind="input", allowance=1, used=2, ran_out_at=NOON + 9 * MINUTE)
    ]
    assert exhaustions([*uses, use(14, input=1)], allowances, Weights()) == [
        Exhaustion(pool=1, kind="input", allowance=30, used=31, ran_out_at=NOON + 9 * MINUTE)
    ]
