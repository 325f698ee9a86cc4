"""One order form: reading, signing and printing it (R23)."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from billing.forms import SignatureForm
from billing.operations.order_forms import sign_order_form
from billing.queries.order_forms import FormState, find_order_form, terms_digest
from common.errors import BusinessError
from common.forms import add_business_error


@permission_required(Permission.MANAGE)
@require_GET
def read_order_form(request: PageRequest, access: AccessContext, form_id: str) -> HttpResponse:
    """Show an order form, as it is printed."""
    state = find_order_form(access.organization, form_id, access.now.date())
    return render(request, "billing/order_form.html", _context(state))


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def sign(request: PageRequest, access: AccessContext, form_id: str) -> HttpResponse:
    """Show the form with a field for one's name. A POST signs it."""
    state = find_order_form(access.organization, form_id, access.now.date())
    if not state.is_to_be_signed:
        return redirect("read_order_form", access.organization.public_id, form_id)
    response: HttpResponse = _sign(request, access, state)
    return response


@reauthentication_required(app="account")  # type: ignore[untyped-decorator]
def _sign(request: PageRequest, access: AccessContext, state: FormState) -> HttpResponse:
    """Sign the form. Who has not just entered their password again does so first.

    allauth then goes on with the very request, so that the typed name is not lost.
    """
    form = SignatureForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            sign_order_form(
                form=state.form,
                signed_name=form.cleaned_data["name"],
                by=caller(request)["by"],
                now=access.now,
                shown=form.cleaned_data["shown"],
            )
        except BusinessError as error:
            add_business_error(form, error)
        else:
            messages.success(
                request,
                "The order form is signed. "
                f"Units can be bought from {state.form.starts_on} UTC on.",
            )
            return redirect("read_order_form", access.organization.public_id, state.form.public_id)
    context = _context(state) | {"form": form, "shown": terms_digest(state.form)}
    status = 422 if form.errors else 200
    return render(request, "billing/order_form.html", context, status=status)


def _context(state: FormState) -> dict[str, Any]:
    return {
        "state": state,
        "order_form": state.form,
        "seller": settings.SELLER,
        "support": settings.SUPPORT_EMAIL,
    }
