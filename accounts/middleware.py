"""What stands before every page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseRedirectBase
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails


class SignInRequired(LoginRequiredMiddleware):
    """Sends whoever is not signed in to sign in; htmx too, back to the page it asked from."""

    def handle_no_permission(  # type: ignore[override]  # the base names its own class
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirectBase:
        htmx: HtmxDetails | None = getattr(request, "htmx", None)
        if not htmx:
            return super().handle_no_permission(request, view_func)
        return HttpResponseClientRedirect(redirect_to_login(_asked_from(request, htmx)).url)


def _asked_from(request: HttpRequest, htmx: HtmxDetails) -> str:
    """The page that asked; what was typed into a form of its own comes back with it."""
    page = urlsplit(htmx.current_url or "/")
    typed = request.GET.urlencode() if request.path.startswith(page.path) else ""
    query = typed or page.query
    return page.path + (f"?{query}" if query else "")
