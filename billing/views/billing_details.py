"""Billing details: whom the invoices to come are made out to."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from billing.domain.billing_details import Customer
from billing.forms import BillingDetailsForm
from billing.operations.billing_details import set_billing_details
from billing.queries.billing_details import NOTHING, billing_details
from common.errors import InvalidRequest
from common.forms import add_business_error


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def billing_details_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the form with the present details. A POST sets them."""
    details = billing_details(access.organization)
    if request.method == "POST":
        form = BillingDetailsForm(request.POST)
        if form.is_valid() and _set(request, form):
            messages.success(request, "The billing details are saved. The next invoice has them.")
            return redirect("billing_details", access.organization.public_id)
    else:
        form = BillingDetailsForm(initial=details.document())
    context = {"form": form, "is_empty": details == NOTHING}
    status = 422 if form.errors else 200
    return render(request, "billing/billing_details.html", context, status=status)


def _set(request: PageRequest, form: BillingDetailsForm) -> bool:
    """Set the details of a valid form. Return False if something cannot be printed or sent."""
    try:
        set_billing_details(**caller(request), details=Customer(**form.cleaned_data))
    except InvalidRequest as error:
        add_business_error(form, error)
        return False
    return True
