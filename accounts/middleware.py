"""What stands before every page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseRedirectBase
from django_htmx.http import HttpResponseClientRedirect


class SignInRequired(LoginRequiredMiddleware):
    """Sends whoever is not signed in to sign in; htmx too, back to the page it asked from."""

    def handle_no_permission(  # type: ignore[override]  # the base names its own class
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirectBase:
        htmx = getattr(request, "htmx", None)
        if not htmx:
            return super().handle_no_permission(request, view_func)
        asked_from = urlsplit(htmx.current_url or "/")
        back = asked_from.path + (f"?{asked_from.query}" if asked_from.query else "")
        return HttpResponseClientRedirect(redirect_to_login(back).url)
