"""Stripe's objects with all their fields.

Each function returns one object. A field has Stripe's default unless its value is given.
"""

from typing import Any

Object = dict[str, Any]
API_VERSION = "2026-10-28.endive"


def customer(customer_id: str, created: int, **values: Any) -> Object:
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": customer_id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **values,
    }


_NULL_FIELDS = (
    "account_tax_ids",
    "application",
    "automatically_finalizes_at",
    "custom_fields",
    "customer_account",
    "customer_phone",
    "customer_shipping",
    "default_payment_method",
    "default_source",
    "description",
    "due_date",
    "effective_at",
    "ending_balance",
    "footer",
    "from_invoice",
    "hosted_invoice_url",
    "invoice_pdf",
    "last_finalization_error",
    "latest_revision",
    "next_payment_attempt",
    "number",
    "on_behalf_of",
    "parent",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "test_clock",
    "total_pretax_credit_amounts",
    "webhooks_delivered_at",
)
_ZERO_FIELDS = (
    "amount_due",
    "amount_overpaid",
    "amount_paid",
    "amount_remaining",
    "amount_shipping",
    "attempt_count",
    "post_payment_credit_notes_amount",
    "pre_payment_credit_notes_amount",
    "starting_balance",
    "subtotal",
    "subtotal_excluding_tax",
    "total",
    "total_excluding_tax",
)
_EMPTY_LIST_FIELDS = (
    "customer_tax_ids",
    "default_tax_rates",
    "discounts",
    "total_discount_amounts",
    "total_taxes",
)
_DEFAULT_FIELDS = {
    "account_country": "US",
    "account_name": "Stripe stand-in",
    "attempted": False,
    "auto_advance": False,
    "billing_reason": "manual",
    "collection_method": "charge_automatically",
    "currency": "usd",
    "customer_tax_exempt": "none",
    "livemode": False,
}


def invoice(invoice_id: str, created: int, payer: Object, **values: Any) -> Object:
    return {
        "id": invoice_id,
        "object": "invoice",
        **dict.fromkeys(_NULL_FIELDS),
        **dict.fromkeys(_ZERO_FIELDS, 0),
        **{name: [] for name in _EMPTY_LIST_FIELDS},
        **_DEFAULT_FIELDS,
        "created": created,
        "customer": payer["id"],
        **payer_fields(payer, []),
        "automatic_tax": {
            "enabled": False,
            **dict.fromkeys(("disabled_reason", "liability", "provider", "status")),
        },
        "issuer": {"type": "self"},
        "metadata": {},
        "payment_settings": dict.fromkeys(
            ("default_mandate", "payment_method_options", "payment_method_types")
        ),
        "period_end": created,
        "period_start": created,
        "status": "draft",
        "status_transitions": dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        ),
        **values,
    }


def line_item(line_id: str, item_id: str, created: int, draft: Object, **values: Any) -> Object:
    return {
        "id": line_id,
        "object": "line_item",
        "amount": 0,
        "currency": draft["currency"],
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": draft["id"],
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": {
                "invoice_item": item_id,
                "proration": False,
                "proration_details": None,
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "period": {"end": created, "start": created},
        "pretax_credit_amounts": None,
        "pricing": None,
        "quantity": 1,
        "quantity_decimal": "1",
        "subscription": None,
        "subtotal": values.get("amount", 0),
        "taxes": None,
        **values,
    }


def payer_fields(payer: Object, tax_ids: list[Object]) -> Object:
    """Return what an invoice says of its customer. It no longer changes once it is finalized."""
    return {
        "customer_address": payer["address"],
        "customer_email": payer["email"],
        "customer_name": payer["name"],
        "customer_tax_ids": [{"type": tax["type"], "value": tax["value"]} for tax in tax_ids],
    }


def tax_id(tax_id_id: str, created: int, owner: Object, **values: Any) -> Object:
    return {
        "id": tax_id_id,
        "object": "tax_id",
        "country": values.get("value", "")[:2] if values.get("type") == "eu_vat" else None,
        "created": created,
        "customer": owner["id"],
        "customer_account": None,
        "livemode": False,
        "owner": {"customer": owner["id"], "customer_account": None, "type": "customer"},
        "verification": {
            "status": "pending",
            "verified_address": None,
            "verified_name": None,
        },
        **values,
    }


def event(event_id: str, created: int, event_type: str, subject: Object, request: Object) -> Object:
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": request,
        "type": event_type,
    }


def listing(data: list[Object], url: str, *, has_more: bool) -> Object:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
