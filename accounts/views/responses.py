"""Responses that htmx shows as a dialog, and that are pages without htmx."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts.views.permissions import PageRequest
from common.fragments import mark_fragment, render_fragment


def confirmation(
    request: PageRequest, *, title: str, text: str, action: str, confirm: str, back: str
) -> HttpResponse:
    """Ask “Are you sure?”. `action` is the URL that the form posts to, `back` that of “Cancel”."""
    context: dict[str, Any] = {
        "title": title,
        "text": text,
        "action": action,
        "confirm": confirm,
        "back": back,
    }
    if request.htmx:
        return render_fragment(request, "components/confirm.html#dialog", context)
    return render(request, "components/confirm.html", context)


def list_url(request: PageRequest, name: str) -> str:
    """Return the URL of a list, with the search, filters and page of the request's own URL."""
    url = reverse(name, args=[request.access.organization.public_id])
    return f"{url}?{request.GET.urlencode()}" if request.GET else url


def redirect_from_dialog(request: PageRequest, url: str) -> HttpResponse:
    """Redirect the whole page, also when the request came from a dialog."""
    if request.htmx:
        return mark_fragment(HttpResponseClientRedirect(url), "redirect")
    return redirect(url)


def say_once(request: PageRequest, text: str, level: int = messages.SUCCESS) -> None:
    """Add a message, unless the same one waits already: its page was never shown."""
    waiting = cast(BaseStorage, messages.get_messages(request))
    texts = [message.message for message in waiting]
    waiting.used = False  # Read here, it is not shown yet.
    if text not in texts:
        messages.add_message(request, level, text)
