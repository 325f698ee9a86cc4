"""What is compressed, and what is not because it holds a secret."""

import gzip
import json
from typing import Any

import pytest
from django.test import Client

from tests.api_client import ROOT, ApiCast
from tests.cast import GROK, signed_in

pytestmark = pytest.mark.django_db

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def settings_url(api: ApiCast) -> str:
    return f"/organizations/{api.acme.organization.public_id}/settings"


def unpacked(response: Any) -> bytes:
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    body = b"".join(response) if response.streaming else response.content
    return gzip.decompress(body)


def test_a_page_is_sent_in_less_than_a_third_of_its_size(api: ApiCast, settings_url: str) -> None:
    alice, url = signed_in(api.acme.alice), f"{settings_url}/scale-tier/models/{GROK}/"

    plain, packed = alice.get(url), alice.get(url, headers=GZIP)

    assert "Content-Encoding" not in plain
    assert b"Active" in unpacked(packed)
    assert len(packed.content) * 3 < len(plain.content)
    assert packed["Content-Length"] == str(len(packed.content))


def test_a_fragment_is_compressed_too(api: ApiCast, settings_url: str) -> None:
    url = f"{settings_url}/scale-tier/add/?model={GROK}&input=4"

    fragment = signed_in(api.acme.alice).get(url, headers=GZIP | {"HX-Request": "true"})

    assert b"<html" not in unpacked(fragment)


def test_json_and_csv_are_compressed(api: ApiCast, settings_url: str) -> None:
    api.alice.buys(input=1)
    models = Client().get(f"{ROOT}models", headers=api.alice.headers | GZIP)
    rows = signed_in(api.acme.alice).get(
        f"{settings_url}/invoices/upcoming/charges.csv", headers=GZIP
    )

    assert len(json.loads(unpacked(models))["data"]) > 10
    assert unpacked(rows).startswith(b"charge,posted_on")


def test_two_responses_alike_differ_in_length(api: ApiCast) -> None:
    """Random bytes hide how well a guess compresses."""
    headers = api.alice.headers | GZIP

    lengths = {len(Client().get(f"{ROOT}models", headers=headers).content) for _ in range(8)}

    assert len(lengths) > 1


def test_a_response_with_a_secret_is_not_compressed(api: ApiCast, settings_url: str) -> None:
    body = json.dumps({"name": "CI " * 30})
    by_api = Client().post(
        f"{ROOT}keys", body, content_type="application/json", headers=api.alice.headers | GZIP
    )
    by_page = signed_in(api.acme.alice).post(
        f"{settings_url}/api-keys/", {"name": "CI"}, headers=GZIP
    )
    sign_in = Client().get("/accounts/login/", headers=GZIP)

    assert len(by_api.json()["key"]) > 40
    assert b"Your new key" in by_page.content
    for response in (by_api, by_page, sign_in):
        assert "Content-Encoding" not in response
