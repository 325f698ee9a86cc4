"""Plan capacity: units for expected traffic (R23), and the replay of the last 30 days (R16)."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse

from accounts.operations.audit import Actor
from capacity.models import PayAsYouGoPrice, Snapshot
from capacity.usage.domain.windows import WINDOW
from capacity.usage.operations.events import UsageEvent, record_usage
from tests.api_client import ApiCast
from tests.cast import GROK, at, day, signed_in

pytestmark = pytest.mark.django_db

NOON = at("2026-01-10")
UNIT = 31_500 * 15
"""The input tokens that one unit of Grok covers in a window."""


def send(api: ApiCast, *windows: int, model: str = GROK) -> None:
    """Acme has sent so many input tokens, and a hundredth of output, in each window before noon."""
    record_usage(
        organization=api.acme.organization,
        events=[
            UsageEvent(f"{model} {number}", NOON - number * WINDOW, model, tokens, tokens // 100)
            for number, tokens in enumerate(windows)
        ],
        now=NOON + timedelta(hours=2),
        received_on=NOON.date(),
    )


def page(api: ApiCast, route: str = "plan_capacity", **query: str) -> str:
    """What Alice reads on a page."""
    return text_for(api, api.acme.alice, route, **query)


def text_for(api: ApiCast, reader: Actor, route: str, **query: str) -> str:
    """The text of a page, without its tags; an address is kept in place of its link."""
    url = reverse(route, args=[api.acme.organization.public_id])
    response = signed_in(reader).get(url, query)
    assert response.status_code == 200
    text = re.sub(r'<a [^>]*href="([^"]*)"[^>]*>', r"[\1] ", response.text)
    return " ".join(unescape(re.sub("<[^>]+>", " ", text)).split())


def test_expected_traffic_gives_units_cost_and_ways_on(api: ApiCast) -> None:
    expected = {"model": "gpt-5.4", "input_tpm": "60,000", "output_tpm": "10000"}
    for route in ("plan_capacity", "plan_needs"):
        text = page(api, route, **expected)
        assert "3 combined units 150,000 TPM $900.00 $300.00 a unit Per day $900.00" in text
        assert "/scale-tier/add/?model=gpt-5.4&combined=3] Add capacity with these units" in text
        assert "input_tpm=60%2C000&output_tpm=10000" in text
    text = text_for(api, api.acme.bob, "plan_capacity", **expected)
    assert "Per day $900.00" in text
    assert "Ask for a quote" not in text
    assert "Replay" not in text


def test_what_is_wrong_is_said_and_kept_in_its_field(api: ApiCast) -> None:
    url = reverse("plan_capacity", args=[api.acme.organization.public_id])
    query = {"model": GROK, "input_tpm": "many", "output_tpm": "12"}
    response = signed_in(api.acme.alice).get(url, query)
    assert 'value="many"' in response.text
    assert "Enter a whole number of tokens per minute, like 60,000." in response.text
    url = reverse("plan_needs", args=[api.acme.organization.public_id])
    headers = {"HX-Request": "true", "HX-Target": "summary"}
    fragment = signed_in(api.acme.alice).get(url, query, headers=headers).text
    assert 'data-error-of="id_input_tpm" hx-swap-oob="innerHTML"' in fragment
    assert "like 60,000" in fragment
    assert "Choose a model, and enter" in page(api, model="gpt-0", input_tpm="5")


def test_the_replay_counts_windows_tokens_and_money(api: ApiCast) -> None:
    """Three windows: of a unit, of three and a half units, and of two, in which all were cached."""
    api.alice.buys(input=1)
    api.set_clock("2026-01-10", "14:00")
    send(api, UNIT, UNIT * 7 // 2)
    text = page(api, "plan_replay", model=GROK, input="2", output="0")
    covered, over = UNIT * 3, UNIT * 3 // 2
    assert f"2 input units 66.6% {covered:,} {over:,} 1 of 2" in text
    output = UNIT // 100 + UNIT * 7 // 200
    assert f"0 output units 0% 0 {output:,} 0 of 2" in text
    # $0.20 a million input tokens and $0.50 of output, on average of 30 days.
    over_a_day = round((Decimal(over) * 20 + Decimal(output) * 50) / 10**6 / 30)
    alone = round((Decimal(over + covered) * 20 + Decimal(output) * 50) / 10**6 / 30)
    assert (
        f"Units $20.00 per day Tokens over, on the account plan $0.{over_a_day:02} per day" in text
    )
    assert f"Account plan alone $0.{alone:02} per day" in text
    assert (
        f"costs ${(2_000 + over_a_day - alone) / 100:.2f} more than on the account plan alone"
        in text
    )
    assert "the 45,360,000 tokens that it covers at most would cost $9.07" in text
    assert "Input tokens on the busiest day, 2026-01-10" in text
    assert "11:45 945,000 708,750" in text
    assert "&input=1] Add 1 input unit" in text

    whole = page(api, model=GROK)
    assert "4 units would have covered your last 30 days; you own 1." in whole
    assert f"4 input units 100% {covered + over:,} 0 2 of 2" in whole
    assert "Add 3 input units and 1 output unit" in whole


def test_units_that_pay_are_counted_and_no_price_is_made_up(api: ApiCast) -> None:
    api.set_clock("2026-01-10", "14:00")
    send(api, *[UNIT] * 100)
    snapshot = Snapshot.objects.get(model=GROK)
    rates = {"input": 20, "cached_input": None, "output": 0, "source": "a test"}
    PayAsYouGoPrice.objects.create(snapshot=snapshot, from_on=day("2026-01-01"), **rates)
    text = page(api, "plan_replay", model=GROK, input="1", output="0")
    assert "Input: a unit pays for itself from 500,000 tokens a day, of at most 45,360,000." in text
    assert "1 unit would have done so: with it the last 30 days cost least." in text
    assert "costs $21.50 less than on the account plan alone" in text
    assert "Output: no break-even. These tokens cost nothing on the account plan." in text
    assert "$20.00 input, $0.00 output. Source: a test." in text

    send(api, 1_000, model="gpt-4o-2024-05-13")
    text = page(api, "plan_replay", model="gpt-4o-2024-05-13")
    assert "no pay-as-you-go price of gpt-4o-2024-05-13" in text
    assert "Together – per day" in text


def test_a_number_that_cannot_be_is_refused_at_its_field(api: ApiCast) -> None:
    api.set_clock("2026-01-10", "14:00")
    send(api, UNIT)
    for units in ("-1", "1000001"):
        text = page(api, model=GROK, input=units)
        assert "Between 0 and 1,000,000 units." in text
    assert "Enter a whole number of units." in page(api, model=GROK, input="x")
    url = reverse("plan_replay", args=[api.acme.organization.public_id])
    send(api, 0, 10**12)
    text = page(api, model=GROK)
    assert "2,116,403 units would have covered your last 30 days" in text
    assert "Use 1,000,000" in text
    assert "Between" not in text
    headers = {"HX-Request": "true", "HX-Target": "replay"}
    query = {"model": GROK, "input": "?", "output": "3"}
    fragment = signed_in(api.acme.alice).get(url, query, headers=headers).text
    assert fragment.count("hx-swap-oob") == 3
    assert "Enter a whole number of units." in fragment
    assert "3 output units: " in " ".join(fragment.split())


def test_only_owners_see_what_was_used(api: ApiCast) -> None:
    send(api, UNIT)
    replay = reverse("plan_replay", args=[api.acme.organization.public_id])
    assert signed_in(api.acme.bob).get(replay, {"model": GROK}).status_code == 403
    plan = reverse("plan_capacity", args=[api.acme.organization.public_id])
    assert signed_in(api.acme.mallory).get(plan).status_code == 403
    assert "No requests of gpt-5.4 in the last 30 days" in page(api, model="gpt-5.4")
    assert "No requests" not in page(api)
