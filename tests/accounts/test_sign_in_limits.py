"""Failed attempts to sign in stop those who make them, and nobody else. Over HTTP, with cookies."""

import re
from collections.abc import Iterator
from itertools import count, islice

import pytest
import requests
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import AuditEntry, User
from common.client_address import TrustedProxies

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "the right password"
ELSEWHERE, OFFICE, NEW_PLACE = "198.51.100.7", "198.51.100.8", "198.51.100.9"
REFUSED = "Too many failed attempts"


@pytest.fixture(autouse=True)
def _behind_a_proxy() -> Iterator[None]:
    cache.clear()
    with override_settings(TRUSTED_PROXIES=TrustedProxies.parse("1")):
        yield


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice@example.com", PASSWORD, name="Alice")


class Browser:
    """A browser at an address, as the proxy in front of the product tells."""

    def __init__(self, site: LiveServer, address: str) -> None:
        self.site = site
        self.http = requests.Session()
        self.http.headers["X-Forwarded-For"] = f"203.0.113.200, {address}"

    def signs_in(self, password: str = PASSWORD, email: str = "alice@example.com") -> str:
        """Return the text of the page that comes after the sign-in page is sent."""
        return self._send("/accounts/login/", login=email, password=password)

    def shows_code(self, code: str) -> str:
        return self._send("/accounts/2fa/authenticate/", code=code)

    def signs_out(self) -> None:
        self._send("/accounts/logout/")

    def asks_for_link(self) -> None:
        self._send("/accounts/password/reset/", email="alice@example.com")

    def sets_password(self, path: str, password: str) -> None:
        form = self.http.get(self.site.url + path, timeout=60)
        path = form.url.removeprefix(self.site.url)
        self._send(path, password1=password, password2=password)

    def is_in(self) -> bool:
        return self.http.get(f"{self.site.url}/", timeout=60).url == f"{self.site.url}/"

    def _send(self, path: str, **form: str) -> str:
        url = self.site.url + path
        self.http.get(url, timeout=60)
        form["csrfmiddlewaretoken"] = str(self.http.cookies["csrftoken"])
        return self.http.post(url, form, headers={"Referer": url}, timeout=60).text


def guess(site: LiveServer, addresses: Iterator[str], times: int) -> list[str]:
    """Somebody guesses Alice's password, each time in a new browser."""
    return [Browser(site, next(addresses)).signs_in(f"guess {n}") for n in range(times)]


def everywhere() -> Iterator[str]:
    return (f"192.0.2.{number}" for number in count(1))


def always(address: str) -> Iterator[str]:
    return (address for _ in count())


def test_the_sixth_guess_from_one_address_is_refused_there_and_nowhere_else(
    live_server: LiveServer, alice: User
) -> None:
    User.objects.create_user("bob@example.com", PASSWORD, name="Bob")
    *guesses, sixth = guess(live_server, always(OFFICE), 6)
    assert not any(REFUSED in text for text in guesses)
    assert REFUSED in sixth
    at_the_office = Browser(live_server, OFFICE)
    assert "for this account from your address" in at_the_office.signs_in()
    assert not at_the_office.is_in()
    elsewhere = Browser(live_server, ELSEWHERE)
    elsewhere.signs_in()
    assert elsewhere.is_in()
    bob = Browser(live_server, OFFICE)
    bob.signs_in(email="bob@example.com")
    assert bob.is_in()


def test_alice_gets_in_where_she_was_before_whatever_others_do(
    live_server: LiveServer, alice: User
) -> None:
    laptop = Browser(live_server, OFFICE)
    laptop.signs_in()
    laptop.signs_out()
    guess(live_server, always(OFFICE), 6)
    guess(live_server, everywhere(), 100)
    assert "signed in before" in Browser(live_server, NEW_PLACE).signs_in()
    laptop.signs_in()
    assert laptop.is_in()


def test_a_known_device_has_a_limit_of_its_own_until_the_password_changes(
    live_server: LiveServer, alice: User
) -> None:
    laptop = Browser(live_server, OFFICE)
    laptop.signs_in()
    laptop.signs_out()
    guesses = [laptop.signs_in(f"guess {number}") for number in range(11)]
    assert [REFUSED in text for text in guesses] == [False] * 10 + [True]
    assert "in this browser" in guesses[-1]
    alice.set_password("another password")
    alice.save()
    guesses = [laptop.signs_in(f"guess {number}") for number in range(6)]
    assert "from your address" in guesses[-1]


def test_a_second_factor_lets_alice_in_whatever_others_do(
    live_server: LiveServer, alice: User
) -> None:
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    guess(live_server, always(OFFICE), 6)
    browser = Browser(live_server, OFFICE)
    browser.signs_in()
    assert not browser.is_in()
    browser.shows_code(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))
    assert browser.is_in()


def test_codes_of_a_second_factor_are_counted_wherever_they_come_from(
    live_server: LiveServer, alice: User
) -> None:
    TOTP.activate(alice, generate_totp_secret())
    for address in islice(everywhere(), 5):
        thief = Browser(live_server, address)
        thief.signs_in()
        assert "Incorrect code" in thief.shows_code("1")
    thief = Browser(live_server, NEW_PLACE)
    thief.signs_in()
    assert "Too many failed login attempts" in thief.shows_code("1")


def test_the_link_in_her_mail_lets_alice_in_whatever_others_do(
    live_server: LiveServer, alice: User
) -> None:
    """Setting a new password by it makes the browser a known device."""
    guess(live_server, always(OFFICE), 6)
    browser = Browser(live_server, OFFICE)
    browser.asks_for_link()
    [link] = re.findall(r"http\S+/accounts/password/reset/key/\S+", str(mail.outbox[0].body))
    browser.sets_password(link.removeprefix(settings.PUBLIC_URL), "a new password of hers")
    browser.signs_in("a new password of hers")
    assert browser.is_in()


def test_failed_attempts_are_recorded_once_an_hour_for_each_address_and_not_as_typed(
    live_server: LiveServer, alice: User
) -> None:
    guess(live_server, always(OFFICE), 3)
    guess(live_server, everywhere(), 25)
    Browser(live_server, OFFICE).signs_in("guess", email="nobody@example.com")
    entries = AuditEntry.objects.filter(action="sign_in.failed")
    assert {(entry.subject, entry.actor, str(entry.after)) for entry in entries} == {
        (alice.public_id, None, "{'reason': 'password'}")
    }
    addresses = list(entries.order_by("pk").values_list("address", flat=True))
    assert addresses == [OFFICE, *islice(everywhere(), 19)]
