"""Who calls the API: the owner of a key, or the user of a browser's session."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, Role, User
from accounts.operations.members import add_member, remove_member
from tests.api_client import ApiCast, Caller, problem, with_key, with_session
from tests.cast import OPERATOR, at, person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer st_wrong", "Bearer \xff\xfe", "Basic YTpi", "Token st_x"],
)
def test_tells_a_stranger_how_to_identify_themselves(api: ApiCast, authorization: str) -> None:
    response = Caller(headers={"Authorization": authorization}).get("keys")

    assert problem(response) == (401, "unauthenticated")
    assert response["WWW-Authenticate"] == "Bearer"
    assert response.json()["title"] == "Unauthorized"


def test_refuses_a_revoked_key(api: ApiCast) -> None:
    [key] = api.bob.get("keys").json()["data"]
    assert api.bob.delete(f"keys/{key['id']}").status_code == 204

    assert problem(api.bob.get("keys")) == (401, "unauthenticated")


def test_refuses_the_key_of_bob_who_left(api: ApiCast) -> None:
    remove_member(
        organization=api.acme.organization,
        user_id=api.acme.bob.person.public_id,
        by=api.acme.alice,
        now=at("2026-01-10"),
    )

    assert problem(api.bob.get("keys")) == (401, "unauthenticated")


def test_refuses_the_key_of_bob_whose_user_is_inactive(api: ApiCast) -> None:
    User.objects.filter(pk=api.acme.bob.person.pk).update(is_active=False)

    assert problem(api.bob.get("keys")) == (401, "unauthenticated")


def test_a_key_opens_its_own_organization_only(api: ApiCast) -> None:
    add_member(
        organization=api.globex,
        user=api.acme.alice.person,
        role=Role.MEMBER,
        by=OPERATOR,
        now=at("2026-01-10"),
    )
    alice_at_globex = with_key(api.acme.alice, api.globex)
    alice_at_globex.headers["X-Organization"] = api.acme.organization.public_id

    assert api.alice.get("audit").status_code == 200
    assert problem(alice_at_globex.get("audit")) == (403, "not_allowed")


def test_the_last_use_of_a_key_is_updated_once_a_minute_at_most(api: ApiCast) -> None:
    def last_used() -> str:
        return str(api.bob.get("keys").json()["data"][0]["last_used_at"])

    assert last_used() == "2026-01-10T12:00:00Z"
    Organization.objects.update(clock_at=at("2026-01-10") + timedelta(seconds=59))
    assert last_used() == "2026-01-10T12:00:00Z"
    Organization.objects.update(clock_at=at("2026-01-10") + timedelta(seconds=61))
    assert last_used() == "2026-01-10T12:01:01Z"


def test_alice_calls_the_api_from_her_browser(api: ApiCast) -> None:
    browser = with_session(api.acme.alice, api.acme.organization)

    assert browser.get("clock").json() == {"now": "2026-01-10T12:00:00Z", "sandbox": True}
    assert browser.post("projects", {"name": "Chat"}).status_code == 201


def test_a_browser_needs_the_csrf_token_to_change_anything(api: ApiCast) -> None:
    browser = with_session(api.acme.alice)
    del browser.headers["X-CSRFToken"]

    assert browser.get("projects").status_code == 200
    assert problem(browser.post("projects", {"name": "Chat"})) == (403, "not_allowed")


def test_a_browser_that_names_no_organization_acts_in_the_first_one(api: ApiCast) -> None:
    add_member(
        organization=api.globex,
        user=api.acme.bob.person,
        role=Role.OWNER,
        by=OPERATOR,
        now=at("2026-01-10"),
    )

    assert problem(with_session(api.acme.bob).get("audit")) == (403, "not_allowed")
    assert with_session(api.acme.bob, api.globex).get("audit").status_code == 200


def test_dora_who_has_no_organization_finds_nothing(api: ApiCast) -> None:
    assert problem(with_session(person("Dora")).get("keys")) == (404, "not_found")


def test_refuses_alice_who_signed_out(api: ApiCast) -> None:
    browser = with_session(api.acme.alice)
    browser.client.logout()

    assert problem(browser.get("clock")) == (401, "unauthenticated")


def test_a_caller_is_identified_by_two_queries(
    api: ApiCast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """One reads the key and its user, one the membership (R18). The third reads what is listed."""
    api.bob.get("keys")

    with django_assert_num_queries(3):
        api.bob.get("keys")
