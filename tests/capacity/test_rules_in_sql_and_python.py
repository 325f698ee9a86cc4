"""Rules that exist in SQL, to open a day of many lots, and in Python, to foresee days to come.

Whatever the dates, both have the same result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billing.domain.order_forms import Discounts, form_in_force, order_form_spans
from billing.models import Charge, ModelDiscount, OrderForm, OrderFormTermination
from billing.operations.charges import post_charges
from billing.queries.order_forms import order_forms_in_force, signed_forms
from billing.queries.standing import standing
from capacity.domain.renewals import PriceAgreement, known_end
from capacity.models import Cancellation, Expiry, ListPrice, Lot, Purchase, Snapshot, TokenUnit
from capacity.operations.days import open_day
from capacity.operations.renewals import first_term_charges
from capacity.queries.catalogue import lot_price
from tests.cast import GPT, GROK, Acme, at, day, make_acme

pytestmark = pytest.mark.django_db

START = day("2026-01-10")
DAYS = 14
"""Everything happens on one of these days, so that dates often meet."""

SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

days = st.integers(0, DAYS).map(lambda number: START + timedelta(days=number))
percentages = st.sampled_from([Decimal(0), Decimal("12.5"), Decimal(100)])


@dataclass(frozen=True)
class Form:
    """An order form in a test; `length` None has no end."""

    starts_on: date
    length: int | None
    is_signed: bool
    general: Decimal
    for_grok: Decimal | None
    ends_early: int | None = None


forms = st.lists(
    st.builds(
        Form,
        starts_on=days,
        length=st.none() | st.integers(1, DAYS),
        is_signed=st.booleans(),
        general=percentages,
        for_grok=st.none() | percentages,
        ends_early=st.none() | st.integers(0, DAYS),
    ),
    max_size=4,
)


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme with an order form that is not signed."""
    return make_acme(signed=False)


