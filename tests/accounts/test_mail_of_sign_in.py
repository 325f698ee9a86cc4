"""The mail of sign-in names the public address, whatever host the request asked for."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User

pytestmark = pytest.mark.django_db

FORGED = "evil.example"
"""A host that passes ALLOWED_HOSTS, as with a proxy that serves many names."""


@pytest.fixture
def visitor(settings: Settings) -> Client:
    """A browser without a session, whose requests name a forged host."""
    settings.PUBLIC_URL = "https://capacity.example.com"
    settings.ALLOWED_HOSTS = ["capacity.example.com", FORGED]
    return Client(headers={"host": FORGED})


def ask_for_reset(visitor: Client, email: str) -> str:
    """Ask for a new password. Returns the subject and the text of the mail."""
    response = visitor.post("/accounts/password/reset/", {"email": email})
    assert response.status_code == 302
    (message,) = mail.outbox
    return f"{message.subject}\n{message.body}"


def test_the_link_to_a_new_password_leads_to_the_public_address(visitor: Client) -> None:
    User.objects.create_user("alice@example.com", "an old password", name="Alice")
    text = ask_for_reset(visitor, "alice@example.com")
    assert FORGED not in text
    assert re.search(r"https://capacity\.example\.com/accounts/password/reset/key/\S+", text)


def test_an_address_that_nobody_signs_in_with_is_told_so_by_mail(visitor: Client) -> None:
    text = ask_for_reset(visitor, "nobody@example.com")
    assert FORGED not in text
    assert "Nobody signs in to Scale Tier with this address" in text
    assert "https://capacity.example.com" in text
