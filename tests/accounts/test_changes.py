"""Changes of an organization: their time, and what a conflict leaves."""

from http import HTTPStatus

import pytest

from accounts.models import Organization, Project
from accounts.operations.changes import organization_change
from common.errors import BusinessError
from common.idempotency import IdempotencyKey, ReplayedResponse
from tests.cast import Acme, at, make_acme

pytestmark = pytest.mark.django_db


class Conflict(BusinessError):
    code = "conflict"
    status = HTTPStatus.CONFLICT


def test_a_change_in_a_sandbox_is_no_earlier_than_its_clock(catalogue: None) -> None:
    """The clock was read at 12:00; another request moved it to 15:00 before the lock."""
    sandbox = make_acme("2026-01-01", is_sandbox=True)
    Organization.objects.update(clock_at=at("2026-01-01", "15:00"))
    with organization_change(
        organization=sandbox.organization, by=sandbox.alice, now=at("2026-01-01", "12:00")
    ) as change:
        assert change.now == at("2026-01-01", "15:00")


def test_a_conflict_undoes_what_the_change_wrote_and_keeps_its_response(acme: Acme) -> None:
    key = IdempotencyKey.for_request(key="k", path="/", body=None, render=lambda _: {})

    def change() -> None:
        with organization_change(
            organization=acme.organization,
            by=acme.alice,
            now=at("2026-01-10"),
            idempotency_key=key,
        ) as change:
            Project.objects.create(
                organization=change.organization, name="Chat", created_at=change.now
            )
            raise Conflict("No.")

    with pytest.raises(Conflict):
        change()
    assert not Project.objects.filter(name="Chat").exists()
    with pytest.raises(ReplayedResponse) as replayed:
        change()
    assert (replayed.value.status, replayed.value.body["code"]) == (409, "conflict")
