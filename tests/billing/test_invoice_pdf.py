"""The PDF of an invoice: its text is the invoice's, every character is seen, pages are numbered."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from billing.domain.billing_details import Customer
from billing.domain.invoices import LineItem, invoice_totals
from billing.domain.money import Money
from billing.domain.periods import Period
from billing.models import Invoice, InvoicePayment
from billing.pdf import invoice_pdf
from billing.queries.invoices import Statement, statement_lines
from tests.api_client import ApiCast
from tests.cast import GPT, GROK, at, signed_in

SELLER = ["Seller Inc.", "1 Main Street", "EIN 12-3456789"]
BERLIN = Customer(
    name="Acme Holding GmbH",
    address="Straße der Künste 12\n10115 Berlin",
    country="DE",
    tax_id="DE123456789",
    email="billing@acme.example",
    purchase_order="PO-17",
)

line_items = st.builds(
    LineItem,
    model=st.sampled_from([GPT, GROK]),
    kind=st.sampled_from(["input", "output", "combined"]),
    type=st.sampled_from(["first_term", "renewal"]),
    price_per_day=st.integers(0, 10**7),
    discount_percent=st.decimals(0, 100, places=2),
    unit_days=st.integers(1, 10**6),
)


def statement(
    items: list[LineItem], customer: Customer = BERLIN, status: str = "open"
) -> Statement:
    totals = invoice_totals(items)
    return Statement(
        id="inv_1",
        number=4,
        display_number="NWL-0004",
        status=status,
        period=Period(date(2026, 1, 1), date(2026, 2, 1)),
        issued_on=date(2026, 2, 1),
        due_on=date(2026, 3, 3),
        lines=statement_lines(totals.lines, "usd"),
        subtotal=Money(totals.subtotal, "usd"),
        discount=Money(totals.discount, "usd"),
        total=Money(totals.total, "usd"),
        billed_to=customer,
        seller=SELLER,
        paid_on=date(2026, 2, 9) if status == "paid" else None,
    )


def item(price: int, *, percent: str = "12.5") -> LineItem:
    return LineItem(GROK, "input", "first_term", price, Decimal(percent), 88)


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def test_the_pdf_says_all_that_a_commercial_invoice_has_to_say() -> None:
    [text] = pages(invoice_pdf(statement([item(1_000), item(2_000, percent="0")])))
    lines = text.splitlines()
    assert lines[0] == "Invoice NWL-0004"
    for line in (
        *SELLER,
        *BERLIN.address.splitlines(),
        *("Acme Holding GmbH", "Germany", "Tax ID DE123456789", "billing@acme.example"),
        *("Invoice number NWL-0004", "Issued on 2026-02-01", "Due on 2026-03-03"),
        *("Period 2026-01-01 → 2026-01-31", "Purchase order PO-17"),
        "Subtotal $2,640.00",
        "Discount −$110.00",
        "Tax None charged",
        "Total USD $2,530.00",
    ):
        assert line in lines, line
    assert "88 $10.00 $880.00 −$110.00\n12.5%\n$770.00" in text
    assert "88 $20.00 $1,760.00 None $1,760.00" in text
    assert "Not paid yet. $2,530.00 is due by 2026-03-03 (UTC)" in text
    assert lines[-1] == "Seller Inc. · Invoice NWL-0004 Page 1 of 1"


def test_it_says_what_became_of_the_payment_but_nothing_that_depends_on_the_day() -> None:
    items = [item(1_000)]
    for status, sentence in {
        "paid": "Paid on 2026-02-09 (UTC). Nothing is owed.",
        "void": "This invoice is void. Nothing is owed for it.",
        "overdue": "Not paid yet.",
    }.items():
        assert sentence in pages(invoice_pdf(statement(items, status=status)))[0]
    same = {invoice_pdf(statement(items, status=status)) for status in ("open", "overdue", "open")}
    assert len(same) == 1
    [pdf] = same
    metadata = PdfReader(BytesIO(pdf)).metadata
    assert metadata is not None
    assert metadata.creation_date == at("2026-02-01", "00:00")


def test_its_fonts_are_embedded_and_no_name_becomes_boxes_or_markup() -> None:
    words = [
        "漢字株式会社",
        "Жуков",
        "ҐЄЇ",
        "Ελλάδα",
        "한국어",
        "ไทย",
        "नमक",
        "עברית",
        "𒀀",
        "#panic(1)",
        "*b*",
        "$x$",
        "\\",
        "//",
    ]
    name = " ".join([*words, 99 * "w"])
    [page] = PdfReader(BytesIO(invoice_pdf(statement([item(1)], Customer(name=name))))).pages
    text = page.extract_text()
    assert [word for word in words if word.replace("𒀀", "[U+12000]") not in text] == []
    assert 99 * "w" in text.replace("\n", "")
    resources: Any = page["/Resources"]
    fonts = resources["/Font"].values()
    descriptors = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts
    ]
    assert len(descriptors) > 5
    assert all("/FontFile2" in font or "/FontFile3" in font for font in descriptors)


def test_many_lines_fill_pages_that_repeat_the_header_and_are_numbered() -> None:
    texts = pages(invoice_pdf(statement([item(1_000 + number) for number in range(200)])))
    assert len(texts) > 5
    for number, text in enumerate(texts, start=1):
        assert "Token units Unit-days Price a unit-day Amount Discount Net" in text
        assert text.endswith(f"Invoice NWL-0004 Page {number} of {len(texts)}")
    assert sum(text.count("12.5%") for text in texts) == 200
    assert "Total USD" in texts[-1]


@settings(max_examples=8)
@given(st.lists(line_items, min_size=1, max_size=30))
def test_the_total_of_the_pdf_is_that_of_the_invoice(items: list[LineItem]) -> None:
    invoice = statement(items)
    text = "\n".join(pages(invoice_pdf(invoice)))
    assert f"\nTotal USD {invoice.total}\n" in text
    assert f"\nSubtotal {invoice.subtotal}\n" in text
    for line in invoice.lines:
        assert f"{line.unit_days:,} {line.price_per_day} {line.amount}" in text


@pytest.mark.django_db
def test_bob_downloads_the_pdf_of_an_issued_invoice_alone(api: ApiCast) -> None:
    api.bob.buys(input=4)
    api.set_clock("2026-02-01")
    api.bob.get("invoices")

    def url(key: str) -> str:
        return reverse("invoice_pdf", args=[api.acme.organization.public_id, key])

    issued = url(Invoice.objects.get().public_id)
    people = [api.acme.alice, api.acme.bob, api.acme.mallory, api.acme.charlie]
    responses = [signed_in(person).get(issued) for person in people]
    assert [response.status_code for response in responses] == [200, 200, 403, 404]
    assert responses[0]["Content-Type"] == "application/pdf"
    assert responses[0]["Content-Disposition"] == 'attachment; filename="invoice-ACM-0001.pdf"'
    assert responses[0].content == responses[1].content
    assert signed_in(api.acme.bob).get(url("upcoming")).status_code == 404
    InvoicePayment.objects.update(status="paid", status_changed_at=at("2026-02-03"))
    assert "Paid on 2026-02-03" in pages(signed_in(api.acme.bob).get(issued).content)[0]
