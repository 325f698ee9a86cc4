"""Stripe's API for customers and invoices, as far as the product uses it."""

import re
from collections.abc import Callable
from typing import Any

from scaletier.devserver.stripe import shapes
from scaletier.devserver.stripe.customers import PAGING, CustomerApi, check_custom_fields
from scaletier.devserver.stripe.errors import invalid, missing
from scaletier.devserver.stripe.form import Params, boolean, integer, reject_unknown, required
from scaletier.devserver.stripe.shapes import Object
from scaletier.devserver.stripe.store import new_id

MAX_LINES = 250
EMBEDDED_LINES = 10
INVOICE_FIELDS = ("currency", "custom_fields", "description", "metadata", "number")
MAX_NUMBER = 26
INVOICE_PARAMS = (
    *INVOICE_FIELDS,
    "auto_advance",
    "collection_method",
    "customer",
    "days_until_due",
    "due_date",
    "pending_invoice_items_behavior",
)


class Api(CustomerApi):
    """All endpoints of the API."""

    def handle(self, method: str, path: str, params: Params) -> Object:
        """Return the body of the response. Raises ApiError."""
        for route_method, pattern, endpoint in ROUTES:
            if route_method == method and (match := re.fullmatch(pattern, path)):
                body: Object = endpoint(self, params, *match.groups())
                return body
        raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)

    # --- Draft invoices -----------------------------------------------------------------------

    def create_invoice(self, params: Params) -> Object:
        reject_unknown(params, *INVOICE_PARAMS)
        customer = self._customer(required(params, "customer"), "customer")
        values = {name: params[name] for name in INVOICE_FIELDS if name in params}
        check_custom_fields(params)
        self._check_number(params)
        invoice = shapes.invoice(new_id("in"), self._now(), customer, **values)
        invoice |= self._collection(params, customer)
        return self._record_event("invoice.created", self._with_lines(self.store.add(invoice)))

    def _check_number(self, params: Params) -> None:
        """Raise ApiError unless the number, if there is one, can be that of a new invoice."""
        number = params.get("number")
        if number is None:
            return
        if not re.fullmatch(rf"[A-Za-z0-9-]{{1,{MAX_NUMBER}}}", number):
            raise invalid(f"Invalid invoice number: {number}", "number", "parameter_invalid")
        if self.store.all("invoice", number=number):
            raise invalid(f"The invoice number {number} is already in use.", "number")

    def _collection(self, params: Params, customer: Object) -> Object:
        """Return the fields that say how and when the invoice is to be paid."""
        if params.get("collection_method") != "send_invoice":
            return {}
        if not customer["email"]:
            raise invalid(
                "Missing email. In order to create invoices that are sent to the customer, the "
                "customer must have a valid email.",
                "customer",
            )
        days, due_date = integer(params, "days_until_due"), integer(params, "due_date")
        if (days is None) == (due_date is None):
            raise invalid("Specify one of days_until_due and due_date.", "days_until_due")
        if due_date is None:
            due_date = self._now() + 86400 * (days or 0)
        elif due_date <= self._now():
            raise invalid(
                "Invalid timestamp: must be an integer Unix timestamp in the future.", "due_date"
            )
        return {"collection_method": "send_invoice", "due_date": due_date}

    def add_lines(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params, "lines")
        invoice = self._invoice(invoice_id)
        self._check_status(invoice, "draft")
        lines = required(params, "lines")
        if len(lines) + len(self._lines(invoice)) > MAX_LINES:
            raise invalid(f"An invoice has at most {MAX_LINES} items.", "lines")
        for line in lines:
            reject_unknown(line, "amount", "description", "metadata", "discountable", "period")
            values = line | {"amount": integer(line, "amount", 0)}
            self.store.add(
                shapes.line_item(new_id("il"), new_id("ii"), self._now(), invoice, **values)
            )
        total = sum(line["amount"] for line in self._lines(invoice))
        total_fields = ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
        invoice |= dict.fromkeys(total_fields, total)
        invoice |= dict.fromkeys(("amount_due", "amount_remaining"), max(total, 0))
        return self._with_lines(self.store.save(invoice))

    def list_lines(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params, *PAGING)
        lines = self._lines(self._invoice(invoice_id))
        return self._page(lines, params, f"/v1/invoices/{invoice_id}/lines")

    # --- Final invoices -----------------------------------------------------------------------

    def finalize(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params, "auto_advance")
        invoice = self._invoice(invoice_id)
        self._check_status(invoice, "draft")
        customer = self._customer(invoice["customer"], "customer")
        number = invoice["number"] or self._next_number(customer)
        tax_ids = self.store.all("tax_id", customer=customer["id"])
        page_url = f"{self.public_url}/i/{new_id('test')}"
        invoice |= shapes.payer_fields(customer, tax_ids) | {
            "number": number,
            "effective_at": self._now(),
            "hosted_invoice_url": page_url,
            "invoice_pdf": page_url,
            "due_date": max(invoice["due_date"] or 0, self._now()),
        }
        finalized = self._set_status(invoice, "open", "finalized_at")
        self._record_event("invoice.finalized", finalized)
        if invoice["total"] <= 0:
            return self.settle(invoice, "paid")
        return self._with_lines(invoice)

    def _next_number(self, customer: Object) -> str:
        number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        customer["next_invoice_sequence"] += 1
        self.store.save(customer)
        return number

    def send(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params)
        invoice = self._invoice(invoice_id)
        self._check_status(invoice, "open")
        return self._record_event("invoice.sent", self._with_lines(invoice))

    def retrieve(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params)
        return self._with_lines(self._invoice(invoice_id))

    def list_invoices(self, params: Params) -> Object:
        reject_unknown(params, "customer", "status", *PAGING)
        filters = {name: params[name] for name in ("customer", "status") if name in params}
        if "customer" in filters:
            self._customer(filters["customer"], "customer")
        newest_first = self.store.all("invoice", **filters)[::-1]
        page = self._page(newest_first, params, "/v1/invoices")
        return page | {"data": [self._with_lines(invoice) for invoice in page["data"]]}

    def pay(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params, "paid_out_of_band")
        is_out_of_band = boolean(params, "paid_out_of_band")
        return self.settle(self._invoice(invoice_id), "paid", attempts=0 if is_out_of_band else 1)

    def void(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params)
        return self.settle(self._invoice(invoice_id), "void")

    def mark_uncollectible(self, params: Params, invoice_id: str) -> Object:
        reject_unknown(params)
        return self.settle(self._invoice(invoice_id), "uncollectible")

    def settle(self, invoice: Object, status: str, *, attempts: int = 1) -> Object:
        """Make the invoice paid, void or uncollectible, if its status allows it.

        `attempts` is the number of Stripe's attempts to collect the payment: 0 for an invoice that
        was paid out of band, which otherwise looks the same.
        """
        allowed = ("open",) if status == "uncollectible" else ("open", "uncollectible")
        self._check_status(invoice, *allowed)
        if status == "paid":
            invoice |= {
                "amount_paid": invoice["amount_due"],
                "amount_remaining": 0,
                "attempted": True,
                "attempt_count": invoice["attempt_count"] + attempts,
            }
        event_type, transition = {
            "paid": ("invoice.paid", "paid_at"),
            "void": ("invoice.voided", "voided_at"),
            "uncollectible": ("invoice.marked_uncollectible", "marked_uncollectible_at"),
        }[status]
        return self._record_event(event_type, self._set_status(invoice, status, transition))

    def fail_payment(self, invoice: Object) -> Object:
        """Record a failed attempt to collect the payment."""
        self._check_status(invoice, "open", "uncollectible")
        invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
        invoice = self._with_lines(self.store.save(invoice))
        return self._record_event("invoice.payment_failed", invoice)

    # --- Shared steps -------------------------------------------------------------------------

    def _invoice(self, invoice_id: str) -> Object:
        invoice = self.store.get("invoice", invoice_id)
        if invoice is None:
            raise missing("invoice", invoice_id)
        return invoice

    def _check_status(self, invoice: Object, *statuses: str) -> None:
        """Raise ApiError unless the invoice has one of these statuses."""
        if invoice["status"] not in statuses:
            raise invalid(
                f"This invoice is {invoice['status']}, not {' or '.join(statuses)}.",
                code="invoice_not_editable",
                is_stored=True,
            )

    def _lines(self, invoice: Object) -> list[Object]:
        return self.store.all("line_item", invoice=invoice["id"])

    def _with_lines(self, invoice: Object) -> Object:
        """Return the invoice with its first lines embedded, as Stripe shows it."""
        lines = self._lines(invoice)
        url = f"/v1/invoices/{invoice['id']}/lines"
        has_more = len(lines) > EMBEDDED_LINES
        return invoice | {"lines": shapes.listing(lines[:EMBEDDED_LINES], url, has_more=has_more)}

    def _set_status(self, invoice: Object, status: str, transition: str) -> Object:
        """Change the status, with the time of the transition. Returns the invoice with lines."""
        invoice["status"] = status
        invoice["status_transitions"][transition] = self._now()
        return self._with_lines(self.store.save(invoice))


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/v1/customers", Api.list_customers),
    ("POST", "/v1/customers", Api.create_customer),
    ("POST", "/v1/customers/([^/]+)", Api.update_customer),
    ("GET", "/v1/customers/([^/]+)", Api.retrieve_customer),
    ("GET", "/v1/customers/([^/]+)/tax_ids", Api.list_tax_ids),
    ("POST", "/v1/customers/([^/]+)/tax_ids", Api.create_tax_id),
    ("DELETE", "/v1/customers/([^/]+)/tax_ids/([^/]+)", Api.delete_tax_id),
    ("GET", "/v1/invoices", Api.list_invoices),
    ("POST", "/v1/invoices", Api.create_invoice),
    ("GET", "/v1/invoices/([^/]+)", Api.retrieve),
    ("GET", "/v1/invoices/([^/]+)/lines", Api.list_lines),
    ("POST", "/v1/invoices/([^/]+)/add_lines", Api.add_lines),
    ("POST", "/v1/invoices/([^/]+)/finalize", Api.finalize),
    ("POST", "/v1/invoices/([^/]+)/send", Api.send),
    ("POST", "/v1/invoices/([^/]+)/pay", Api.pay),
    ("POST", "/v1/invoices/([^/]+)/void", Api.void),
    ("POST", "/v1/invoices/([^/]+)/mark_uncollectible", Api.mark_uncollectible),
]
