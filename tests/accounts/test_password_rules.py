"""Which passwords people may have, and how they change them."""

import pytest
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db

FIRST = "a first passphrase"


@pytest.fixture
def alice() -> Client:
    """The browser of Alice, who has signed in a moment ago."""
    User.objects.create_user("alice@example.com", FIRST, name="Alice Moreau")
    client = Client()
    client.post("/accounts/login/", {"login": "alice@example.com", "password": FIRST})
    return client


def change(alice: Client, password: str, *, current: str = FIRST) -> bool:
    """Ask for another password. Returns whether it is hers now."""
    form = {"oldpassword": current, "password1": password, "password2": password}
    alice.post("/accounts/password/change/", form)
    return User.objects.get(email="alice@example.com").check_password(password)


@pytest.mark.parametrize("weak", ["7 chars", "password123", "48151623421", "alice@example.com"])
def test_a_weak_password_is_refused(weak: str, alice: Client) -> None:
    assert not change(alice, weak)


@pytest.mark.parametrize("kept", ["allsmallletters", "  päßwörd 密碼 🙂 ", "x1-" * 40])
def test_a_password_of_any_characters_is_kept_as_it_is(kept: str, alice: Client) -> None:
    assert change(alice, kept)
    user = User.objects.get(email="alice@example.com")
    assert not user.check_password(kept.strip().upper())
    assert not user.check_password(kept[:64] if len(kept) > 64 else kept[:-1])


def test_a_change_needs_the_current_password(alice: Client) -> None:
    assert not change(alice, "another passphrase", current="a guess")
