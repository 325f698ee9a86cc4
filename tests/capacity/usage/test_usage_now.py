"""Usage now: the last whole minute, in the tokens that count against the entitlement."""

from decimal import Decimal

import pytest

from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.queries.present import usage_now
from tests.cast import GPT, GROK, Acme, at

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10", "12:01")
COMBINED = "gpt-5.4"


def test_tokens_are_weighted_and_those_that_declined_capacity_are_only_requests(
    acme: Acme,
) -> None:
    acme.buys("2026-01-10", COMBINED, combined=2)
    acme.buys("2026-01-10", GROK, output=1)
    events = [
        UsageEvent("weighted", at("2026-01-10"), COMBINED, 1_000, 200),
        UsageEvent("declined", at("2026-01-10"), COMBINED, 9_000, 900, disable=True),
        UsageEvent("before", at("2026-01-10", "11:59"), COMBINED, 9_000, 900),
        UsageEvent("other", at("2026-01-10"), GPT, 9_000, 900),
    ]
    record_usage(organization=acme.organization, events=events, now=NOW, received_on=NOW.date())
    present = usage_now(acme.organization, now=NOW)
    assert present.start == at("2026-01-10")
    rows = [
        (row.model, row.requests, part.kind, part.tokens, part.entitled, part.percent)
        for row in present.models
        for part in row.kinds
    ]
    # An output token of this model counts as 6.
    assert rows == [
        (COMBINED, 2, "combined", 1_000 + 6 * 200, 100_000, Decimal("2.2")),
        (GROK, 0, "output", 0, 12_500, Decimal(0)),
    ]
