"""The search of operators over everything: an exact id leads to its page, other text to a list."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.db.models import Model, Q
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Organization, User
from billing.domain.invoice_numbers import parse_number
from billing.models import Invoice
from common.ids import PublicIdField

MOST = 10
"""The most results of a kind."""
LEAST_OF_AN_ID = 4
ID = re.compile(r"([a-z]+_)([0-9a-f]+)…?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    """Something that was found: its name, what else is known of it, and its page."""

    name: str
    note: str
    url: str


@dataclass(frozen=True, slots=True)
class Results:
    """What was found of one kind. `is_cut` says that there may be more."""

    title: str
    rows: Sequence[Result]

    @property
    def is_cut(self) -> bool:
        return len(self.rows) == MOST


def page_of_id(request: HttpRequest, text: str) -> str | None:
    """Return the page of the object with exactly this public id, if the operator may see it."""
    for model in _models_of(text):
        row = model.objects.filter(public_id=text.lower()).first()
        if row is not None and (url := _page(request, row)):
            return url
    return None


def search(request: HttpRequest, text: str) -> list[Results]:
    """Return what the operator may see of what the text finds, by kind; few of each."""
    found = (
        Results("Customers", list(_organizations(request, text))),
        Results("People", list(_people(request, text))),
        Results("Invoices", list(_invoices(request, text))),
        Results("Ids that begin so", list(_ids(request, text))),
    )
    return [results for results in found if results.rows]


def _organizations(request: HttpRequest, text: str) -> Iterator[Result]:
    if may_view(request, Organization):
        named = Organization.objects.filter(name__icontains=text).order_by("name", "pk")
        for organization in named[:MOST]:
            note = "Sandbox" if organization.is_sandbox else ""
            yield Result(str(organization), note, customer_url(organization))


def _people(request: HttpRequest, text: str) -> Iterator[Result]:
    if may_view(request, User):
        named = User.objects.filter(Q(email__icontains=text) | Q(name__icontains=text))
        people = named.prefetch_related("memberships__organization").order_by("email")
        for person in people[:MOST]:
            memberships = person.memberships.all()
            note = ", ".join(
                f"{each.get_role_display()} of {each.organization}" for each in memberships
            )
            yield Result(f"{person} <{person.email}>", note, _page(request, person) or "")


def _invoices(request: HttpRequest, text: str) -> Iterator[Result]:
    if not may_view(request, Invoice):
        return
    parsed = parse_number(text.lower().removeprefix("invoice"))
    if parsed is None:
        return
    prefix, number = parsed
    rows = Invoice.objects.filter(number=number)
    if prefix:
        rows = rows.filter(organization__billing__invoice_prefix=prefix)
    for invoice in rows.select_related("organization__billing").order_by("-pk")[:MOST]:
        note = f"{invoice.money(invoice.total)}, due on {invoice.due_on}"
        yield Result(str(invoice), note, _page(request, invoice) or "")


def _ids(request: HttpRequest, text: str) -> Iterator[Result]:
    parts = ID.fullmatch(text)
    if not parts or len(parts[2]) < LEAST_OF_AN_ID:
        return
    begins = (parts[1] + parts[2]).lower()
    for model in _models_of(text):
        for row in model.objects.filter(public_id__startswith=begins)[:MOST]:
            if url := _page(request, row):
                note = str(getattr(row, "organization", None) or "")
                yield Result(row.public_id, note, url)


def _models_of(text: str) -> list[type[Any]]:
    """Return the models whose public ids begin like the text."""
    parts = ID.fullmatch(text)
    if not parts:
        return []
    return [
        model
        for model in apps.get_models()
        for field in model._meta.fields
        if isinstance(field, PublicIdField) and field.prefix == parts[1].lower()
    ]


def _page(request: HttpRequest, row: Model) -> str | None:
    """Return the page of a row, if the operator may see it.

    A row without a page of its own, like a transaction, is seen on that of its customer.
    """
    if isinstance(row, Organization):
        return customer_url(row) if may_view(request, Organization) else None
    if admin.site.is_registered(type(row)):
        page = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
        return reverse(page, args=[row.pk]) if may_view(request, type(row)) else None
    organization = getattr(row, "organization", None)
    return _page(request, organization) if organization else None


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether the operator may open the pages of a model."""
    try:
        return bool(admin.site.get_model_admin(model).has_view_permission(request))
    except NotRegistered:
        return False


def customer_url(organization: Organization) -> str:
    """Return the page of a customer."""
    return reverse("customer", args=[organization.public_id])
