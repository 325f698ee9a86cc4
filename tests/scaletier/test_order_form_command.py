"""`manage.py order_form` makes an order form, signed where a name is given (R23)."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.models import OrderForm
from billing.queries.order_forms import billing_account
from tests.cast import GROK, make_acme

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]


def order_form(*options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("order_form", *options, "--json", stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_a_signed_form_is_printed_as_the_api_shows_it_and_units_can_be_bought() -> None:
    acme = make_acme("2026-01-10", signed=False, is_sandbox=True)
    terms = (
        "--from=2026-01-10",
        "--until=2026-07-01",
        "--discount=12.5",
        f"--model-discount={GROK}=20",
        "--model-discount=gpt-5.4=0.25",
        "--anchor-day=15",
        "--days-until-due=14",
    )
    document = order_form(acme.organization.public_id, *terms, "--sign", "Alice Armand")
    form = OrderForm.objects.latest("pk")
    assert document == {
        "id": form.public_id,
        "status": "in_force",
        "created_at": "2026-01-10T00:00:00Z",
        "starts_on": "2026-01-10",
        "ends_on": "2026-07-01",
        "anchor_day": 15,
        "discount_percent": "12.5",
        "model_discounts": [
            {"model": "gpt-5.4", "discount_percent": "0.25"},
            {"model": GROK, "discount_percent": "20"},
        ],
        "days_until_due": 14,
        "terms": "",
        "signed_at": "2026-01-10T00:00:00Z",
        "signed_by": None,
        "signed_name": "Alice Armand",
        "termination": None,
    }
    assert billing_account(form.organization).anchor_day == 15
    acme.buys("2026-01-10", input=1)
    unsigned = order_form(acme.organization.public_id, "--from=2026-02-01")
    assert (unsigned["status"], unsigned["ends_on"]) == ("awaiting_signature", None)


MISTAKES = (
    (("--from", "2026-02-30"), "is not a date like"),
    (("--from", "2026-02-01", "--until", "2026-02-01"), "ends after it starts"),
    (("--from", "2026-02-01", "--discount", "101"), "is not a percentage"),
    (("--from", "2026-02-01", "--model-discount", GROK), "is not like"),
    (("--from", "2026-02-01", "--model-discount", "gpt-9=1"), "There is no model “gpt-9”"),
    (
        ("--from=2026-02-01", f"--model-discount={GROK}=1", f"--model-discount={GROK}=2"),
        "two discounts",
    ),
    (("--from", "2026-02-01", "--anchor-day", "32"), "is not a day"),
    (("--from", "2026-02-01", "--days-until-due", "-1"), "is not a number of days"),
    (("--from", "2026-02-01", "--sign", " "), "Type your full name"),
    (("--from", "2025-01-01", "--until=2026-01-01", "--sign=Al"), "would have ended"),
)


def test_a_mistake_is_one_line_and_leaves_no_form_behind(subtests: pytest.Subtests) -> None:
    acme = make_acme("2026-01-10", is_sandbox=True)
    for options, message in MISTAKES:
        with subtests.test(message), pytest.raises(CommandError, match=message) as error:
            order_form(acme.organization.public_id, *options)
        assert "\n" not in str(error.value)
    with pytest.raises(CommandError, match="There is no organization “org_1”"):
        order_form("org_1", "--from=2026-02-01")
    assert OrderForm.objects.count() == 1
