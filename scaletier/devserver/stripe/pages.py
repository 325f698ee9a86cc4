"""The hosted invoice page, with a notice that no money moves."""

from datetime import UTC, datetime
from html import escape

from scaletier.devserver.stripe.shapes import Object

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 44rem; padding: 1rem; }
.notice { border: 2px dashed; border-radius: .5rem; padding: .5rem 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .4rem 0; text-align: left; vertical-align: top; }
td:last-child, th:last-child { padding-left: 1rem; text-align: right; white-space: nowrap; }
form { display: inline; }
button { border: 1px solid; border-radius: .4rem; cursor: pointer; font: inherit;
  padding: .5rem 1rem; }
button.pay { background: #4338ca; border-color: #4338ca; color: #fff; font-weight: 600; }
dl { display: grid; gap: 0 1rem; grid-template-columns: max-content 1fr; }
dd { margin: 0; }
"""

ACTIONS = {
    "fail": "Fail a payment",
    "void": "Void",
    "uncollectible": "Mark uncollectible",
}


def hosted_page(invoice: Object, lines: list[Object]) -> str:
    """Return the HTML of one invoice, with buttons for the actions that its status allows."""
    details = {
        "Invoice": invoice["number"],
        **{field["name"]: field["value"] for field in invoice["custom_fields"] or []},
        "Billed to": invoice["customer_name"] or invoice["customer_email"],
        "Due": datetime.fromtimestamp(invoice["due_date"], UTC).date().isoformat(),
        "Status": invoice["status"],
    }
    detail_list = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in details.items()
    )
    rows = "".join(
        f"<tr><td>{escape(line['description'] or '')}</td>"
        f"<td>{money(line['amount'], line['currency'])}</td></tr>"
        for line in lines
    )
    total = money(invoice["total"], invoice["currency"])
    return page(
        f"Invoice {invoice['number']}",
        f"<h1>{total}</h1><dl>{detail_list}</dl>"
        f"<table><thead><tr><th>Description</th><th>Amount</th></tr></thead><tbody>{rows}</tbody>"
        f"<tfoot><tr><th>Total</th><th>{total}</th></tr></tfoot></table>{_buttons(invoice)}",
    )


def page(title: str, body: str) -> str:
    """Return a whole HTML page. `body` is HTML, `title` is text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        '<p class="notice"><strong>Stripe stand-in — no money moves.</strong></p>'
        f"{body}</main></body></html>"
    )


def money(amount: int, currency: str) -> str:
    """Return an amount in minor units as text for HTML: `1,234.50 USD`."""
    sign = "−" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100:,}.{abs(amount) % 100:02d} {escape(currency.upper())}"


def _buttons(invoice: Object) -> str:
    if invoice["status"] not in {"open", "uncollectible"}:
        return f'<p role="status">This invoice is {escape(invoice["status"])}.</p>'
    others = " ".join(
        _button(action, label)
        for action, label in ACTIONS.items()
        if action != "uncollectible" or invoice["status"] == "open"
    )
    amount = money(invoice["amount_remaining"], invoice["currency"])
    pay = _button("pay", f"Pay {amount}", "pay")
    return f"<div>{pay}</div><details><summary>Try something else</summary>{others}</details>"


def _button(action: str, label: str, css_class: str = "") -> str:
    return (
        f'<form method="post"><button class="{css_class}" name="action" value="{action}">'
        f"{label}</button></form>"
    )
