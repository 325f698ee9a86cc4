"""The adapters of django-allauth: who may sign in and how often, passwords, mail, and encryption.

Sign-up is closed, and mail names the public address. Failed attempts are counted by account and
address together, so that nobody is kept out by the attempts of others elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.known_devices import known_device
from accounts.models import User
from accounts.operations.audit import Actor
from accounts.operations.passwords import change_password, reset_password
from accounts.operations.sessions import end_sessions_of_person
from accounts.operations.sign_ins import record_failed_sign_in, record_sign_in
from accounts.queries.second_factors import has_second_factor
from common import encryption
from common.client_address import client_address

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - it is written, not listened on
"""Stands for the address of a client on a local socket."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failed attempts to sign in are allowed, counted by `key` or else by address."""

    name: str
    rate: str
    refusal: str
    key: str | None = None


class AccountAdapter(DefaultAccountAdapter):
    """Closes allauth's sign-up page. The page of an invitation creates the user instead."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address for limits and for the list of sessions, which must have one."""
        return client_address(request) or NO_ADDRESS

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt, before its password is looked at. A success takes it back.

        Raises ValidationError if there were too many.
        """
        usage = ratelimit.RateLimitUsage(usage=[])
        self._login_failed_rl_usage = usage
        for limit in self._limits(request, credentials.get("email", "").lower()):
            counted = ratelimit.consume(
                request,
                app="allauth.account",
                action=limit.name,
                config={limit.name: limit.rate},
                key=limit.key,
            )
            if counted is None:
                raise forms.ValidationError(limit.refusal, code="too_many_login_attempts")
            usage.usage += counted.usage

    def _limits(self, request: HttpRequest, email: str) -> list[Limit]:
        """Return the limits of an attempt.

        A known device has a limit of its own. An account with a second factor is guarded by that,
        whose codes allauth counts: it has none but that of the address.
        """
        user = User.objects.filter(email=email).first()
        device = user and (known_device(request, user) or _session_of(request, user))
        if device:
            refusal = "Too many failed attempts in this browser. Try again in five minutes."
            return [Limit("failed_on_device", "10/5m/key", refusal, f"{email} {device}")]
        from_address = Limit(
            "failed_from_address",
            "60/m/ip",
            "Too many failed attempts from your address. Try again in a minute.",
        )
        if user and has_second_factor(user):
            return [from_address]
        address = ratelimit.get_ip(request)
        return [
            from_address,
            Limit(
                "failed_for_account_from_address",
                "5/5m/key",
                "Too many failed attempts for this account from your address. "
                "Try again in five minutes, or reset your password.",
                f"{email} {address}",
            ),
            Limit(
                "failed_for_account",
                "100/h/key",
                "Too many failed attempts for this account. "
                "Use a browser in which you have signed in before, or reset your password.",
                email,
            ),
        ]

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        record_failed_sign_in(
            email=credentials.get("email", ""),
            reason="password",
            by=Actor("page", address=client_address(request)),
            real_now=timezone.now(),
        )

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        records = get_authentication_records(request, user)
        record_sign_in(
            methods=[record.get("type", record["method"]) for record in records],
            by=Actor("page", user, client_address(request)),
            real_now=timezone.now(),
        )
        return response

    def set_password(self, user: User, password: str) -> None:
        """Save a new password: of somebody who knew the old one, or of a reader of their mail."""
        by = Actor("page", user, client_address(self.request))
        if self.request.resolver_match.url_name != "account_reset_password_from_key":
            change_password(user=user, password=password, by=by, real_now=timezone.now())
            return
        self.logout(self.request)  # This session ends like all others.
        reset_password(user=user, password=password, by=by, real_now=timezone.now())
        self.request.proved_to_be = user  # So failed attempts elsewhere do not keep them out.

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail whose links lead to the public address.

        allauth makes links from the `Host` header, which whoever asks for the mail can choose.
        """
        links = {name: _public(url) for name, url in context.items() if name.endswith("_url")}
        site = SimpleNamespace(name="Scale Tier", domain=settings.PUBLIC_URL)
        super().send_mail(template_prefix, email, {**context, **links, "current_site": site})


class SessionsAdapter(DefaultUserSessionsAdapter):
    """Records which sessions a person ends."""

    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        request = context.request
        end_sessions_of_person(
            sessions,
            user=request.user,
            by=Actor("page", request.user, client_address(request)),
            real_now=timezone.now(),
        )


def _public(url: str) -> str:
    return settings.PUBLIC_URL + urlsplit(url)._replace(scheme="", netloc="").geturl()


def _session_of(request: HttpRequest, user: User) -> str:
    """Return a word if the person is signed in and types their password again, else nothing."""
    return "session" if request.user == user else ""


class SecondFactorAdapter(DefaultMFAAdapter):
    """Encrypts the secrets of second factors, and of recovery codes, in the database.

    A passkey is stored as its public key, which is no secret.
    """

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "Incorrect code or passkey. Try again.",
    }

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002
        """Return the name of a new passkey: “Passkey”, then “Passkey 2” and so on."""
        others = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {others + 1}" if others else "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the site that a passkey is for. It works at this host alone."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return {**entity, "name": "Scale Tier"}

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the text. One that was stored before secrets were encrypted is itself the text."""
        if not encryption.is_encrypted(encrypted_text):
            return encrypted_text
        return encryption.decrypt(encrypted_text)
