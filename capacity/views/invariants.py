"""The operator's page with the result of all invariants."""

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from capacity.usage.queries.invariants import INVARIANTS, violations


@admin.site.admin_view
@permission_required("capacity.check_invariants", raise_exception=True)
def invariants(request: HttpRequest) -> HttpResponse:
    """Check all invariants over the whole database, as `manage.py check_invariants` does."""
    now = timezone.now()
    broken = {violation.invariant: violation.rows for violation in violations(now=now)}
    context = admin.site.each_context(request) | {
        "title": "Invariants",
        "checked": [(invariant, broken.get(invariant, ())) for invariant in INVARIANTS],
        "broken": len(broken),
        "now": now,
    }
    status = 500 if broken else 200
    return render(request, "admin/capacity/invariants.html", context, status=status)
