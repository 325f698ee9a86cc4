"""Showback: an invoice by project on the page and as CSV, adding up to it to the cent."""

import csv
from collections import Counter
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import Organization
from billing.models import Invoice
from capacity.usage.domain.windows import MINUTES_OF_WINDOW
from capacity.usage.models import UsageDay
from capacity.usage.operations.events import UsageEvent, record_usage
from tests.api_client import ApiCast, make_api_cast
from tests.cast import GPT, GROK, at, signed_in

pytestmark = pytest.mark.django_db

TPM = 31_500
"""Of one input unit of Grok; GPT-4.1 has 30,000, and a cached token counts a quarter."""


@pytest.fixture
def api(catalogue: None) -> ApiCast:
    """Acme's order form gives 12.5%; it buys 2 input units of Grok on 2026-01-30, for 2 days."""
    api = make_api_cast("2026-01-30", discount="12.5")
    api.alice.buys(GROK, input=2)
    return api


def uses(api: ApiCast, day: str, time: str, *events: tuple[str, int, int, str | None]) -> None:
    """Count events of one minute: a model, input tokens, cached ones of them, a project's id."""
    now = at(day, time)
    record_usage(
        organization=Organization.objects.get(pk=api.acme.organization.pk),
        events=[
            UsageEvent(f"{day} {time} {number}", now, model, tokens, 0, cached, project)
            for number, (model, tokens, cached, project) in enumerate(events)
        ],
        now=now,
        received_on=now.date(),
    )


def page(api: ApiCast, route: str = "showback", **query: Any) -> str:
    url = reverse(route, args=[api.acme.organization.public_id])
    response = signed_in(api.acme.alice).get(url, query)
    assert response.status_code == 200
    return " ".join(b"".join(response).decode().split())


def rows(api: ApiCast, **query: Any) -> list[dict[str, str]]:
    url = reverse("showback_csv", args=[api.acme.organization.public_id])
    body = b"".join(signed_in(api.acme.alice).get(url, query)).decode()
    return list(csv.DictReader(StringIO(body)))


def amounts(api: ApiCast, **query: Any) -> dict[str, int]:
    """Minor units by who bears them."""
    totals: Counter[str] = Counter()
    for row in rows(api, **query):
        totals[row["project_name"] or row["borne_by"]] += int(row["amount_minor_units"])
    return dict(totals)


WINDOW = 2 * TPM * MINUTES_OF_WINDOW
"""What both units of Grok allow in a window; on 2026-01-30 they have 48, from 12:00 on."""


