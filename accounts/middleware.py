"""Middleware of sign-in, of the use of sessions, and of what browsers may keep."""

from collections.abc import Callable
from hashlib import sha256
from time import time
from typing import Any
from urllib.parse import urlsplit

from allauth.usersessions.middleware import UserSessionsMiddleware
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirectBase
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.known_devices import remember_device
from accounts.models import User
from common.client_address import client_address


class NoStore:
    """Lets no browser or proxy keep a page or an API response: each is about somebody.

    Static files are served before this middleware is reached.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Cache-Control"] = "no-store, private"
        return response


class SignInRequired(LoginRequiredMiddleware):
    """Redirects to the sign-in page and afterwards back, for requests of htmx too."""

    def handle_no_permission(  # type: ignore[override]  # the base names its own class
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirectBase:
        htmx: HtmxDetails | None = getattr(request, "htmx", None)
        if not htmx:
            return super().handle_no_permission(request, view_func)
        return HttpResponseClientRedirect(redirect_to_login(_return_path(request, htmx)).url)


def _return_path(request: HttpRequest, htmx: HtmxDetails) -> str:
    """Return the path of the page that sent the htmx request, with the input of its form."""
    page = urlsplit(htmx.current_url or "/")
    form_input = request.GET.urlencode() if request.path.startswith(page.path) else ""
    query = form_input or page.query
    return page.path + (f"?{query}" if query else "")


class KnownDevices:
    """Makes the browser in which somebody signs in, or is signed in, a known device of theirs.

    So does setting a password by the link in an email. API keys do not: a session does.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        person = getattr(request, "proved_to_be", None) or _signed_in(request)
        if person:
            remember_device(request, response, person)
        return response


def _signed_in(request: HttpRequest) -> User | None:
    """Return the person of the session; the API sets `request.user` to the person of a key too."""
    user = request.user
    if not isinstance(user, User) or request.session.get(SESSION_KEY) != str(user.pk):
        return None
    return user


class SessionActivity(UserSessionsMiddleware):
    """Records when, and from which address and browser, a session is used.

    A new address or browser is recorded at once, the same ones once a minute. allauth records
    every request, which takes five statements.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        place = (client_address(request) or "") + request.META.get("HTTP_USER_AGENT", "")
        last_use = f"{int(time()) // 60} {sha256(place.encode()).hexdigest()[:12]}"
        if not request.user.is_authenticated or request.session.get("last_use") == last_use:
            response: HttpResponse = self.get_response(request)
            return response
        request.session["last_use"] = last_use
        recorded_response: HttpResponse = super().__call__(request)
        return recorded_response
