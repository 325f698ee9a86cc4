"""What Stripe's API does with customers and invoices, as far as the product asks for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scaletier.devserver.stripe import shapes
from scaletier.devserver.stripe.errors import invalid, missing
from scaletier.devserver.stripe.form import Params, boolean, integer, only, required
from scaletier.devserver.stripe.shapes import Object
from scaletier.devserver.stripe.store import Store, new_id

MOST_LINES = 250
SHOWN_LINES = 10
PAGING = ("limit", "starting_after", "created")


@dataclass(slots=True)
class Api:
    """One request's hands on the store, inside one transaction."""

    store: Store
    public_url: str
    request: Object = field(default_factory=lambda: {"id": None, "idempotency_key": None})

    def handle(self, method: str, path: str, params: Params) -> Object:
        """The answer's body. Raises ApiError."""
        for verb, pattern, action in ROUTES:
            if verb == method and (found := re.fullmatch(pattern, path)):
                body: Object = action(self, params, *found.groups())
                return body
        raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)

    # --- Customers ----------------------------------------------------------------------------

    def create_customer(self, params: Params) -> Object:
        only(params, "name", "email", "metadata", "description")
        made = shapes.customer(new_id("cus"), self._now(), **params)
        return self._tell("customer.created", self.store.add(made))

    def update_customer(self, params: Params, customer: str) -> Object:
        only(params, "name", "email", "metadata", "description")
        return self._tell(
            "customer.updated", self.store.save(self._customer(customer, "id") | params)
        )

    def list_customers(self, params: Params) -> Object:
        only(params, "email", *PAGING)
        having = {"email": params["email"]} if "email" in params else {}
        return self._page(self.store.all("customer", **having)[::-1], params, "/v1/customers")

    # --- Invoices: draft ----------------------------------------------------------------------

    def create_invoice(self, params: Params) -> Object:
        only(
            params,
            "auto_advance",
            "collection_method",
            "currency",
            "custom_fields",
            "customer",
            "days_until_due",
            "description",
            "due_date",
            "metadata",
            "pending_invoice_items_behavior",
        )
        payer = self._customer(required(params, "customer"), "customer")
        said = {
            name: params[name]
            for name in ("currency", "custom_fields", "description", "metadata")
            if name in params
        }
        made = shapes.invoice(new_id("in"), self._now(), payer, **said)
        made |= self._collection(params, payer)
        return self._tell("invoice.created", self._with_lines(self.store.add(made)))

    def _collection(self, params: Params, payer: Object) -> Object:
        if params.get("collection_method") != "send_invoice":
            return {}
        if not payer["email"]:
            raise invalid(
                "Missing email. In order to create invoices that are sent to the customer, the "
                "customer must have a valid email.",
                "customer",
            )
        days, due = integer(params, "days_until_due"), integer(params, "due_date")
        if (days is None) == (due is None):
            raise invalid("Specify one of days_until_due and due_date.", "days_until_due")
        if due is None:
            due = self._now() + 86400 * (days or 0)
        elif due <= self._now():
            raise invalid(
                "Invalid timestamp: must be an integer Unix timestamp in the future.", "due_date"
            )
        return {"collection_method": "send_invoice", "due_date": due}

    def add_lines(self, params: Params, invoice: str) -> Object:
        only(params, "lines")
        found = self._invoice(invoice)
        self._must_be(found, "draft")
        lines = required(params, "lines")
        if len(lines) + len(self._lines(found)) > MOST_LINES:
            raise invalid(f"An invoice has at most {MOST_LINES} items.", "lines")
        for line in lines:
            only(line, "amount", "description", "metadata", "discountable", "period")
            said = line | {"amount": integer(line, "amount", 0)}
            made = shapes.line_item(new_id("il"), new_id("ii"), self._now(), found, **said)
            self.store.add(made)
        total = sum(line["amount"] for line in self._lines(found))
        names = ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
        found |= dict.fromkeys(names, total)
        found |= dict.fromkeys(("amount_due", "amount_remaining"), max(total, 0))
        return self._with_lines(self.store.save(found))

    def list_lines(self, params: Params, invoice: str) -> Object:
        only(params, *PAGING)
        return self._page(
            self._lines(self._invoice(invoice)), params, f"/v1/invoices/{invoice}/lines"
        )

    # --- Invoices: final ----------------------------------------------------------------------

    def finalize(self, params: Params, invoice: str) -> Object:
        only(params, "auto_advance")
        found = self._invoice(invoice)
        self._must_be(found, "draft")
        payer = self._customer(found["customer"], "customer")
        number = f"{payer['invoice_prefix']}-{payer['next_invoice_sequence']:04d}"
        payer["next_invoice_sequence"] += 1
        self.store.save(payer)
        page = f"{self.public_url}/i/{new_id('test')}"
        found |= {
            "status": "open",
            "number": number,
            "effective_at": self._now(),
            "hosted_invoice_url": page,
            "invoice_pdf": page,
            "due_date": max(found["due_date"] or 0, self._now()),
        }
        self._tell("invoice.finalized", self._moved(found, "open", "finalized_at"))
        return self.settle(found, "paid") if found["total"] <= 0 else self._with_lines(found)

    def send(self, params: Params, invoice: str) -> Object:
        only(params)
        found = self._invoice(invoice)
        self._must_be(found, "open")
        return self._tell("invoice.sent", self._with_lines(found))

    def retrieve(self, params: Params, invoice: str) -> Object:
        only(params)
        return self._with_lines(self._invoice(invoice))

    def list_invoices(self, params: Params) -> Object:
        only(params, "customer", "status", *PAGING)
        having = {name: params[name] for name in ("customer", "status") if name in params}
        if "customer" in having:
            self._customer(having["customer"], "customer")
        page = self._page(self.store.all("invoice", **having)[::-1], params, "/v1/invoices")
        return page | {"data": [self._with_lines(found) for found in page["data"]]}

    def pay(self, params: Params, invoice: str) -> Object:
        only(params, "paid_out_of_band")
        elsewhere = boolean(params, "paid_out_of_band")
        return self.settle(self._invoice(invoice), "paid", attempts=0 if elsewhere else 1)

    def void(self, params: Params, invoice: str) -> Object:
        only(params)
        return self.settle(self._invoice(invoice), "void")

    def mark_uncollectible(self, params: Params, invoice: str) -> Object:
        only(params)
        return self.settle(self._invoice(invoice), "uncollectible")

    def settle(self, found: Object, status: str, *, attempts: int = 1) -> Object:
        """Paid, void or uncollectible, where Stripe lets an invoice become that.

        Paid out of band it looks the same, less the attempt that Stripe did not have to make.
        """
        self._must_be(
            found, *(("open",) if status == "uncollectible" else ("open", "uncollectible"))
        )
        if status == "paid":
            found |= {
                "amount_paid": found["amount_due"],
                "amount_remaining": 0,
                "attempted": True,
                "attempt_count": found["attempt_count"] + attempts,
            }
        event, moment = {
            "paid": ("invoice.paid", "paid_at"),
            "void": ("invoice.voided", "voided_at"),
            "uncollectible": ("invoice.marked_uncollectible", "marked_uncollectible_at"),
        }[status]
        return self._tell(event, self._moved(found, status, moment))

    def fail_payment(self, found: Object) -> Object:
        self._must_be(found, "open", "uncollectible")
        found |= {"attempted": True, "attempt_count": found["attempt_count"] + 1}
        return self._tell("invoice.payment_failed", self._with_lines(self.store.save(found)))

    # --- What they share ----------------------------------------------------------------------

    def _now(self) -> int:
        return int(self.store.now())

    def _customer(self, customer: str, param: str) -> Object:
        found = self.store.get("customer", customer)
        if found is None:
            raise missing("customer", customer, param)
        return found

    def _invoice(self, invoice: str) -> Object:
        found = self.store.get("invoice", invoice)
        if found is None:
            raise missing("invoice", invoice)
        return found

    def _must_be(self, found: Object, *statuses: str) -> None:
        if found["status"] not in statuses:
            raise invalid(
                f"This invoice is {found['status']}, not {' or '.join(statuses)}.",
                code="invoice_not_editable",
                kept=True,
            )

    def _lines(self, found: Object) -> list[Object]:
        return self.store.all("line_item", invoice=found["id"])

    def _with_lines(self, found: Object) -> Object:
        lines = self._lines(found)
        url = f"/v1/invoices/{found['id']}/lines"
        shown = shapes.listing(lines[:SHOWN_LINES], url, has_more=len(lines) > SHOWN_LINES)
        return found | {"lines": shown}

    def _moved(self, found: Object, status: str, moment: str) -> Object:
        found["status"] = status
        found["status_transitions"][moment] = self._now()
        return self._with_lines(self.store.save(found))

    def _tell(self, kind: str, about: Object) -> Object:
        event = shapes.event(new_id("evt"), self._now(), kind, about, self.request)
        self.store.owe(self.store.add(event)["id"])
        return about

    def _page(self, found: list[Object], params: Params, url: str) -> Object:
        """One page after the cursor. Stripe's lists are never behind what was answered before."""
        limit = integer(params, "limit", 10) or 0
        if not 1 <= limit <= 100:
            raise invalid("This value must be between 1 and 100.", "limit")
        since = integer(params.get("created") or {}, "gte", 0) or 0
        found = [item for item in found if item.get("created", since) >= since]
        if cursor := params.get("starting_after"):
            ids = [item["id"] for item in found]
            if cursor not in ids:
                raise missing("object", cursor, "starting_after")
            found = found[ids.index(cursor) + 1 :]
        return shapes.listing(found[:limit], url, has_more=len(found) > limit)


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/v1/customers", Api.list_customers),
    ("POST", "/v1/customers", Api.create_customer),
    ("POST", "/v1/customers/([^/]+)", Api.update_customer),
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
