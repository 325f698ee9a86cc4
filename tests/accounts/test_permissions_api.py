"""Contract section 3 at every door of the API: who gets in, who is refused, who sees nothing."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.access import GRANTS, Permission
from accounts.api.endpoints import Endpoint
from accounts.models import ApiKey, Role
from tests.api_client import Answer, Caller, Neighbours, fresh_keys, in_browser, neighbours
from tests.cast import GROK

SCALE_TIER, BUY = Permission.SCALE_TIER, Permission.BUY
MANAGE, OWN_API_KEYS = Permission.MANAGE, Permission.OWN_API_KEYS
ORDER = {"model": GROK, "units": {"input": 1}}


@dataclass(frozen=True)
class Door:
    """One method of one route; `{names}` in its path and body are Acme's own objects."""

    method: str
    path: str
    permission: Permission
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


DOORS = [
    Door("GET", "models", SCALE_TIER),
    Door("GET", f"models/{GROK}", SCALE_TIER),
    Door("POST", "quotes", SCALE_TIER, ORDER),
    Door("GET", "purchases", SCALE_TIER),
    Door("POST", "purchases", BUY, ORDER),
    Door("GET", "purchases/{purchase}", SCALE_TIER),
    Door("GET", "lots", SCALE_TIER),
    Door("GET", "lots/{lot}", SCALE_TIER),
    Door("GET", "lots/{lot}/cancellations/quote?units=1", SCALE_TIER),
    Door("POST", "lots/{lot}/cancellations", BUY, {"units": 1}),
    Door("GET", "cancellations", SCALE_TIER),
    Door("POST", "cancellations/{cancellation}/undo", BUY),
    Door("GET", "transactions", SCALE_TIER),
    Door("GET", "capacity", SCALE_TIER),
    Door("GET", "pools", SCALE_TIER),
    Door("POST", "pools", BUY, {"model": GROK, "name": "{new}"}),
    Door("GET", "charges", Permission.LIMITS_AND_INVOICES),
    Door("GET", "invoices", Permission.LIMITS_AND_INVOICES),
    Door("GET", "invoices/upcoming", Permission.LIMITS_AND_INVOICES),
    Door("GET", "invoices/{invoice}", Permission.LIMITS_AND_INVOICES),
    Door("GET", "keys", OWN_API_KEYS),
    Door("POST", "keys", OWN_API_KEYS, {"name": "CI"}),
    Door("DELETE", "keys/{own_key}", OWN_API_KEYS),
    Door("GET", "purchasers", MANAGE),
    Door("POST", "purchasers", MANAGE, {"email": "{mallory}"}),
    Door("DELETE", "purchasers/{bob}", MANAGE),
    Door("GET", "projects", MANAGE),
    Door("POST", "projects", MANAGE, {"name": "{new}"}),
    Door("GET", "audit", MANAGE),
    Door("GET", "clock", MANAGE),
    Door("POST", "clock/advance", MANAGE, {"to": "2026-02-01T12:00:00Z"}),
]


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_everyone_at_every_door(door: Door) -> None:
    here = neighbours("2026-01-31")
    names = _names(here)

    assert _knock(here.nobody, door, names).status_code == HTTPStatus.UNAUTHORIZED
    outsider = in_browser(here.acme.charlie, here.acme.organization)
    assert _knock(outsider, door, names).status_code == HTTPStatus.NOT_FOUND
    if "{" in door.path:
        assert _knock(here.charlie, door, names).status_code == HTTPStatus.NOT_FOUND

    # The owner last: some of these doors change who may what.
    people = [
        (here.mallory, here.acme.mallory, Role.MEMBER),
        (here.bob, here.acme.bob, Role.PURCHASER),
        (here.alice, here.acme.alice, Role.OWNER),
    ]
    for caller, actor, role in people:
        own_key = ApiKey.objects.get(user=actor.person).public_id
        answer = _knock(caller, door, names | {"own_key": own_key})
        if door.permission in GRANTS[role]:
            assert answer.status_code in {200, 201, 204}, (role, answer.content)
        else:
            assert answer.status_code == HTTPStatus.FORBIDDEN, role
            assert answer.json()["code"] == "not_allowed"


def test_no_door_is_left_out() -> None:
    declared = [
        (method.upper(), endpoint.permission)
        for view in _views(get_resolver("scaletier.api_urls"))
        for method in ("get", "post", "put", "delete")
        if isinstance(endpoint := getattr(getattr(view, method, None), "endpoint", None), Endpoint)
    ]

    assert sorted(declared) == sorted((door.method, door.permission) for door in DOORS)


@pytest.mark.django_db
def test_a_withdrawn_purchaser_is_refused_at_once() -> None:
    here = neighbours()
    here.bob.buys(input=1)

    here.alice.delete(f"purchasers/{here.acme.bob.person.public_id}")

    assert here.bob.post("purchases", ORDER, key="k").status_code == HTTPStatus.FORBIDDEN
    assert here.bob.get("lots").status_code == HTTPStatus.FORBIDDEN


@pytest.mark.django_db
def test_charlies_lists_hold_nothing_of_acmes() -> None:
    here = neighbours()
    _names(here)

    for path in ("purchases", "lots", "cancellations", "transactions", "capacity", "pools"):
        assert here.charlie.get(path).json() == {"data": [], "next": None}
    assert here.charlie.get("charges").json()["data"] == []
    assert here.charlie.get("purchasers").json()["data"] == []
    [project] = here.charlie.get("projects").json()["data"]
    assert project["name"] == "Default project"
    assert [key["name"] for key in here.charlie.get("keys").json()["data"]] == ["Tests"]


def _names(here: Neighbours) -> dict[str, str]:
    bought = here.alice.buys(input=4)
    lot = bought["lots"][0]["id"]
    cancellation = here.alice.cancels(lot, 1)["id"]
    here.come_to("2026-02-01")
    return {
        "invoice": here.alice.get("invoices").json()["data"][0]["id"],
        "purchase": bought["id"],
        "lot": lot,
        "cancellation": cancellation,
        "bob": here.acme.bob.person.public_id,
        "mallory": here.acme.mallory.person.email,
        "own_key": ApiKey.objects.get(user=here.acme.alice.person).public_id,
    }


def _knock(caller: Caller, door: Door, names: dict[str, str]) -> Answer:
    key = next(fresh_keys)
    body = door.body
    if isinstance(body, dict):
        body = {
            name: value.format(**names, new=key) if isinstance(value, str) else value
            for name, value in body.items()
        }
    path, _, query = door.path.format(**names).partition("?")
    if door.method == "POST":
        return caller.post(path, body, key=key)
    if door.method == "DELETE":
        return caller.delete(path)
    return caller.get(path, **dict(part.split("=") for part in query.split("&") if part))


def _views(resolver: URLResolver) -> list[Any]:
    found: list[Any] = []
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            found.append(getattr(pattern.callback, "cls", None))
        else:
            found += _views(pattern)
    return found
