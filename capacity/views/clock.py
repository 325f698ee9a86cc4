"""Moving a sandbox's clock, from the bar that stands on each of its pages (R13)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.access import Permission, Visit
from accounts.errors import Refusal
from accounts.forms import add_refusal
from accounts.views.visiting import PageRequest, actor, go, visited
from capacity.forms import ClockForm
from capacity.operations.clock import advance_clock, sandbox_clock
from capacity.operations.opening import Opened


@visited(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def move_clock(request: PageRequest, visit: Visit) -> HttpResponse:
    """Posted, move the clock and go back to where one was; else, or if it may not, the form."""
    form = ClockForm(request.POST) if request.method == "POST" else ClockForm()
    sandbox_clock(visit.organization)
    if form.is_valid():
        try:
            opened = advance_clock(
                organization=visit.organization, to=form.cleaned_data["to"], by=actor(request)
            )
        except Refusal as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _said(visit, opened))
            return go(request, _back(visit, form.cleaned_data["next"]))
    return _page(request, visit, form)


def _page(request: PageRequest, visit: Visit, form: ClockForm) -> HttpResponse:
    """The form stands in the bar, which htmx alone asks for."""
    back = _back(visit, form.data.get("next", ""))
    context = {"clock_form": form, "back": back}
    status = 422 if form.errors else 200
    if request.htmx:
        return render(request, "components/clock.html#bar", context, status=status)
    return render(request, "capacity/clock.html", context, status=status)


def _said(visit: Visit, opened: Opened) -> str:
    counts = [
        (opened.days, "day opened", "days opened"),
        (opened.charges, "charge", "charges"),
        (opened.invoices, "invoice", "invoices"),
    ]
    done = ", ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in counts)
    return f"The clock stands at {visit.now:%Y-%m-%d %H:%M} UTC: {done}."


def _back(visit: Visit, asked: str) -> str:
    """The page asked for, if it is one of ours."""
    ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None) and asked.startswith("/")
    return asked if ours else reverse("organization", args=[visit.organization.public_id])
