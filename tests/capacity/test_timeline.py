"""The timeline before and after a change that somebody considers, and its pictures (R22)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.urls import reverse

from accounts.models import Organization
from accounts.operations.projects import create_project
from billing.domain.money import Money
from billing.operations.limits import set_spend_limit
from billing.queries.standing import standing
from capacity.models import Kind, Snapshot
from capacity.queries.catalogue import find_listing
from capacity.queries.lot_terms import Plan
from capacity.queries.plans import PlannedCancellation, planned_purchase
from capacity.queries.timeline import KindTimeline, timelines
from capacity.views.timeline_pictures import Picture, pictures
from tests.cast import GROK, Acme, at, day, make_acme, signed_in

pytestmark = pytest.mark.django_db

TODAY = "2026-02-12"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """A sandbox on 2026-02-12 with 5 input units past their commitment, and 4 within it.

    One of the former ends after 2026-02-12; one of the latter after 2026-03-06.
    """
    acme = make_acme("2026-01-01", is_sandbox=True, days_until_due=400)
    create_project(
        organization=acme.organization, name="Search", by=acme.alice, now=at("2026-01-01")
    )
    first = acme.lot(acme.buys("2026-01-05", input=5, output=1))
    young = acme.lot(acme.buys("2026-02-05", input=4))
    acme.cancels(young, 1, "2026-02-06")
    acme.cancels(first, 1, TODAY)
    Organization.objects.update(clock_at=at(TODAY))
    return acme


def search(acme: Acme) -> str:
    """The project that is not the default one."""
    return acme.organization.projects.get(is_default=False).public_id


def seen(acme: Acme, *plans: Plan | None) -> list[list[KindTimeline]]:
    return timelines(
        acme.organization,
        standing(acme.organization, day(TODAY)),
        start=day("2026-01-01"),
        end=day("2026-06-01"),
        model=GROK,
        plans=plans,
    )


def seen_as_pictures(acme: Acme, kinds: set[Kind] | None = None) -> list[Picture]:
    present = standing(acme.organization, day(TODAY))
    return pictures(acme.organization, present, model=GROK, kinds=kinds)


def set_limit(acme: Acme, amount: int, project_id: str | None = None) -> None:
    set_spend_limit(
        organization=acme.organization,
        project_id=project_id,
        amount=Money(amount, "usd"),
        is_hard=True,
        alerts=[],
        by=acme.alice,
        now=at(TODAY),
    )


def retire(acme: Acme) -> None:
    Snapshot.objects.filter(model=GROK).update(retires_on=day("2026-04-20"))


def end_the_form(acme: Acme) -> None:
    acme.form_ends("2026-04-01", on=TODAY)


def limit_the_organization(acme: Acme) -> None:
    """March costs 8 units of 1,000 a day, which fits; with three units more it does not."""
    set_limit(acme, 320_000)


def limit_the_project(acme: Acme) -> None:
    """The project is new; three units cost 51,000 in February and 93,000 in March."""
    set_limit(acme, 80_000, search(acme))


@contextmanager
def undone() -> Iterator[None]:
    """Undo what the block writes; operations must not be within an atomic block."""
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)


def change_nothing(acme: Acme) -> None:
    """Nothing but cancellations ends units."""


CIRCUMSTANCES: list[Callable[[Acme], None]] = [
    change_nothing,
    retire,
    end_the_form,
    limit_the_organization,
    limit_the_project,
]


def test_what_a_purchase_would_bring_is_what_it_brings(
    acme: Acme, subtests: pytest.Subtests
) -> None:
    for arrange in CIRCUMSTANCES:
        with subtests.test(arrange.__name__), undone():
            arrange(acme)
            before, after = seen(acme, None, plan(acme))
            assert seen(acme, None) == [before]
            acme.buys(TODAY, project=search(acme), input=2, output=1)
            assert seen(acme, None) == [after]
            assert before != after


def plan(acme: Acme) -> Plan:
    """Two input units and an output unit for the project Search."""
    return planned_purchase(
        organization=acme.organization,
        present=standing(acme.organization, day(TODAY)),
        listing=find_listing(organization=acme.organization, model=GROK, on=day(TODAY)),
        units={"input": 2, "output": 1},
        project=search(acme),
    )


def test_a_purchase_pushes_older_units_past_a_hard_limit(acme: Acme) -> None:
    """The new units are committed, so they are charged first; then not all older ones fit."""
    limit_the_organization(acme)
    [of_input, _], [after, _] = seen(acme, None, plan(acme))
    assert "spend_limit" not in {mark.cause for mark in of_input.marks}
    first = next(mark for mark in after.marks if mark.cause == "spend_limit")
    assert day("2026-03-14") < first.on < day("2026-04-01")


def test_what_a_cancellation_would_end_is_what_it_ends(
    acme: Acme, subtests: pytest.Subtests
) -> None:
    """Of units past their commitment, within it, and of one of two lots with the same terms."""
    acme.buys(TODAY, project=search(acme), input=4)
    acme.buys(TODAY, project=search(acme), input=2)
    lots = acme.organization.lots.filter(kind="input").order_by("pk")
    for arrange in CIRCUMSTANCES:
        with subtests.test(arrange.__name__), undone():
            arrange(acme)
            for lot in lots.all():
                ends_on = lot.terms_of_cancelling(2, on=day(TODAY)).ends_on
                before, after = seen(acme, None, PlannedCancellation(lot, 2, ends_on))
                assert before != after
                acme.cancels(lot, 2, TODAY)
                assert seen(acme, None) == [after]


def test_a_picture_says_the_same_in_words_and_as_a_table(acme: Acme) -> None:
    retire(acme)
    [picture] = pictures(
        acme.organization, standing(acme.organization, day(TODAY)), model=GROK, kinds={Kind.INPUT}
    )
    assert picture.words == (
        "283,500 TPM now; falls to 252,000 TPM after 2026-02-12 (1 unit cancelled) and to 220,500 "
        "TPM after 2026-03-06 (1 unit cancelled), then 1 more change. Last changed on 2026-02-05: "
        "4 units bought."
    )
    assert [
        (row.starts_on.isoformat(), row.tpm, row.units, row.events) for row in picture.rows
    ] == [
        ("2025-11-14", 0, 0, ""),
        ("2026-01-05", 157_500, 5, "5 units bought"),
        ("2026-02-04", 157_500, 5, "commitment of 5 units ends"),
        ("2026-02-05", 283_500, 9, "4 units bought"),
        ("2026-02-13", 252_000, 8, "1 unit cancelled"),
        ("2026-03-07", 220_500, 7, "commitment of 4 units ends, 1 unit cancelled"),
        ("2026-04-20", 0, 0, "7 units of a model that retires"),
    ]
    assert [(mark.symbol, mark.y) for mark in picture.marks] == [
        ("mark-purchase", 0),
        ("mark-commitment_end", 24),
        ("mark-purchase", 0),
        ("mark-cancelled", 12),
        ("mark-commitment_end", 24),
        ("mark-cancelled", 12),
        ("mark-model_retired", 12),
    ]
    assert (picture.scale.start, picture.scale.end) == (day("2025-11-14"), day("2026-05-14"))
    assert picture.present.units == 9
    assert picture.before == ""


def test_the_words_name_what_a_limit_and_an_order_form_end(acme: Acme) -> None:
    end_the_form(acme)
    [_, output] = seen_as_pictures(acme)
    assert output.words.startswith(
        "12,500 TPM now; falls to 0 TPM after 2026-03-31 (1 unit without an order form)."
    )
    set_limit(acme, 0)
    [_, output] = seen_as_pictures(acme)
    assert "falls to 0 TPM after 2026-02-12 (1 unit past a spend limit)." in output.words


def addresses(acme: Acme) -> dict[str, str]:
    here = acme.organization.public_id
    lot = acme.organization.lots.filter(kind="input").earliest("pk")
    return {
        "all": reverse("timeline", args=[here]),
        "model": reverse("model_timeline", args=[here, GROK]),
        "purchase": f"{reverse('purchase_timeline', args=[here])}?model={GROK}&input=2",
        "cancellation": f"{reverse('cancellation_timeline', args=[here, lot.public_id])}?units=2",
    }


def test_owners_and_purchasers_see_the_pictures_and_nobody_else(acme: Acme) -> None:
    bob, mallory, charlie = map(signed_in, (acme.bob, acme.mallory, acme.charlie))
    for address in addresses(acme).values():
        assert "data-chart" in bob.get(address, headers=HTMX).text
        assert mallory.get(address).status_code == 403
        assert charlie.get(address).status_code == 404


def test_a_dialog_shows_its_kinds_before_and_after(acme: Acme) -> None:
    alice = signed_in(acme.alice)
    purchase = alice.get(addresses(acme)["purchase"], headers=HTMX).text
    assert purchase.count("data-chart") == 1
    assert "Input: 346,500 TPM after this purchase; falls" in purchase
    assert "TPM without it" in purchase
    cancellation = alice.get(addresses(acme)["cancellation"], headers=HTMX).text
    assert "falls to 189,000 TPM after 2026-02-12 (3 units cancelled)" in cancellation


def test_input_that_cannot_be_bought_or_cancelled_breaks_no_picture(acme: Acme) -> None:
    alice = signed_in(acme.alice)
    for typed in ("", "0", "-1", "x", "999", "9" * 60):
        for name in ("purchase", "cancellation"):
            address = addresses(acme)[name].replace("=2", f"={typed}")
            assert alice.get(address, headers=HTMX).status_code == 200, address


def test_models_without_active_units_are_named_below_the_pictures(acme: Acme) -> None:
    retire(acme)
    acme.open_days("2026-04-21")
    Organization.objects.update(clock_at=at("2026-04-21"))
    acme.buys("2026-04-21", "gpt-5.4", combined=1)
    page = signed_in(acme.alice).get(addresses(acme)["all"]).text
    assert page.count("data-chart") == 1
    assert "Active in these days, but not now" in page
    assert f"/models/{GROK}/" in page