@contextmanager
def undone() -> Iterator[None]:
    """Undo what one example writes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def make_forms(acme: Acme, forms: list[Form]) -> None:
    for terms in forms:
        ends_on = terms.starts_on + timedelta(days=terms.length) if terms.length else None
        form = OrderForm.objects.create(
            organization=acme.organization,
            created_at=at("2026-01-01"),
            starts_on=terms.starts_on,
            ends_on=ends_on,
            discount_percent=terms.general,
        )
        if terms.for_grok is not None:
            ModelDiscount.objects.create(
                order_form=form, model=GROK, discount_percent=terms.for_grok
            )
        if terms.is_signed:
            form.signed_at = at("2026-01-01")
            form.save()
        if terms.is_signed and terms.ends_early is not None:
            OrderFormTermination.objects.create(
                order_form=form,
                ends_on=terms.starts_on
                + timedelta(days=min(terms.ends_early, terms.length or DAYS)),
                reason="It was agreed.",
                terminated_at=at("2026-01-01"),
            )


def make_lot(
    acme: Acme,
    *,
    starts_on: date = START,
    first_term_ends_on: date = START + timedelta(days=1),
    commitment_ends_on: date = START + timedelta(days=1),
    model: str = GROK,
) -> Lot:
    snapshot = Snapshot.objects.get(model=model)
    pool = acme.organization.pools.create(
        snapshot=snapshot, name="Default pool", is_default=True, created_at=at("2026-01-01")
    )
    parts = {
        "organization": acme.organization,
        "snapshot": snapshot,
        "project": acme.organization.projects.get(),
        "pool": pool,
        "currency": "usd",
    }
    purchase = Purchase.objects.create(
        created_at=at("2026-01-01"), created_by=acme.alice.person, amount=0, **parts
    )
    return Lot.objects.create(
        purchase=purchase,
        kind="input",
        units=5,
        active_units=5,
        tpm_per_unit=1,
        price_per_day=777,
        starts_on=starts_on,
        first_term_ends_on=first_term_ends_on,
        commitment_ends_on=commitment_ends_on,
        charged_until=first_term_ends_on,
        **parts,
    )


@given(
    first_term=st.integers(1, DAYS),
    commitment=st.integers(1, DAYS),
    prices=st.dictionaries(days, st.integers(0, 5), max_size=4),
    on=days,
)
@SETTINGS
def test_sql_and_python_find_the_same_price_of_a_day(  # R6
    acme: Acme, first_term: int, commitment: int, prices: dict[date, int], on: date
) -> None:
    with undone():
        lot = make_lot(
            acme,
            first_term_ends_on=START + timedelta(days=first_term),
            commitment_ends_on=START + timedelta(days=commitment),
        )
        unit = TokenUnit.objects.get(snapshot=lot.snapshot, kind=lot.kind)
        ListPrice.objects.bulk_create(
            ListPrice(token_unit=unit, from_on=from_on, amount=amount)
            for from_on, amount in prices.items()
        )
        in_sql = Lot.objects.annotate(price=lot_price(on)).get(pk=lot.pk).price
        agreement = PriceAgreement.of_lot(
            price=lot.price_per_day,
            commitment_ends_on=lot.commitment_ends_on,
            first_term_ends_on=lot.first_term_ends_on,
        )
        list_prices = ListPrice.objects.filter(token_unit=unit).order_by("from_on")
        in_python = agreement.price_on(on, list(list_prices.values_list("from_on", "amount")))
        assert in_sql == in_python


@given(examples=forms, on=days, model=st.sampled_from([GROK, GPT]))
@SETTINGS
def test_sql_and_python_find_the_same_order_form_and_discount_of_a_day(  # R8, R11
    acme: Acme, examples: list[Form], on: date, model: str
) -> None:
    with undone():
        make_forms(acme, examples)
        in_sql = order_forms_in_force(on).filter(organization=acme.organization).first()
        in_python = form_in_force(signed_forms(acme.organization), on)
        assert standing(acme.organization, on).forms == signed_forms(acme.organization)
        assert (in_sql and in_sql.pk) == (in_python and in_python.id)

        lot = make_lot(
            acme,
            starts_on=on,
            first_term_ends_on=on + timedelta(days=1),
            model=model,
            commitment_ends_on=on + timedelta(days=30),
        )
        post_charges(first_term_charges(lot.purchase))
        discounts = in_python.discounts if in_python else Discounts()
        assert Charge.objects.get().discount_percent == discounts.on(model)


@given(
    examples=forms,
    first_term=st.integers(1, 5),
    commitment=st.integers(1, 7),
    cancelled_to=st.none() | st.integers(0, 4),
    retires=st.none() | days,
)
@example(  # The form starts on the day when the commitment ends, so the units stay active.
    examples=[Form(START + timedelta(days=3), None, True, Decimal(0), None)],
    first_term=1,
    commitment=3,
    cancelled_to=None,
    retires=None,
)
@settings(SETTINGS, max_examples=40)
def test_units_end_on_the_day_that_was_foreseen(  # R5, R11
    acme: Acme,
    examples: list[Form],
    first_term: int,
    commitment: int,
    cancelled_to: int | None,
    retires: date | None,
) -> None:
    """Python foresees the end on the day of purchase; SQL expires units as days are opened."""
    with undone():
        make_forms(acme, examples)
        lot = make_lot(
            acme,
            first_term_ends_on=START + timedelta(days=first_term),
            commitment_ends_on=START + timedelta(days=commitment),
        )
        earliest_end = max(lot.commitment_ends_on, lot.charged_until)
        ends_on = None if cancelled_to is None else earliest_end + timedelta(days=cancelled_to)
        if ends_on:
            Cancellation.objects.create(
                organization=acme.organization,
                lot=lot,
                units=lot.units,
                requested_at=at("2026-01-10"),
                requested_by=acme.alice.person,
                ends_on=ends_on,
            )
        Snapshot.objects.filter(pk=lot.snapshot_id).update(retires_on=retires)
        foreseen = known_end(
            cancelled_to=ends_on,
            retires_on=retires,
            commitment_ends_on=lot.commitment_ends_on,
            charged_until=lot.charged_until,
            order_forms=order_form_spans(signed_forms(acme.organization), START),
        )

        for number in range(1, DAYS + 1):
            open_day(organizations=[acme.organization.pk], on=START + timedelta(days=number))

        ended_on = Expiry.objects.filter(lot=lot).values_list("ended_on", flat=True).first()
        last_day = START + timedelta(days=DAYS)
        if foreseen and foreseen <= last_day:
            assert ended_on == max(foreseen, START + timedelta(days=1))
        else:
            assert ended_on is None
