"""Order forms through the API: owners read and sign them (R23)."""

from decimal import Decimal

import pytest

from billing.domain.order_forms import Discounts
from billing.operations.order_forms import create_order_form
from tests.api_client import ApiCast, problem
from tests.cast import GROK, OPERATOR, at, day

pytestmark = pytest.mark.django_db


def test_alice_reads_signs_once_and_buys(api: ApiCast) -> None:
    acme = api.acme
    acme.form_ends("2026-01-12", on="2026-01-10")
    draft = create_order_form(
        organization=acme.organization,
        starts_on=day("2026-01-12"),
        ends_on=day("2027-01-12"),
        anchor_day=15,
        discounts=Discounts(by_model={GROK: Decimal("12.50")}),
        days_until_due=14,
        terms="Paid by bank transfer.\nNo set-off.",
        by=OPERATOR,
        now=at("2026-01-10"),
    )

    new, old = api.alice.get("order-forms").json()["data"]

    unsigned = {
        "id": draft.public_id,
        "status": "awaiting_signature",
        "created_at": "2026-01-10T12:00:00Z",
        "starts_on": "2026-01-12",
        "ends_on": "2027-01-12",
        "anchor_day": 15,
        "discount_percent": "0",
        "model_discounts": [{"model": GROK, "discount_percent": "12.5"}],
        "days_until_due": 14,
        "terms": "Paid by bank transfer.\nNo set-off.",
        "signed_at": None,
        "signed_by": None,
        "signed_name": "",
        "termination": None,
    }
    assert new == unsigned
    assert (old["status"], old["ends_on"], old["termination"]) == (
        "in_force",
        "2026-01-12",
        {"at": "2026-01-10T12:00:00Z", "reason": "Acme asked for it."},
    )
    path = f"order-forms/{draft.public_id}/sign"
    for name in ("", "  ", "?!", 7, None):
        refusal = api.alice.post(path, {"name": name})
        assert problem(refusal) == (400, "invalid_request")
        assert refusal.json()["errors"].keys() == {"name"}
    assert api.alice.post(path, {}).json()["errors"].keys() == {"name"}
    signed = api.alice.post(path, {"name": " Alice  Armand "})
    assert signed.json() == unsigned | {
        "status": "upcoming",
        "signed_at": "2026-01-10T12:00:00Z",
        "signed_by": acme.alice.person.public_id,
        "signed_name": "Alice Armand",
    }
    assert problem(api.alice.post(path, {"name": "Bob"})) == (409, "already_signed")
    api.set_clock("2026-01-12")
    assert api.alice.get("order-forms").json()["data"][0]["status"] == "in_force"
    api.alice.buys(input=1)
