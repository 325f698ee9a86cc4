"""The adapter of django-allauth: sign-up is closed, and mail names the public address."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class InvitationOnlyAdapter(DefaultAccountAdapter):
    """Closes allauth's sign-up page. The page of an invitation creates the user instead."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail whose links lead to the public address.

        allauth makes links from the `Host` header, which whoever asks for the mail can choose.
        """
        links = {name: _public(url) for name, url in context.items() if name.endswith("_url")}
        site = SimpleNamespace(name="Scale Tier", domain=settings.PUBLIC_URL)
        super().send_mail(template_prefix, email, {**context, **links, "current_site": site})


def _public(url: str) -> str:
    return settings.PUBLIC_URL + urlsplit(url)._replace(scheme="", netloc="").geturl()