@pytest.fixture
def invoice(api: ApiCast) -> Invoice:
    """The invoice of January, in which two projects used some of two models; it is 00:10."""
    search = api.alice.post("projects", {"name": "Search"}).json()["id"]
    api.alice.buys(GPT, input=1)
    uses(api, "2026-01-30", "13:00", (GROK, WINDOW // 2, 0, None), (GROK, WINDOW // 4, 0, search))
    # What passes the allowance goes to the account plan and costs nothing here.
    uses(api, "2026-01-31", "09:00", (GROK, WINDOW * 3, 0, search), (GPT, 400_000, 400_000, None))
    uses(api, "2026-01-31", "23:59", (GPT, 30_000, 0, search))  # Still open at midnight.
    api.set_clock("2026-02-01", "00:10")
    api.alice.get("invoices")
    return Invoice.objects.get()


def test_an_invoice_is_shared_by_covered_tokens_to_the_cent(api: ApiCast, invoice: Invoice) -> None:
    shared = amounts(api, invoice=invoice.public_id)

    grok, gpt = 40_00 * 7 // 8, 220_00 * 7 // 8  # Two days each.
    assert sum(shared.values()) == invoice.total == grok + gpt
    gpt_day = 30_000 * MINUTES_OF_WINDOW * 96
    of_default = grok / 2 * (1 / 2 / 48) + gpt / 2 * (100_000 / gpt_day)
    of_search = grok / 2 * (1 / 4 / 48 + 1 / 96) + gpt / 2 * (30_000 / gpt_day)
    expected = {
        "Default project": of_default,
        "Search": of_search,
        "idle": grok + gpt - of_default - of_search,
    }
    assert shared == {name: pytest.approx(amount, abs=1) for name, amount in expected.items()}
    weighted = {
        (row["project_name"], row["model"]): int(row["weighted_tokens"])
        for row in rows(api, invoice=invoice.public_id)
    }
    assert weighted["Default project", GPT] == 100_000
    assert weighted["Search", GROK] == WINDOW // 4 + WINDOW

    api.set_clock("2026-02-01", "09:00")
    page(api)  # Closes every window of January.
    assert amounts(api, invoice=invoice.public_id) == shared


def test_days_of_an_earlier_version_get_what_their_sums_say(api: ApiCast, invoice: Invoice) -> None:
    page(api)
    exact = list(UsageDay.objects.order_by("pk").values_list("used_input", "used_output"))
    assert UsageDay.objects.update(used_input=0, used_output=0) == len(exact)
    with connection.cursor() as cursor:
        cursor.execute(import_module("capacity.usage.migrations.0005_used_of_the_allowance").FILL)
    filled = UsageDay.objects.order_by("pk").values_list("used_input", "used_output")
    assert list(filled) == exact


def test_the_page_shows_each_project_and_each_line(api: ApiCast, invoice: Invoice) -> None:
    text = page(api, invoice=invoice.public_id)

    assert f"<dd>{invoice.money(invoice.total)}</dd>" in text
    for name, amount in amounts(api, invoice=invoice.public_id).items():
        assert ("Idle capacity" if name == "idle" else name) in text
        assert f"<strong>{invoice.money(amount)}</strong>" in text
    for line in api.alice.get("invoices").json()["data"][0]["lines"]:
        net = invoice.money(line["amount"]["amount"] - line["discount"]["amount"])
        assert f"<strong>{net}</strong>" in text
    assert text.count("/lines/") == 2
    assert reverse("invoice", args=[api.acme.organization.public_id, invoice.public_id]) in text


def test_the_present_period_is_shared_so_far(api: ApiCast) -> None:
    # The first day costs $17.50 for 48 windows, of which the first is the present one.
    assert amounts(api) == {"to_come": 3_464, "idle": 36}
    api.set_clock("2026-01-30", "18:00")
    uses(api, "2026-01-30", "18:00", (GROK, 2 * TPM * MINUTES_OF_WINDOW, 0, None))
    shared = amounts(api)
    assert shared["Default project"] == 36
    text = page(api)
    assert "Charged so far" in text
    assert "so far</option>" in text
    assert "Days to come" in text


def test_nothing_charged_and_an_unknown_invoice_are_said(api: ApiCast) -> None:
    assert "Nothing is charged in this period yet" in " ".join(
        signed_in(api.acme.charlie)
        .get(reverse("showback", args=[api.globex.public_id]))
        .text.split()
    )
    assert "There is no invoice “inv_none”; choose another." in page(api, invoice="inv_none")


def test_the_page_takes_twelve_statements_however_much_there_is(
    api: ApiCast, same_minute: None, django_assert_max_num_queries: Any
) -> None:
    api.set_clock("2026-01-31", "12:00")
    url = reverse("showback", args=[api.acme.organization.public_id])
    alice = signed_in(api.acme.alice)
    alice.get(url)

    def statements(day: str) -> int:
        """With closed windows and open ones."""
        uses(api, day, "09:00", (GROK, 10, 0, None))
        uses(api, day, "12:00", (GROK, 10, 0, None))
        with django_assert_max_num_queries(12) as queries:
            assert alice.get(url).status_code == 200
        return len(queries)

    few = statements("2026-01-31")
    api.alice.buys(GPT, input=3, output=2)
    api.alice.buys("gpt-5.4", combined=1)
    api.alice.post("pools", {"model": GROK, "name": "Batch"})
    for number in range(3):
        api.alice.post("projects", {"name": f"No. {number}"})
    api.set_clock("2026-02-28")
    api.alice.get("invoices")
    assert statements("2026-02-28") == few
