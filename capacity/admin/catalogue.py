"""Admin pages of the catalogue, its prices and supply caps, and of lots."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin import AuditedAdmin, ReadOnlyAdmin
from capacity.models import ListPrice, Lot, PayAsYouGoPrice, Snapshot, TokenUnit
from capacity.queries.catalogue_effects import (
    price_effects,
    retirement_effects,
    supply_effects,
    tpm_effects,
)


class TokenUnitInline(admin.TabularInline[TokenUnit, Snapshot]):
    """The token units of a snapshot. What exists is changed on its own page, its kind never."""

    model = TokenUnit
    extra = 0
    can_delete = False
    show_change_link = True

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PayAsYouGoPriceInline(admin.TabularInline[PayAsYouGoPrice, Snapshot]):
    """What the account plan costs. Operators add a price with a date; nobody edits one (R6)."""

    model = PayAsYouGoPrice
    extra = 0
    can_delete = False
    fields = ("from_on", "input", "cached_input", "output", "source")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Snapshot)
class SnapshotAdmin(AuditedAdmin):
    list_display = ("model", "name", "provider", "retires_on", "source")
    list_filter = ("provider",)
    search_fields = ("model", "name")
    inlines = (TokenUnitInline, PayAsYouGoPriceInline)

    def effects(self, form: ModelForm[Any], formsets: Iterable[Any]) -> list[str]:
        return retirement_effects(form.instance) if "retires_on" in form.changed_data else []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The id of a model cannot be changed: lots, charges and invoices refer to it."""
        return () if obj is None else ("model",)


class ListPriceInline(admin.TabularInline[ListPrice, TokenUnit]):
    """List prices. Operators add a price with a date; nobody edits one (R6)."""

    model = ListPrice
    extra = 0
    can_delete = False
    fields = ("from_on", "amount")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(TokenUnit)
class TokenUnitAdmin(AuditedAdmin):
    """TPM, supply cap (R12) and list prices (R6) of one kind of one snapshot."""

    list_display = ("snapshot", "kind", "tpm", "supply_cap")
    list_filter = ("kind", "snapshot__provider")
    search_fields = ("snapshot__model",)
    list_select_related = ("snapshot",)
    inlines = (ListPriceInline,)

    def effects(self, form: ModelForm[Any], formsets: Iterable[Any]) -> list[str]:
        unit: TokenUnit = form.instance
        today = timezone.now().date()
        new_prices = [
            row for each in formsets for row in each.new_objects if isinstance(row, ListPrice)
        ]
        effects = [effect for price in new_prices for effect in price_effects(price, today)]
        if form.initial and "tpm" in form.changed_data:
            effects += tpm_effects(unit, form.initial["tpm"])
        if "supply_cap" in form.changed_data:
            effects += supply_effects(unit, form.initial.get("supply_cap"))
        return effects

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("snapshot", "kind")


@admin.register(Lot)
class LotAdmin(ReadOnlyAdmin):
    list_display = (
        "public_id",
        "organization",
        "snapshot",
        "kind",
        "active_units",
        "units",
        "starts_on",
        "charged_until",
    )
    list_filter = ("kind",)
    search_fields = ("public_id", "organization__public_id", "snapshot__model")
    list_select_related = ("organization", "snapshot")
