"""The operator's pages by what operators do, instead of by app."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

SECTIONS = {
    "Customers": ("organization", "membership", "user", "project", "apikey", "invitation"),
    "Sales": ("quoterequest", "orderform"),
    "Money": ("invoice", "billingdetails", "billingaccount", "charge"),
    "Sent and received": ("invoicesync", "customersync", "providerevent", "outboundemail"),
    "Capacity": ("lot", "purchase", "purchaserequest", "cancellation", "pool", "accountplan"),
    "Catalogue": ("snapshot", "tokenunit"),
    "Record and staff": ("auditentry", "group"),
}


_pages_by_app = admin.site.get_app_list


def list_pages(request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
    """Return the pages that the operator may open, by section: on the desk and beside each page.

    With an `app_label`, Django's own list of the app's pages.
    """
    apps: list[dict[str, Any]] = _pages_by_app(request, app_label)
    if app_label:
        return apps
    pages = {page["object_name"].lower(): page for app in apps for page in app["models"]}
    if "apikey" in pages:
        pages["apikey"]["name"] = "API keys"
    sections = {
        title: [pages.pop(name) for name in names if name in pages]
        for title, names in SECTIONS.items()
    }
    sections["Other"] = list(pages.values())
    return [
        {
            "name": title,
            "app_label": title.partition(" ")[0].lower(),
            "app_url": reverse("admin:index"),
            "has_module_perms": True,
            "models": models,
        }
        for title, models in sections.items()
        if models
    ]


admin.site.get_app_list = list_pages  # type: ignore[method-assign]
