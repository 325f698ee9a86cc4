"""The permission check of every page of an organization, and the error page."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, cast

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect, retarget
from django_htmx.middleware import HtmxDetails

from accounts.access import AccessContext, Permission, SecondFactorRequired, authorize
from accounts.models import User
from accounts.operations.audit import Actor
from accounts.operations.changes import Caller
from accounts.operations.days import bring_up_to_date
from accounts.queries.members import owners
from common.client_address import client_address
from common.errors import BusinessError, InvalidRequest, NotFound
from common.fragments import mark_fragment, render_fragment

Arguments = ParamSpec("Arguments")


class PageRequest(HttpRequest):
    """The request of a signed-in person, with `htmx` and the access to the organization."""

    htmx: HtmxDetails
    user: User
    access: AccessContext


Page = Callable[Concatenate[PageRequest, AccessContext, Arguments], HttpResponseBase]
Route = Callable[..., HttpResponseBase]


def permission_required(permission: Permission) -> Callable[[Page[Any]], Route]:
    """Check the permission (R18), then call the view with `access` in place of `organization_id`.

    Every due day is opened before the view runs, so that nobody sees or changes an earlier day
    (R7). A BusinessError, raised here or by the view, becomes an error page. A member without a
    second factor that is required is sent to the page that says so (R24).
    """

    def decorate(page: Page[Any]) -> Route:
        @wraps(page)
        def checked_page(
            http_request: HttpRequest, organization_id: str, **arguments: Any
        ) -> HttpResponseBase:
            request = cast(PageRequest, http_request)
            try:
                if any("\0" in str(text) for text in arguments.values()):
                    raise NotFound("There is nothing of that name.")
                # Every member may see the navigation, which an error page shows too.
                request.access = authorize(
                    user=request.user,
                    organization_id=organization_id,
                    permission=Permission.OWN_API_KEYS,
                )
                request.access.require(permission)
                bring_up_to_date(organization=request.access.organization, now=request.access.now)
                return page(request, request.access, **arguments)
            except SecondFactorRequired:
                return _to_second_factor(request, organization_id)
            except BusinessError as error:
                return error_page(request, error)
            except DataError as error:
                return error_page(request, _nul_refused(request, error))

        return checked_page

    return decorate


def _to_second_factor(request: PageRequest, organization_id: str) -> HttpResponse:
    url = reverse("second_factor_required", args=[organization_id])
    if request.htmx:
        return mark_fragment(HttpResponseClientRedirect(url), "redirect")
    return redirect(url)


def _nul_refused(request: PageRequest, error: DataError) -> InvalidRequest:
    """Return what to say of a text with a NUL that reached the database, which can store none.

    Fields of forms refuse one by themselves, and keep what was typed. Raises the error of the
    database if the request has no NUL: then it has another cause.
    """
    names = sorted(
        name
        for sent in (request.GET, request.POST)
        for name, texts in sent.lists()
        if any("\0" in str(text) for text in texts)
    )
    if not names:
        raise error
    return InvalidRequest.field(names[0], f"“{names[0]}” has a NUL character. Send it without.")


def error_page(request: HttpRequest, error: BusinessError) -> HttpResponse:
    """Render the error as a page; for htmx, as the content of the dialog."""
    access = getattr(request, "access", None)
    context: dict[str, Any] = {"error": error}
    if access and error.status == HTTPStatus.FORBIDDEN:
        context["owners"] = owners(access.organization)
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    if htmx:
        response = render_fragment(request, "error.html#dialog", context, status=error.status)
        return retarget(response, "#dialog")
    return render(request, "error.html", context, status=error.status)


def caller(request: PageRequest) -> Caller:
    """Return the first arguments of every operation."""
    return Caller(
        organization=request.access.organization,
        by=Actor(source="page", user=request.user, address=client_address(request)),
        now=request.access.now,
    )
