"""People who call the API: Alice, Bob and Mallory of Acme, and Charlie of Globex next door.

Acme is a sandbox here: it stands still at its clock until a test moves it.
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
from tests.cast import GROK, OPERATOR, Acme, at, load_catalogue, make_acme, person

ROOT = "/api/v1/"
PROBLEM = "application/problem+json"

Answer = Any
"""A test client's response."""

fresh_keys = (f"attempt {number}" for number in count(1))


@dataclass(slots=True)
class Caller:
    """Somebody with a way to identify themselves. Every document read is checked for its type."""

    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=Client)

    def get(self, path: str, **query: Any) -> Answer:
        return self._checked(self.client.get(ROOT + path, query, headers=self.headers))

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        """`key` is the Idempotency-Key; without it, none is sent."""
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        data = "" if body is None else json.dumps(body)
        answer = self.client.post(
            ROOT + path, data, content_type="application/json", headers=headers
        )
        return self._checked(answer)

    def delete(self, path: str) -> Answer:
        return self._checked(self.client.delete(ROOT + path, headers=self.headers))

    def buys(self, model: str = GROK, **units: int) -> dict[str, Any]:
        answer = self.post("purchases", {"model": model, "units": units}, key=next(fresh_keys))
        assert answer.status_code == HTTPStatus.CREATED, answer.content
        return dict(answer.json())

    def cancels(self, lot: str, units: int) -> dict[str, Any]:
        answer = self.post(f"lots/{lot}/cancellations", {"units": units}, key=next(fresh_keys))
        assert answer.status_code == HTTPStatus.CREATED, answer.content
        return dict(answer.json())

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            assert answer["Content-Type"] == PROBLEM
        elif answer.status_code != HTTPStatus.NO_CONTENT:
            assert answer["Content-Type"] == "application/json"
        return answer


@dataclass(slots=True)
class Neighbours:
    """Acme and Globex, each person with an API key for their organization."""

    acme: Acme
    globex: Organization
    alice: Caller
    bob: Caller
    mallory: Caller
    charlie: Caller
    nobody: Caller

    def come_to(self, day: str, time: str = "12:00") -> None:
        """Let it be this instant at Acme."""
        Organization.objects.filter(pk=self.acme.organization.pk).update(clock_at=at(day, time))


def neighbours(on: str = "2026-01-10") -> Neighbours:
    """Everybody, at noon of `on`, with the shipped catalogue and Acme's order form signed."""
    load_catalogue()
    acme = make_acme(on, is_sandbox=True)
    globex = create_organization(name="Globex", by=OPERATOR, now=at(on), is_sandbox=True)
    charlie = person("Charlie", globex, Role.OWNER)
    acme.charlie = charlie
    everyone = Neighbours(
        acme=acme,
        globex=globex,
        alice=with_key(acme.alice, acme.organization),
        bob=with_key(acme.bob, acme.organization),
        mallory=with_key(acme.mallory, acme.organization),
        charlie=with_key(charlie, globex),
        nobody=Caller(),
    )
    everyone.come_to(on)
    return everyone


def with_key(actor: Actor, organization: Organization) -> Caller:
    _, secret = create_api_key(
        organization=organization, name="Tests", by=actor, now=organization.now()
    )
    return Caller(headers={"Authorization": f"Bearer {secret}"})


def in_browser(actor: Actor, organization: Organization | None = None) -> Caller:
    """Signed in to the pages, with the CSRF token that they would send."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(actor.person)
    client.cookies["csrftoken"] = "c" * 32
    headers = {"X-CSRFToken": "c" * 32}
    if organization:
        headers["X-Organization"] = organization.public_id
    return Caller(headers=headers, client=client)


def code(answer: Answer) -> tuple[int, str]:
    """Status and code of a problem."""
    return answer.status_code, answer.json()["code"]
