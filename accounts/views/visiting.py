"""The one door of every page inside an organization, and what a refusal looks like there."""

from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect, retarget
from django_htmx.middleware import HtmxDetails

from accounts import access
from accounts.access import Permission, Visit
from accounts.errors import NotFound, Refusal
from accounts.models import User
from accounts.operations.audit import Actor
from accounts.operations.days import bring_up_to_date
from accounts.queries import owners

Arguments = ParamSpec("Arguments")


class PageRequest(HttpRequest):
    """A request as pages get it: signed in, with htmx's details, and the visit under way."""

    htmx: HtmxDetails
    user: User
    visit: Visit


Page = Callable[Concatenate[PageRequest, Visit, Arguments], HttpResponseBase]
Route = Callable[..., HttpResponseBase]


def visited(permission: Permission) -> Callable[[Page[Any]], Route]:
    """Let in whoever may, and pass the `visit` to the view in place of `organization_id` (R18).

    Nobody sees or acts on a stale day: what is due is opened before the view looks (R7). A refusal,
    at the door or inside, becomes its page here and nowhere else.
    """

    def guard(page: Page[Any]) -> Route:
        @wraps(page)
        def guarded(
            request: HttpRequest, organization_id: str, **arguments: Any
        ) -> HttpResponseBase:
            asked = cast(PageRequest, request)
            try:
                _refuse_nul(asked, arguments.values())
                # Every member may enter as far as the frame; so it stands around a refusal too.
                asked.visit = access.enter(
                    user=asked.user,
                    organization_id=organization_id,
                    permission=Permission.OWN_API_KEYS,
                )
                asked.visit.demand(permission)
                bring_up_to_date(organization=asked.visit.organization, now=asked.visit.now)
                return page(asked, asked.visit, **arguments)
            except Refusal as refusal:
                return refused(asked, refusal)

        return guarded

    return guard


def _refuse_nul(request: PageRequest, arguments: Iterable[Any]) -> None:
    """No text in the database can hold a NUL, so nothing that is asked for by one is there."""
    typed = (*request.GET.values(), *request.POST.values(), *arguments)
    if any("\0" in str(text) for text in typed):
        raise NotFound("There is nothing of that name.")


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page that says no; to htmx, the same in the dialog."""
    visit = getattr(request, "visit", None)
    context: dict[str, Any] = {"refusal": refusal}
    if visit and refusal.status == HTTPStatus.FORBIDDEN:
        context["owners"] = owners(visit.organization)
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    if htmx:
        response = render(request, "refused.html#dialog", context, status=refusal.status)
        return retarget(response, "#dialog")
    return render(request, "refused.html", context, status=refusal.status)


def ask(
    request: PageRequest, *, title: str, text: str, action: str, confirm: str, back: str
) -> HttpResponse:
    """“Are you sure?”, as a dialog or a page. `action` is posted to; `back` is the way out."""
    template = "components/confirm.html#dialog" if request.htmx else "components/confirm.html"
    context = {"title": title, "text": text, "action": action, "confirm": confirm, "back": back}
    return render(request, template, context)


def go(request: PageRequest, url: str) -> HttpResponse:
    """On to another page, from a dialog too."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def actor(request: PageRequest) -> Actor:
    """The visitor, as the audit log will name them."""
    return Actor(source="page", user=request.user, address=request.META.get("REMOTE_ADDR"))
