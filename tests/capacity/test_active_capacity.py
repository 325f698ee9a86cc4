"""Active capacity by model: units, TPM and what a service day costs now (R6, R9)."""

import pytest
from django.db.models import Sum
from pytest_django import DjangoAssertNumQueries

from billing.models import Charge
from capacity.models import Kind, ListPrice, TokenUnit
from capacity.queries.active_capacity import ModelCapacity, capacity_by_model
from tests.cast import GPT, GROK, Acme, day

pytestmark = pytest.mark.django_db


def set_list_price(from_on: str, amount: int) -> None:
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    ListPrice.objects.create(token_unit=unit, from_on=day(from_on), amount=amount)


def active_capacity(acme: Acme, on: str) -> dict[str, ModelCapacity]:
    acme.open_days(on)
    return {
        capacity.snapshot.model: capacity
        for capacity in capacity_by_model(acme.organization, on=day(on))
    }


def test_a_day_costs_what_each_lot_is_charged_for_it(acme: Acme) -> None:
    set_list_price("2026-01-20", 1100)
    set_list_price("2026-02-10", 1200)
    acme.buys("2026-01-10", input=2, output=1)
    acme.buys("2026-01-25", input=3)
    acme.buys("2026-01-31", GPT, input=1)
    for on, cost_of_input in {
        "2026-02-01": 2 * 1000 + 3 * 1100,
        "2026-02-09": 2 * 1100 + 3 * 1100,
        "2026-02-10": 2 * 1200 + 3 * 1100,
        "2026-02-24": 2 * 1200 + 3 * 1200,
    }.items():
        active = active_capacity(acme, on)
        grok = active[GROK]
        assert (grok.units[Kind.INPUT], grok.tpm[Kind.INPUT]) == (5, 5 * 31_500)
        assert grok.per_day.amount == cost_of_input + 1000
        charges = Charge.objects.filter(posted_on=on).aggregate(total=Sum("amount"))
        assert sum(capacity.per_day.amount for capacity in active.values()) == charges["total"]


def test_many_lots_take_no_more_queries(
    acme: Acme, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for bought_on, renewed_on in (("2026-01-10", "2026-02-10"), ("2026-02-05", "2026-03-10")):
        acme.buys(bought_on, input=1)
        acme.buys(bought_on, GPT, input=1, output=1)
        active_capacity(acme, renewed_on)
        with django_assert_num_queries(3):
            assert len(capacity_by_model(acme.organization, on=day(renewed_on))) == 2
