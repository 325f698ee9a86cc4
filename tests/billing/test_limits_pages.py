"""The page of spend limits (R10)."""

import pytest
from django.urls import reverse

from billing.models import SpendLimit
from tests.api_client import ApiCast
from tests.cast import signed_in

pytestmark = pytest.mark.django_db


def url(api: ApiCast, route: str, *rest: str) -> str:
    return reverse(route, args=[api.acme.organization.public_id, *rest])


def test_alice_sets_a_limit_and_sees_it(api: ApiCast) -> None:
    alice = signed_in(api.acme.alice)
    api.bob.buys(input=2)
    form = {"amount": "$1,234.50", "hard": "hard", "alerts": "80%, 50"}
    page = alice.post(url(api, "set_limit", "organization"), form, follow=True)
    assert page.status_code == 200
    text = page.content.decode()
    assert "$440.00" in text  # Two units for the 22 days left of January.
    assert "$794.50" in text
    assert "$560.00" in text  # Two units for the 28 days of February.
    limit = SpendLimit.objects.get()
    assert (limit.amount, limit.is_hard, limit.alerts) == (123_450, True, [50, 80])


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("amount", "12.345", "Enter an amount"),
        ("amount", "-1", "Enter an amount"),
        ("amount", "1,2", "Enter an amount"),
        ("amount", "99999999999999", "At most"),
        ("alerts", "half", "Enter percentages"),
        ("alerts", "0", "from 1 to"),
        ("hard", "perhaps", "not one of the available choices"),
    ],
)
def test_bad_input_is_named_and_kept(api: ApiCast, field: str, value: str, problem: str) -> None:
    form = {"amount": "5", "hard": "soft", "alerts": "50"} | {field: value}
    response = signed_in(api.acme.alice).post(url(api, "set_limit", "organization"), form)
    assert response.status_code == 422
    assert problem in response.content.decode()
    assert not SpendLimit.objects.exists()
    if field != "hard":
        assert f'value="{value}"' in response.content.decode()


def test_an_empty_amount_lifts_the_limit(api: ApiCast) -> None:
    api.alice.put("limits/organization", {"amount": 5})
    form = {"amount": "", "hard": "hard", "alerts": ""}
    signed_in(api.acme.alice).post(url(api, "set_limit", "organization"), form)
    assert SpendLimit.objects.get().amount is None


def test_bob_reads_the_page_and_has_no_button_to_set_limits(api: ApiCast) -> None:
    page = signed_in(api.acme.bob).get(url(api, "limits")).content.decode()
    assert "Limits" in page
    assert "Set a limit" not in page
    refused = signed_in(api.acme.bob).get(url(api, "set_limit", "organization"))
    assert refused.status_code == 403
