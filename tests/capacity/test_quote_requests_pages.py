"""The page “Order form”: asking for capacity, with and without scripts (R23)."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from capacity.models import QuoteRequest
from tests.api_client import ApiCast
from tests.cast import GROK, signed_in

pytestmark = pytest.mark.django_db

COMBINED = "gpt-5.4"
TWO_MODELS = {
    "model": [COMBINED, GROK],
    "input_tpm": ["60,000", " 31 501"],
    "output_tpm": ["10000", ""],
    "note": "We start in March.",
}


@pytest.fixture
def alice(api: ApiCast) -> Client:
    return signed_in(api.acme.alice)


def url(api: ApiCast, route: str) -> str:
    return reverse(route, args=[api.acme.organization.public_id])


def chosen(page: str) -> list[str]:
    return re.findall(r'<option value="([^"]+)" selected>', page)


def test_alice_asks_for_two_models_and_sees_the_request_on_the_page(
    api: ApiCast, alice: Client
) -> None:
    page = alice.post(url(api, "request_quote"), TWO_MODELS, follow=True)
    assert "Your request is sent" in page.text
    request = QuoteRequest.objects.get()
    assert [(line.model, line.units) for line in request.lines] == [(COMBINED, 3), (GROK, 2)]
    text = re.sub(r"<[^>]+>", "", page.text)
    for line in ("3 combined units of gpt-5.4", f"2 input units of {GROK}", "$920.00", "Open"):
        assert line in text
    assert "“We start in March.”" in page.text
    assert request.created_by == api.acme.alice.person


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    api: ApiCast, alice: Client
) -> None:
    body = {
        "model": [COMBINED, GROK, GROK, "", "gpt-9"],
        "input_tpm": ["many", "1", "2", "3", "4"],
        "output_tpm": ["", "", "", "", ""],
        "note": "Kept.",
    }
    page = alice.post(url(api, "request_quote"), body)
    assert page.status_code == 422
    assert "Enter a whole number of tokens per minute" in page.text
    assert "Choose a model." in page.text
    assert [f'value="{text}"' in page.text for text in ("many", "1", "2", "3")] == [True] * 4
    assert "Kept." in page.text
    twice = alice.post(url(api, "request_quote"), {"model": [GROK, GROK], "input_tpm": ["1", "2"]})
    assert f"{GROK} is listed twice" in twice.text
    empty = alice.post(url(api, "request_quote"), {"note": "x" * 2001})
    assert "Choose a model." in empty.text
    assert "at most 2000 characters" in empty.text
    assert not QuoteRequest.objects.exists()


def test_the_summary_follows_what_is_complete_so_far(api: ApiCast, alice: Client) -> None:
    query = {
        "model": [COMBINED, GROK, ""],
        "input_tpm": ["60,000", "?", "5"],
        "output_tpm": ["10000", "", ""],
    }
    headers = {"HX-Request": "true", "HX-Target": "summary"}
    summary = alice.get(url(api, "quote_request_summary"), query, headers=headers)
    assert "3 combined units" in summary.text
    assert "$900.00" in summary.text
    assert GROK not in summary.text
    assert summary.text.count("Enter a whole number") == 1
    assert 'id="id_input_tpm_1-error"' in summary.text


def test_models_are_added_and_removed_without_scripts(api: ApiCast, alice: Client) -> None:
    page = alice.post(url(api, "change_models"), TWO_MODELS | {"add": "1"})
    assert page.text.count('name="model"') == 3
    assert chosen(page.text) == [COMBINED, GROK]
    page = alice.post(url(api, "change_models"), TWO_MODELS | {"remove": "0"})
    assert chosen(page.text) == [GROK]
    assert 'value=" 31 501"' in page.text
    assert "We start in March." in page.text
    assert "$20.00" in page.text
    page = alice.post(url(api, "change_models"), TWO_MODELS)
    assert chosen(page.text) == [COMBINED, GROK]
    htmx = {"HX-Request": "true", "HX-Target": "quote-request"}
    fragment = alice.post(url(api, "change_models"), TWO_MODELS | {"add": "1"}, headers=htmx)
    assert "<html" not in fragment.text
    assert fragment.headers["Scale-Tier-Fragment"] == "request"
    most = {"model": [GROK] * 20, "input_tpm": [""] * 20, "output_tpm": [""] * 20, "add": "1"}
    assert alice.post(url(api, "change_models"), most).text.count('name="model"') == 20


def test_bob_who_may_only_buy_can_neither_ask_nor_read(api: ApiCast) -> None:
    bob = signed_in(api.acme.bob)
    assert bob.get(url(api, "order_form")).status_code == 403
    assert bob.post(url(api, "request_quote"), TWO_MODELS).status_code == 403
    assert not QuoteRequest.objects.exists()
