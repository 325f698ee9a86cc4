"""A new API key is shown with a first request to the gateway, ready to be copied."""

import json
import re
import shlex
from html import unescape

import pytest
from django.test import Client, override_settings

from tests.cast import GPT, GROK, make_acme

COMMAND = re.compile(r'id="first-request"\s+readonly value="([^"]*)"')


@pytest.mark.usefixtures("catalogue")
def test_a_new_key_is_shown_with_a_request_that_capacity_serves(client: Client) -> None:
    acme = make_acme("2026-01-10", is_sandbox=True)
    acme.buys("2026-01-10", GPT, input=1)  # Without output units it serves no completion.
    acme.buys("2026-01-10", GROK, input=1, output=1)
    client.force_login(acme.alice.person)
    page = f"/organizations/{acme.organization.public_id}/settings/api-keys/"
    with override_settings(GATEWAY_URL="https://api.example.com/v1"):
        shown = client.post(page, {"name": "First"}).content.decode()
        assert not COMMAND.search(client.get(page).content.decode())
    secret = re.search(r"st_[\w-]{59}", shown)
    command = COMMAND.search(shown)
    assert secret
    assert command
    curl, *words, body = shlex.split(unescape(command[1]))
    assert [curl, *words] == [
        *("curl", "-i", "https://api.example.com/v1/chat/completions"),
        *("-H", f"authorization: Bearer {secret[0]}", "-H", "content-type: application/json"),
        "-d",
    ]
    assert json.loads(body)["model"] == GROK
    with override_settings(GATEWAY_URL=""):
        assert not COMMAND.search(client.post(page, {"name": "Second"}).content.decode())
