"""People who call the API: Alice, Bob and Mallory of Acme, and Charlie, who owns Globex.

Both organizations are sandboxes: the time there stands still until a test sets the clock. The
fixture `api` of `tests/conftest.py` stands for the usual case.
"""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any

from django.test import Client

from accounts.models import Organization, Role
from accounts.operations.api_keys import create_api_key
from accounts.operations.audit import Actor
from accounts.operations.organizations import create_organization
from tests.cast import GROK, OPERATOR, Acme, at, make_acme, person

ROOT = "/api/v1/"
PROBLEM = "application/problem+json"

Response = Any
"""A test client's response."""

new_keys = (f"attempt {number}" for number in count(1))
"""Idempotency keys that no request has used."""


@dataclass(slots=True)
class Caller:
    """Somebody with a way to identify themselves. The type of every response is checked."""

    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=Client)

    def get(self, path: str, **query: Any) -> Response:
        return self._checked(self.client.get(ROOT + path, query, headers=self.headers))

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Response:
        """`key` is the Idempotency-Key; without it, none is sent."""
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        data = "" if body is None else json.dumps(body)
        response = self.client.post(
            ROOT + path, data, content_type="application/json", headers=headers
        )
        return self._checked(response)

    def put(self, path: str, body: Any) -> Response:
        response = self.client.put(
            ROOT + path, json.dumps(body), content_type="application/json", headers=self.headers
        )
        return self._checked(response)

    def patch(self, path: str, body: Any) -> Response:
        response = self.client.patch(
            ROOT + path, json.dumps(body), content_type="application/json", headers=self.headers
        )
        return self._checked(response)

    def delete(self, path: str) -> Response:
        return self._checked(self.client.delete(ROOT + path, headers=self.headers))

    def buys(self, model: str = GROK, **units: int) -> dict[str, Any]:
        """Buy units by kind; return the purchase."""
        response = self.post("purchases", {"model": model, "units": units}, key=next(new_keys))
        assert response.status_code == HTTPStatus.CREATED, response.content
        return dict(response.json())

    def cancels(self, lot: str, units: int) -> dict[str, Any]:
        """Cancel units of a lot; return the cancellation."""
        response = self.post(f"lots/{lot}/cancellations", {"units": units}, key=next(new_keys))
        assert response.status_code == HTTPStatus.CREATED, response.content
        return dict(response.json())

    @staticmethod
    def _checked(response: Response) -> Response:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            assert response["Content-Type"] == PROBLEM
        elif response.status_code != HTTPStatus.NO_CONTENT:
            assert response["Content-Type"] == "application/json"
        return response


@dataclass(slots=True)
class ApiCast:
    """Acme and Globex, and each person with an API key for their organization."""

    acme: Acme
    globex: Organization
    alice: Caller
    bob: Caller
    mallory: Caller
    charlie: Caller
    nobody: Caller

    def set_clock(self, day: str, time: str = "12:00") -> None:
        """Let it be this instant at Acme. Days that are due by then are not opened."""
        Organization.objects.filter(pk=self.acme.organization.pk).update(clock_at=at(day, time))


def make_api_cast(on: str = "2026-01-10", *, discount: str = "0") -> ApiCast:
    """Everybody, at noon of `on`, with the order form of Acme signed."""
    acme = make_acme(on, discount=discount, is_sandbox=True)
    globex = create_organization(name="Globex", by=OPERATOR, now=at(on), is_sandbox=True)
    charlie = person("Charlie", globex, Role.OWNER)
    acme.charlie = charlie
    api = ApiCast(
        acme=acme,
        globex=globex,
        alice=with_key(acme.alice, acme.organization),
        bob=with_key(acme.bob, acme.organization),
        mallory=with_key(acme.mallory, acme.organization),
        charlie=with_key(charlie, globex),
        nobody=Caller(),
    )
    api.set_clock(on)
    return api


def with_key(actor: Actor, organization: Organization) -> Caller:
    """A caller who identifies with a new API key."""
    _, secret = create_api_key(
        organization=organization, name="Tests", by=actor, now=organization.now()
    )
    return Caller(headers={"Authorization": f"Bearer {secret}"})


def with_session(actor: Actor, organization: Organization | None = None) -> Caller:
    """A caller who is signed in to the pages, with the CSRF token that the pages send."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(actor.person)
    client.cookies["csrftoken"] = "c" * 32
    headers = {"X-CSRFToken": "c" * 32}
    if organization:
        headers["X-Organization"] = organization.public_id
    return Caller(headers=headers, client=client)


def problem(response: Response) -> tuple[int, str]:
    """Status and code of a problem document."""
    return response.status_code, response.json()["code"]
