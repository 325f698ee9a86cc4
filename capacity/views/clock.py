"""The page that moves a sandbox's clock; its form is on all pages of the sandbox (R13)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import redirect_from_dialog
from capacity.forms import ClockForm
from capacity.operations.clock import advance_clock, sandbox_clock
from capacity.operations.days import Opened
from common.errors import BusinessError
from common.forms import add_business_error
from common.fragments import render_fragment


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def move_clock(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the form. A POST moves the clock and redirects to the page of the form."""
    form = ClockForm(request.POST) if request.method == "POST" else ClockForm()
    sandbox_clock(access.organization)
    if form.is_valid():
        try:
            opened = advance_clock(
                organization=access.organization,
                to=form.cleaned_data["to"],
                by=caller(request)["by"],
            )
        except BusinessError as error:
            add_business_error(form, error)
        else:
            messages.success(request, _message(access, opened))
            return redirect_from_dialog(request, _back(access, form.cleaned_data["next"]))
    return _page(request, access, form)


def _page(request: PageRequest, access: AccessContext, form: ClockForm) -> HttpResponse:
    """Show the clock bar, which has the form; as a page for requests without htmx."""
    back = _back(access, form.data.get("next", ""))
    context = {"clock_form": form, "back": back}
    status = 422 if form.errors else 200
    if request.htmx:
        return render_fragment(request, "components/clock.html#bar", context, status=status)
    return render(request, "capacity/clock.html", context, status=status)


def _message(access: AccessContext, opened: Opened) -> str:
    counts = [
        (opened.days, "day opened", "days opened"),
        (opened.charges, "charge", "charges"),
        (opened.invoices, "invoice", "invoices"),
    ]
    done = ", ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in counts)
    return f"The clock stands at {access.now:%Y-%m-%d %H:%M} UTC: {done}."


def _back(access: AccessContext, url: str) -> str:
    """Return the URL if it is a path of this site, otherwise the URL of the organization."""
    is_ours = url_has_allowed_host_and_scheme(url, allowed_hosts=None) and url.startswith("/")
    return url if is_ours else reverse("organization", args=[access.organization.public_id])
