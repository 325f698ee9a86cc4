"""The pages of the desk. Each shows only what the operator's roles let them see."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import AuditEntry, Organization
from accounts.queries.audit_words import in_words
from scaletier.desk.customers import customer
from scaletier.desk.search import may_view, page_of_id, search
from scaletier.desk.waiting import waiting

LATEST = 8
LONGEST_SEARCH = 200


@admin.site.admin_view
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """Show what waits, what operators did last, and the pages there are."""
    now = timezone.now()
    queues = waiting(request.user, now=now)
    context = admin.site.each_context(request) | {
        "title": "Desk",
        "now": now,
        "waiting": [queue for queue in queues if queue.count],
        "quiet": [queue for queue in queues if not queue.count],
        "pages": admin.site.get_app_list(request),
    }
    if may_view(request, AuditEntry):
        acts = AuditEntry.objects.filter(source="admin").order_by("-pk")
        rows = acts.select_related("organization", "actor", "api_key")[:LATEST]
        context["acts"] = in_words(list(rows), None)
    return render(request, "admin/desk.html", context)


@admin.site.admin_view
@require_GET
def search_page(request: HttpRequest) -> HttpResponse:
    """Lead to the object with the very id that was typed; show what else was found as a list."""
    text = request.GET.get("q", "").strip().replace("\0", "")[:LONGEST_SEARCH]
    if text and (url := page_of_id(request, text)):
        return redirect(url)
    context = admin.site.each_context(request) | {
        "title": "Search",
        "text": text,
        "found": search(request, text) if text else [],
    }
    return render(request, "admin/search.html", context)


@admin.site.admin_view
@require_GET
def customer_page(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Show one customer: standing, forms, capacity, invoices, people and the latest changes."""
    if not may_view(request, Organization):
        raise PermissionDenied
    organization = get_object_or_404(Organization, public_id=organization_id)
    context = admin.site.each_context(request) | {
        "title": str(organization),
        "customer": customer(request, organization),
        "now": timezone.now(),
    }
    return render(request, "admin/customer.html", context)
