"""Passwords, second factors and keys of people: what changes with them, and what is recorded."""

import re
from datetime import timedelta
from importlib import import_module

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from accounts.models import ApiKey, AuditEntry, User
from accounts.operations.api_keys import create_api_key
from tests.api_client import ApiCast
from tests.cast import Acme, at

pytestmark = pytest.mark.django_db

OLD, NEW = "the old password", "the new password of hers"


@pytest.fixture(autouse=True)
def _no_attempts_before() -> None:
    cache.clear()


@pytest.fixture
def alice(acme: Acme) -> User:
    person = acme.alice.person
    person.set_password(OLD)
    person.save()
    create_api_key(organization=acme.organization, name="CI", by=acme.alice, now=at("2026-01-01"))
    return person


def sign_in(alice: User, password: str = OLD) -> Client:
    browser = Client()
    browser.post("/accounts/login/", {"login": alice.email, "password": password})
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/").headers.get("Location", "").startswith("/organizations/")


def ask_for_link(alice: User, host: str = "127.0.0.1") -> str:
    Client(HTTP_HOST=host).post("/accounts/password/reset/", {"email": alice.email})
    [link] = re.findall(r"http\S+/accounts/password/reset/key/\S+", str(mail.outbox[-1].body))
    return str(link)


def set_password(link: str, browser: Client | None = None) -> str:
    browser = browser or Client()
    page = browser.get(link.removeprefix(settings.PUBLIC_URL), follow=True)
    form = {"password1": NEW, "password2": NEW}
    return browser.post(page.redirect_chain[-1][0] if page.redirect_chain else link, form).text


def recorded(acme: Acme, prefix: str) -> list[tuple[str, object]]:
    entries = acme.organization.audit_entries.order_by("pk")
    return [(entry.action, entry.after) for entry in entries if entry.action.startswith(prefix)]


def test_a_reset_ends_sessions_and_revokes_keys(acme: Acme, alice: User) -> None:
    thief, hers = sign_in(alice), sign_in(alice)
    assert is_in(thief)
    set_password(ask_for_link(alice), hers)
    assert not is_in(thief)
    assert not is_in(hers)
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert recorded(acme, "password") == [("password.reset", {"api_keys_revoked": 1})]
    assert recorded(acme, "api_key.revoked") == [("api_key.revoked", None)]
    assert is_in(sign_in(alice, NEW))


def test_a_change_ends_other_sessions_and_says_that_keys_stay(acme: Acme, alice: User) -> None:
    thief, hers = sign_in(alice), sign_in(alice)
    assert "API keys keep working" in hers.get("/accounts/password/change/").text
    form = {"oldpassword": OLD, "password1": NEW, "password2": NEW}
    hers.post("/accounts/password/change/", form)
    assert is_in(hers)
    assert not is_in(thief)
    assert ApiKey.objects.filter(revoked_at=None).count() == 1
    assert recorded(acme, "password") == [("password.changed", None)]


