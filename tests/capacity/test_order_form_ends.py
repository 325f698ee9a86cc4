"""The end of the order form with no successor is told, with what ends with it (R11)."""

import pytest
from django.core import mail
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, OutboundEmail
from accounts.operations.emails import send_due_emails
from billing.queries.order_forms import ends_without_successor
from capacity.queries.order_form_ends import EndingUnits, order_form_end
from tests.cast import GPT, GROK, Acme, at, day, make_acme, signed_in, unsigned_form

pytestmark = pytest.mark.django_db

KINDS = ("order_form_ending", "order_form_ended", "order_form_terminated")


def enqueued() -> list[tuple[str, str, str]]:
    rows = OutboundEmail.objects.filter(kind__in=KINDS).order_by("pk")
    return [(row.kind, row.about, str(row.created_at.date())) for row in rows]


def send(acme: Acme, on: str) -> list[str]:
    """Send what is due when it is this day at Acme; return the texts about order forms."""
    Organization.objects.update(is_sandbox=True, clock_at=at(on))
    mail.outbox.clear()
    OutboundEmail.objects.exclude(kind__in=KINDS).delete()
    send_due_emails(now=at(on))
    assert all(email.to == [acme.alice.person.email] for email in mail.outbox)
    return [f"{email.subject}\n{email.body}" for email in mail.outbox]


@pytest.mark.usefixtures("catalogue")
def test_the_owners_are_told_30_and_7_days_before_and_on_the_day() -> None:
    """Each email goes out once, and names what ends: past the commitment, and in it."""
    acme = make_acme("2026-03-04", days_until_due=400)
    old = acme.lot(acme.buys("2026-03-04", input=4))
    acme.cancels(old, 1, "2026-03-04")
    acme.form_ends("2026-04-15", on="2026-03-05")
    termination = send(acme, "2026-03-05")
    assert "The reason:\n\n  Acme asked for it." in termination[0]
    acme.open_days("2026-03-16")
    acme.buys("2026-03-31", GPT, input=2)
    notice_30 = send(acme, "2026-03-31")
    acme.open_days("2026-04-10")
    notice_7 = send(acme, "2026-04-10")
    acme.open_days("2026-04-20")
    ended = send(acme, "2026-04-20")

    form = acme.organization.order_forms.get().public_id
    assert enqueued() == [
        ("order_form_terminated", form, "2026-03-05"),
        ("order_form_ending", "2026-04-15 30", "2026-03-16"),
        ("order_form_ending", "2026-04-15 7", "2026-04-08"),
        ("order_form_ended", "2026-04-15 0", "2026-04-15"),
    ]
    grok, gpt = f"3 input units of {GROK}, last day 2026-04-14", f"2 input units of {GPT}, last day"
    assert "ends after 2026-04-14, in 15 days" in notice_30[0]
    assert "ends after 2026-04-14, in 5 days" in notice_7[0]
    for text in (*notice_30, *notice_7):
        assert grok in text
        assert f"{gpt} 2026-04-29" in text
    assert "has ended" in ended[0]
    assert f"3 input units of {GROK} (lot {old.public_id})" in ended[0]
    assert f"{gpt} 2026-04-29" in ended[0]
    assert [len(texts) for texts in (termination, notice_30, notice_7, ended)] == [1, 1, 1, 1]


@pytest.mark.usefixtures("catalogue")
def test_nobody_is_told_of_an_end_with_a_successor_whenever_it_is_signed() -> None:
    acme = make_acme("2026-03-10")
    acme.form_ends("2026-04-15", on="2026-03-10")
    acme.open_days("2026-03-16")
    acme.signs("2026-04-01", "2026-04-20", on="2026-03-16")
    assert [text for text in send(acme, "2026-03-20") if "in 26 days" in text] == []
    acme.open_days("2026-04-21")
    assert [row[:2] for row in enqueued()[1:]] == [
        ("order_form_ending", "2026-04-15 30"),
        ("order_form_ending", "2026-04-20 30"),
        ("order_form_ending", "2026-04-20 7"),
        ("order_form_ended", "2026-04-20 0"),
    ]


def test_the_page_is_told_from_30_days_before_on_and_until_another_is_in_force(
    acme: Acme,
) -> None:
    acme.buys("2026-01-10", input=4)
    acme.form_ends("2026-03-15", on="2026-01-10")
    assert order_form_end(acme.organization, on=day("2026-02-12")) is None
    ending = order_form_end(acme.organization, on=day("2026-02-13"))
    assert ending
    assert (ending.ends_on, ending.has_ended) == (day("2026-03-15"), False)
    assert ending.units == [EndingUnits(GROK, "input", 4, day("2026-03-15"))]
    acme.signs("2026-03-20", on="2026-02-13")
    gap = order_form_end(acme.organization, on=day("2026-03-16"))
    assert gap
    assert (gap.ends_on, gap.has_ended, gap.starts_on) == (
        day("2026-03-15"),
        True,
        day("2026-03-20"),
    )
    assert order_form_end(acme.organization, on=day("2026-03-20")) is None
    never = order_form_end(make_acme(signed=False).organization, on=day("2026-01-10"))
    assert never
    assert (never.ends_on, never.has_ended, never.units) == (None, True, [])
    assert never.awaits_signature


@pytest.mark.usefixtures("catalogue", "same_minute")
def test_the_scale_tier_page_says_what_ends_and_what_to_do(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    acme = make_acme("2026-01-10", is_sandbox=True)
    acme.buys("2026-01-10", input=4)
    acme.form_ends("2026-01-30", on="2026-01-10")
    page = reverse("scale_tier", args=[acme.organization.public_id])
    alice, bob = signed_in(acme.alice), signed_in(acme.bob)
    alice.get(page)
    with django_assert_max_num_queries(12):
        text = " ".join(alice.get(page).text.split())
    assert 'its last day is <time datetime="2026-01-29">' in text
    assert f'4 input units of <a href="{page}models/{GROK}/">' in text
    assert "Ask for an order form" in text
    assert "Owners can ask for another and sign it." in bob.get(page).text
    draft = unsigned_form(acme)
    assert f"/order-form/forms/{draft.public_id}/" in alice.get(page).text
    acme.open_days("2026-01-30")
    Organization.objects.update(clock_at=at("2026-01-30"))
    assert "The order form has ended" in alice.get(page).text
    fresh = make_acme("2026-01-10", signed=False, is_sandbox=True)
    page = reverse("scale_tier", args=[fresh.organization.public_id])
    assert "once an order form is signed" in signed_in(fresh.alice).get(page).text


def test_ends_of_many_organizations_take_one_statement(
    acme: Acme, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    companies = [acme, make_acme(), make_acme()]
    for company, ends_on in zip(companies, ("2026-03-15", "2026-03-15", "2026-03-16"), strict=True):
        company.form_ends(ends_on, on="2026-01-10")
    keys = [company.organization.pk for company in companies]
    with django_assert_num_queries(1):
        rows = list(ends_without_successor(keys, [day("2026-03-15"), day("2026-03-20")]))
    assert rows == [(key, day("2026-03-15")) for key in keys[:2]]
