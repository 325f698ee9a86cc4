"""Issued invoices as PDF, with every font embedded; the same invoice gives the same bytes.

`templates/billing/invoice.typ` lays out texts that are made here. They reach it as JSON, so that
nothing in a name is taken for markup.
"""

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, time
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import manimgx_fonts
import manimgx_fonts_cjk
import typst
from django.conf import settings
from fontTools.ttLib import TTFont

from billing.queries.invoices import Statement, StatementLine
from common.days import last_day
from common.decimals import plain

TEMPLATE = settings.BASE_DIR / "templates" / "billing" / "invoice.typ"
FONT_FOLDERS = [
    Path(str(package.__file__)).parent for package in (manimgx_fonts, manimgx_fonts_cjk)
]
FIRST_FONT = FONT_FOLDERS[0] / "NotoSans[wght].ttf"
HAN_FORMS = {"JP": "JP", "KR": "KR", "TW": "TC", "HK": "HK", "MO": "HK"}
"""Whose forms of Chinese characters a country reads; all others read those of China."""


def invoice_pdf(statement: Statement) -> bytes:
    """Return the PDF of an issued invoice. It takes some 50 ms.

    It changes only if the invoice is paid or becomes void: what depends on the day, such as being
    overdue, is not in it.
    """
    texts = json.dumps(_printable(_texts(statement)), ensure_ascii=False)
    compiler = typst.Compiler(
        TEMPLATE, root=TEMPLATE.parent, font_paths=_fonts(), ignore_system_fonts=True
    )
    pdf = compiler.compile(
        format="pdf",
        sys_inputs={"invoice": texts},
        timestamp=datetime.combine(statement.issued_on, time(), UTC),
    )
    assert isinstance(pdf, bytes)
    return pdf


def _texts(statement: Statement) -> dict[str, Any]:
    customer = statement.billed_to
    details = {
        "Invoice number": statement.display_number,
        "Issued on": statement.issued_on.isoformat(),
        "Due on": statement.due_on.isoformat(),
        "Period": f"{statement.period.start} → {last_day(statement.period.end)}",
        "Purchase order": customer.purchase_order,
    }
    discount = statement.discount
    return {
        "title": f"Invoice {statement.display_number}",
        "seller": list(statement.seller),
        "customer": [
            customer.name,
            *customer.address.splitlines(),
            statement.country,
            f"Tax ID {customer.tax_id}" if customer.tax_id else "",
            customer.email,
        ],
        "details": [[label, value] for label, value in details.items() if value],
        "lines": [_line(line) for line in statement.lines],
        "sums": [
            ["Subtotal", str(statement.subtotal)],
            ["Discount", f"−{discount}" if discount.amount else str(discount)],
            ["Tax", "None charged"],
        ],
        "total": [f"Total {statement.total.currency.upper()}", str(statement.total)],
        "payment": _payment(statement),
        "support": settings.SUPPORT_EMAIL,
        "han": f"Noto Sans CJK {HAN_FORMS.get(customer.country, 'SC')}",
    }


def _line(line: StatementLine) -> dict[str, str]:
    percent = line.discount_percent
    return {
        "model": line.model,
        "kind": f"{line.kind.capitalize()} units, {line.type.label.lower()}",
        "unit_days": f"{line.unit_days:,}",
        "price": str(line.price_per_day),
        "amount": str(line.amount),
        "discount": f"−{line.discount}" if percent else "None",
        "percent": f"{plain(percent)}%" if percent else "",
        "net": str(line.net),
    }


def _payment(statement: Statement) -> str:
    if statement.status == "void":
        return "This invoice is void. Nothing is owed for it."
    if statement.paid_on:
        return f"Paid on {statement.paid_on} (UTC). Nothing is owed."
    if statement.status == "paid":
        return "Nothing is owed."
    return (
        f"Not paid yet. {statement.total} is due by {statement.due_on} (UTC);"
        f" please name {statement.display_number} with your payment."
    )


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """Return the fonts, which are read once in each process."""
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(folder) for folder in FONT_FOLDERS],
    )


def _printable(value: Any) -> Any:
    """Return texts, at any depth, of which every character is seen.

    A character that no font has is written as its code, `[U+12000]`: never as an empty box.
    """
    if isinstance(value, dict):
        return {name: _printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value if item != ""]
    return "".join(
        character if _has_glyph(character) else f"[U+{ord(character):04X}]" for character in value
    )


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    is_invisible = unicodedata.category(character) == "Cf" or character.isspace()
    return is_invisible or any(ord(character) in glyphs for glyphs in _glyphs())


def _glyphs() -> Iterator[dict[int, str]]:
    """Yield the characters of each font, those of the first font first."""
    yield _glyphs_of(FIRST_FONT)
    for folder in FONT_FOLDERS:
        for font in sorted(folder.glob("*.[ot]t[fc]")):
            yield _glyphs_of(font)


@cache
def _glyphs_of(font: Path) -> dict[int, str]:
    """Return the characters that a font has. All fonts of a collection have the same."""
    glyphs: dict[int, str] = TTFont(font, fontNumber=0, lazy=True).getBestCmap()
    return glyphs
