"""Who is asking the API: keys, and the browser's session."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, Role, User
from accounts.operations.members import add_member, remove_member
from tests.api_client import Caller, Neighbours, code, in_browser, neighbours, with_key
from tests.cast import OPERATOR, at, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer st_wrong", "Bearer \xff\xfe", "Basic YTpi", "Token st_x"],
)
def test_a_stranger_is_told_how_to_identify_themselves(
    here: Neighbours, authorization: str
) -> None:
    answer = Caller(headers={"Authorization": authorization}).get("keys")

    assert code(answer) == (401, "unauthenticated")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["title"] == "Unauthorized"


def test_a_revoked_key_is_nobodys(here: Neighbours) -> None:
    [key] = here.bob.get("keys").json()["data"]
    assert here.bob.delete(f"keys/{key['id']}").status_code == 204

    assert code(here.bob.get("keys")) == (401, "unauthenticated")


def test_a_person_who_left_has_no_key(here: Neighbours) -> None:
    remove_member(
        organization=here.acme.organization,
        user_id=here.acme.bob.person.public_id,
        by=here.acme.alice,
        now=at("2026-01-10"),
    )

    assert code(here.bob.get("keys")) == (401, "unauthenticated")


def test_a_disabled_person_has_no_key(here: Neighbours) -> None:
    User.objects.filter(pk=here.acme.bob.person.pk).update(is_active=False)

    assert code(here.bob.get("keys")) == (401, "unauthenticated")


def test_a_key_is_good_for_its_organization_only(here: Neighbours) -> None:
    add_member(
        organization=here.globex,
        user=here.acme.alice.person,
        role=Role.MEMBER,
        by=OPERATOR,
        now=at("2026-01-10"),
    )
    elsewhere = with_key(here.acme.alice, here.globex)
    elsewhere.headers["X-Organization"] = here.acme.organization.public_id

    assert here.alice.get("audit").status_code == 200
    assert code(elsewhere.get("audit")) == (403, "not_allowed")


def test_use_is_noted_at_most_once_a_minute(here: Neighbours) -> None:
    def last_used() -> str:
        return str(here.bob.get("keys").json()["data"][0]["last_used_at"])

    assert last_used() == "2026-01-10T12:00:00Z"
    Organization.objects.update(clock_at=at("2026-01-10") + timedelta(seconds=59))
    assert last_used() == "2026-01-10T12:00:00Z"
    Organization.objects.update(clock_at=at("2026-01-10") + timedelta(seconds=61))
    assert last_used() == "2026-01-10T12:01:01Z"


def test_alice_calls_from_the_browser(here: Neighbours) -> None:
    browser = in_browser(here.acme.alice, here.acme.organization)

    assert browser.get("clock").json() == {"now": "2026-01-10T12:00:00Z", "sandbox": True}
    assert browser.post("projects", {"name": "Chat"}).status_code == 201


def test_a_browser_needs_the_csrf_token_to_change_anything(here: Neighbours) -> None:
    browser = in_browser(here.acme.alice)
    del browser.headers["X-CSRFToken"]

    assert browser.get("projects").status_code == 200
    assert code(browser.post("projects", {"name": "Chat"})) == (403, "not_allowed")


def test_a_browser_that_names_no_organization_is_in_its_first(here: Neighbours) -> None:
    add_member(
        organization=here.globex,
        user=here.acme.bob.person,
        role=Role.OWNER,
        by=OPERATOR,
        now=at("2026-01-10"),
    )

    assert code(in_browser(here.acme.bob).get("audit")) == (403, "not_allowed")
    assert in_browser(here.acme.bob, here.globex).get("audit").status_code == 200


def test_someone_without_an_organization_finds_nothing(here: Neighbours) -> None:
    assert code(in_browser(person("Dora")).get("keys")) == (404, "not_found")


def test_signing_out_ends_it(here: Neighbours) -> None:
    browser = in_browser(here.acme.alice)
    browser.client.logout()

    assert code(browser.get("clock")) == (401, "unauthenticated")


def test_a_caller_is_known_after_two_queries(
    here: Neighbours, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The key with its person, then the membership anew (R18). The third query is the answer."""
    here.bob.get("keys")

    with django_assert_num_queries(3):
        here.bob.get("keys")
