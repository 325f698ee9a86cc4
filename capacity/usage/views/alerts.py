"""Usage alerts: their list, what they tell of, the emails about usage, and callouts."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import AccessContext, Permission
from accounts.operations.audit import Actor
from accounts.views.permissions import PageRequest, caller, error_page, permission_required
from accounts.views.responses import redirect_from_dialog
from capacity.usage.filters import AlertFilters
from capacity.usage.forms import UsageAlertsForm, UsageMailsForm
from capacity.usage.operations.alerts import set_usage_alerts
from capacity.usage.operations.mails import find_mail_link, set_usage_mails, turn_off_usage_mail
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.alerts import mails_wanted, named, rules_of, usage_alerts
from capacity.usage.queries.callouts import callouts
from common.client_address import client_address
from common.errors import BusinessError
from common.fragments import render_fragment
from common.lists import list_page, render_lists

PLACES = 2


@permission_required(Permission.USAGE)
@require_GET
def alerts_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the alerts, newest first, the rules, and the emails that this owner gets."""
    filters = AlertFilters("alerts", request.GET)
    alerts = list_page(request, "alerts", usage_alerts(access.organization), filters)
    context = {
        "alerts": alerts,
        "named": named(alerts),
        "rules": rules_of(access.organization),
        "mails": UsageMailsForm.showing(mails_wanted(access.organization, access.user)),
        "may_manage": access.may(Permission.MANAGE),
    }
    return render_lists(request, "usage/alerts.html", context)


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def set_alerts(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the form of the rules, for htmx as a dialog. A POST sets them."""
    if request.method == "POST":
        form = UsageAlertsForm(request.POST)
        if form.is_valid():
            set_usage_alerts(**caller(request), **form.cleaned_data)
            messages.success(request, "The alert rules are set.")
            return redirect_from_dialog(request, _page(access))
    else:
        form = UsageAlertsForm.showing(rules_of(access.organization))
    context = {"form": form, "back": _page(access)}
    status = 422 if form.errors else 200
    if request.htmx:
        return render_fragment(request, "usage/set_alerts.html#dialog", context, status=status)
    return render(request, "usage/set_alerts.html", context, status=status)


@permission_required(Permission.USAGE)
@require_POST
def set_mails(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Set which emails about usage this owner gets."""
    form = UsageMailsForm(request.POST)
    form.is_valid()
    set_usage_mails(**caller(request), user=access.user, wanted=form.wanted)
    messages.success(request, "Your emails about usage are set.")
    return redirect(_page(access))


@permission_required(Permission.SCALE_TIER)
@require_GET
def callouts_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show what stands out in the last days; the Scale Tier page loads it by htmx.

    That page keeps room for `PLACES` lines. If there are more, the last of them opens the others.
    """
    close_due_windows(access.organization, now=access.now)
    found = callouts(access.organization, now=access.now)
    shown = len(found.rows) if len(found.rows) <= PLACES else PLACES - 1
    context = {
        "span": found.span,
        "first": found.rows[:shown],
        "others": found.rows[shown:],
        "may_buy": access.may(Permission.BUY),
        "may_see_usage": access.may(Permission.USAGE),
    }
    if request.htmx:
        return render_fragment(request, "usage/callouts.html#callouts", context)
    return render(request, "usage/callouts.html", context)


@csrf_exempt  # A mail program posts here too (RFC 8058). The token is the permission.
@login_not_required
@require_http_methods(["GET", "POST"])
def turn_off_mail(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, and by a POST turn off a kind of email for one owner, who need not be signed in.

    A GET changes nothing: mail programs follow links to look at what is behind them.
    """
    try:
        link = find_mail_link(token)
        if request.method == "POST":
            by = Actor("page", link.user, client_address(request))
            turn_off_usage_mail(link, by=by, now=link.organization.now())
    except BusinessError as error:
        return error_page(request, error)
    context = {"link": link, "is_off": request.method == "POST"}
    return render(request, "usage/turn_off_mail.html", context)


def _page(access: AccessContext) -> str:
    return reverse("usage_alerts", args=[access.organization.public_id])