def test_the_link_of_a_reset_names_the_public_address_and_is_good_for_an_hour(
    acme: Acme, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = ask_for_link(alice, host="localhost")
    assert link.startswith(settings.PUBLIC_URL)
    assert "localhost" not in str(mail.outbox[-1].body)
    generator = import_module("django.contrib.auth.tokens").PasswordResetTokenGenerator
    now = generator()._now()
    later = now + timedelta(minutes=61)
    monkeypatch.setattr(generator, "_now", lambda self: later)
    assert "no longer works" in Client().get(link.removeprefix(settings.PUBLIC_URL)).text
    assert recorded(acme, "password") == []


@pytest.mark.django_db(transaction=True)  # allauth tells of a second factor after the commit.
def test_owners_see_how_their_members_sign_in_and_change_their_second_factor(
    acme: Acme, alice: User
) -> None:
    hers = sign_in(alice)
    Client().post("/accounts/login/", {"login": alice.email, "password": "guess"})
    hers.post("/accounts/reauthenticate/", {"password": OLD})
    page = hers.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    hers.post("/accounts/2fa/totp/activate/", {"code": code})
    hers.post("/accounts/2fa/recovery-codes/generate/")
    hers.post("/accounts/2fa/totp/deactivate/")
    actions = [entry for prefix in ("sign", "sec", "rec") for entry in recorded(acme, prefix)]
    assert actions == [
        ("sign_in.succeeded", {"methods": ["password"]}),
        ("sign_in.failed", {"reason": "password"}),
        ("second_factor.added", {"type": "totp"}),
        ("second_factor.removed", {"type": "totp"}),
        ("recovery_codes.generated", None),
        ("recovery_codes.generated", None),
        ("recovery_codes.removed", None),
    ]


def test_what_happens_to_operators_is_in_the_log_of_the_platform(olga: Client) -> None:
    otto = User.objects.create_user("otto@example.com", OLD, is_staff=True)
    sign_in(otto)
    entry = AuditEntry.objects.get(action="sign_in.succeeded")
    assert (entry.organization, entry.actor, entry.address) == (None, otto, "127.0.0.1")


def test_a_key_that_is_used_from_a_new_address_is_recorded_once_for_each(api: ApiCast) -> None:
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"):
        api.alice.client.get("/api/v1/keys", headers=api.alice.headers, REMOTE_ADDR=address)
    entries = api.alice.get("audit", limit=3).json()["data"]
    assert [(entry["action"], entry["address"]) for entry in entries[:3]] == [
        ("api_key.used_from_new_address", "127.0.0.1"),
        ("api_key.used_from_new_address", "192.0.2.2"),
        ("api_key.used_from_new_address", "192.0.2.1"),
    ]
    assert entries[0]["by"] == api.acme.alice.person.public_id


def test_secrets_of_second_factors_are_encrypted_and_stay_good_when_the_key_changes(
    alice: User,
) -> None:
    secret = generate_totp_secret()
    totp, codes = TOTP.activate(alice, secret), RecoveryCodes.activate(alice)
    expected = codes.generate_codes()
    assert secret not in str(totp.instance.data)
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    passkey = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Passkey"})
    key = settings.SECRET_KEY
    with override_settings(SECRET_KEY="another key", SECRET_KEY_FALLBACKS=[key]):
        assert TOTP(Authenticator.objects.get(pk=totp.instance.pk)).validate_code(code)
        assert RecoveryCodes(codes.instance).generate_codes() == expected
    with (
        override_settings(SECRET_KEY="another key", SECRET_KEY_FALLBACKS=[]),
        pytest.raises(CommandError, match="Nothing was changed"),
    ):
        call_command("encrypt_anew")
    with override_settings(SECRET_KEY="another key", SECRET_KEY_FALLBACKS=[key]):
        call_command("encrypt_anew")
    with override_settings(SECRET_KEY="another key", SECRET_KEY_FALLBACKS=[]):
        codes.instance.refresh_from_db()
        assert RecoveryCodes(codes.instance).generate_codes() == expected
    passkey.refresh_from_db()
    assert passkey.data == {"name": "Passkey"}  # A public key is no secret.


def test_secrets_of_an_earlier_version_are_good_and_the_migration_encrypts_them(
    alice: User,
) -> None:
    secret = generate_totp_secret()
    row = Authenticator.objects.create(user=alice, type="totp", data={"secret": secret})
    codes = Authenticator.objects.create(
        user=alice,
        type="recovery_codes",
        data={"seed": RecoveryCodes.generate_seed(), "used_mask": 0},
    )
    expected = RecoveryCodes(codes).generate_codes()
    migration = import_module("accounts.migrations.0008_encrypted_second_factors")
    migration.encrypt_secrets(apps, None)
    migration.encrypt_secrets(apps, None)
    row.refresh_from_db()
    codes.refresh_from_db()
    assert secret not in str(row.data)
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    assert TOTP(row).validate_code(code)
    assert RecoveryCodes(codes).generate_codes() == expected
