"""The clock bar: owners move the clock of a sandbox from any of its pages (R13)."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organization, Role
from accounts.operations.audit import Actor
from tests.api_client import ApiCast, make_api_cast
from tests.cast import at, make_acme, person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(catalogue: None) -> ApiCast:
    """Bob bought on the last day of January; it is noon of the second day of February."""
    api = make_api_cast("2026-01-31")
    api.bob.buys(input=4, output=2)
    api.set_clock("2026-02-02")
    api.bob.get("invoices")
    return api


def url(api: ApiCast, route: str) -> str:
    return reverse(route, args=[api.acme.organization.public_id])


def move_clock(api: ApiCast, actor: Actor, to: str, **fields: Any) -> Any:
    return signed_in(actor).post(url(api, "move_clock"), {"to": to, **fields})


def test_alice_moves_the_clock_and_returns_to_the_page_where_she_was(api: ApiCast) -> None:
    page = url(api, "invoices") + "?issued=1"

    response = move_clock(api, api.acme.alice, "2026-02-04", next=page)

    assert (response.status_code, response["Location"]) == (302, page)
    acme = Organization.objects.get(pk=api.acme.organization.pk)
    assert acme.clock_at == at("2026-02-04", "00:00")


def test_alice_reads_what_moving_the_clock_did(api: ApiCast) -> None:
    response = signed_in(api.acme.alice).post(
        url(api, "move_clock"),
        {"to": "2026-03-01T00:00:00Z", "next": url(api, "invoices")},
        follow=True,
    )
    assert (
        "The clock stands at 2026-03-01 00:00 UTC: 27 days opened, 54 charges, 1 invoice."
        in response.content.decode()
    )


def test_the_clock_bar_offers_only_instants_that_the_clock_accepts(api: ApiCast) -> None:
    page = signed_in(api.acme.alice).get(url(api, "invoices")).content.decode()
    for instant in ("2026-02-03T12:00:00Z", "2026-02-09T12:00:00Z", "2026-03-01T00:00:00Z"):
        assert f'value="{instant}"' in page
    assert 'min="2026-02-03" max="2026-03-05"' in page


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("2026-02-01", "never goes back"),
        ("2026-03-06", "at most 31 days"),
        ("soon", "Enter a date"),
        ("", "Choose a date"),
    ],
)
def test_a_refusal_shows_the_message_and_keeps_the_input(
    api: ApiCast, to: str, message: str
) -> None:
    next_page = url(api, "invoices")
    response = move_clock(api, api.acme.alice, to, next=next_page)

    assert response.status_code == 422
    page = response.content.decode()
    assert message in page
    assert f'name="to" id="clock-to" value="{to}"' in page
    assert f'name="next" value="{next_page}"' in page


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "/\\evil"])
def test_moving_the_clock_never_redirects_to_another_site(api: ApiCast, next_page: str) -> None:
    response = move_clock(api, api.acme.alice, "2026-02-04", next=next_page)
    assert response["Location"] == url(api, "organization")


def test_bob_and_mallory_may_only_read_the_clock(api: ApiCast) -> None:
    for actor, route in ((api.acme.bob, "invoices"), (api.acme.mallory, "api_keys")):
        page = signed_in(actor).get(url(api, route)).content.decode()
        assert "clock stands at" in page
        assert "Move clock" not in page
        assert move_clock(api, actor, "2026-02-04").status_code == 403
    assert move_clock(api, api.acme.charlie, "2026-02-04").status_code == 404


def test_an_organization_that_is_no_sandbox_has_no_clock_bar() -> None:
    initech = make_acme(f"{timezone.now():%Y-%m-%d}").organization
    peter = signed_in(person("Peter", initech, Role.OWNER))
    page = peter.get(reverse("api_keys", args=[initech.public_id])).content.decode()
    assert "Sandbox" not in page
    move = reverse("move_clock", args=[initech.public_id])
    assert peter.post(move, {"to": "2026-01-11"}).status_code == 403
    assert peter.get(move).status_code == 403
