"""The operator's site: who may open it, and what is on it of other libraries."""

from importlib import import_module
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.queries.second_factors import has_second_factor

# The pages of libraries show second-factor secrets and change rows without an audit entry. They
# register themselves when they are imported, so they are imported here, before they are removed.
for library in ("allauth.account", "allauth.mfa", "allauth.usersessions", "django.contrib.auth"):
    import_module(f"{library}.admin")
for model in (EmailAddress, Authenticator, UserSession, Group):
    admin.site.unregister(model)

admin.site.site_header = "Scale Tier operator"
admin.site.site_title = "Scale Tier operator"
admin.site.index_title = "Catalogue, supply, order forms and customers"


def may_operate(request: HttpRequest) -> bool:
    """Return whether the operator's pages are open to the person of the request.

    In production staff need a second factor, of which signing in then asks.
    """
    user = request.user
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return False
    return not settings.PRODUCTION or has_second_factor(user)


@secure_admin_login  # type: ignore[untyped-decorator]
def sign_in(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    """Send an operator to set up a second factor, which every page asks for in production.

    Operators sign in like everyone else: the decorator sends those who are not signed in there.
    """
    if may_operate(request):
        return redirect("admin:index")
    messages.warning(request, "Operators need two-factor authentication. Set it up to go on.")
    return redirect("mfa_index")


admin.site.has_permission = may_operate  # type: ignore[method-assign]
admin.site.login = sign_in  # type: ignore[method-assign]
