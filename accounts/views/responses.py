"""Responses that htmx shows as a dialog, and that are pages without htmx."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from accounts.views.permissions import PageRequest


def confirmation(
    request: PageRequest, *, title: str, text: str, action: str, confirm: str, back: str
) -> HttpResponse:
    """Ask “Are you sure?”. `action` is the URL that the form posts to, `back` that of “Cancel”."""
    template = "components/confirm.html#dialog" if request.htmx else "components/confirm.html"
    context = {"title": title, "text": text, "action": action, "confirm": confirm, "back": back}
    return render(request, template, context)


def redirect_from_dialog(request: PageRequest, url: str) -> HttpResponse:
    """Redirect the whole page, also when the request came from a dialog."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
