"""Billing details as they are stored with an invoice."""

from billing.domain.billing_details import Customer


def test_what_is_stored_is_read_back() -> None:
    customer = Customer("Acme", "1 Main St\nSpringfield", "US", "12-345", "pay@acme.com", "PO 7")
    assert customer.document() == {
        "name": "Acme",
        "address": "1 Main St\nSpringfield",
        "country": "US",
        "tax_id": "12-345",
        "email": "pay@acme.com",
        "purchase_order": "PO 7",
    }
    assert Customer.read(customer.document()) == customer


def test_what_an_earlier_version_has_not_stored_is_empty() -> None:
    assert Customer.read({"name": "Acme", "fax": "555"}) == Customer("Acme", "", "", "", "", "")
