"""What is provisioned by model: units, TPM and what a service day costs now (R6, R9)."""

import pytest
from django.db.models import Sum
from pytest_django import DjangoAssertNumQueries

from billing.models import Charge
from capacity.models import Kind, ListPrice, TokenUnit
from capacity.operations.days import open_due_days
from capacity.queries.active_capacity import ModelCapacity, capacity_by_model
from tests.cast import GPT, GROK, Acme, at, day, load_catalogue, make_acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Acme:
    load_catalogue()
    return make_acme()


def costs_from(on: str, amount: int) -> None:
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    ListPrice.objects.create(token_unit=unit, from_on=day(on), amount=amount)


def held(acme: Acme, on: str) -> dict[str, ModelCapacity]:
    open_due_days(organization=acme.organization, now=at(on))
    return {
        entry.snapshot.model: entry for entry in capacity_by_model(acme.organization, on=day(on))
    }


def test_a_day_costs_what_each_lot_is_charged_for_it(acme: Acme) -> None:
    costs_from("2026-01-20", 1100)
    costs_from("2026-02-10", 1200)
    acme.buys("2026-01-10", input=2, output=1)
    acme.buys("2026-01-25", input=3)
    acme.buys("2026-01-31", GPT, input=1)
    for on, grok in {
        "2026-02-01": 2 * 1000 + 3 * 1100,
        "2026-02-09": 2 * 1100 + 3 * 1100,
        "2026-02-10": 2 * 1200 + 3 * 1100,
        "2026-02-24": 2 * 1200 + 3 * 1200,
    }.items():
        now = held(acme, on)
        assert (now[GROK].units[Kind.INPUT], now[GROK].tpm[Kind.INPUT]) == (5, 5 * 31_500)
        assert now[GROK].per_day.amount == grok + 1000
        charged = Charge.objects.filter(posted_on=on).aggregate(charged=Sum("amount"))
        assert sum(entry.per_day.amount for entry in now.values()) == charged["charged"]


def test_many_lots_are_read_by_as_many_queries_as_one(
    acme: Acme, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for bought, renewing in (("2026-01-10", "2026-02-10"), ("2026-02-05", "2026-03-10")):
        acme.buys(bought, input=1)
        acme.buys(bought, GPT, input=1, output=1)
        held(acme, renewing)
        with django_assert_num_queries(2):
            assert len(capacity_by_model(acme.organization, on=day(renewing))) == 2
