"""Fixtures of billing: Stripe, and Acme with an issued invoice."""

from collections.abc import Iterator

import pytest

from tests.billing.stripe_cast import ISSUED, Stripe, running_stripe
from tests.cast import GPT, Acme, make_acme


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    """The stand-in for Stripe; the settings name it."""
    with running_stripe() as stripe:
        yield stripe


@pytest.fixture
def invoiced_acme(catalogue: None) -> Acme:
    """Acme at a discount of 12.5%, with one invoice, issued on 2026-02-01."""
    acme = make_acme(discount="12.5")
    acme.buys("2026-01-10", input=3, output=1)
    acme.buys("2026-01-31", GPT, input=1)
    acme.open_days(f"{ISSUED:%Y-%m-%d}")
    return acme
