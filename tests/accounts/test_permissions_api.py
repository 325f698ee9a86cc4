"""Every route of the API asks for its permission (R18); outsiders find nothing there."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.access import GRANTS, Permission
from accounts.api.endpoints import Endpoint
from accounts.models import ApiKey, Role
from capacity.models import PurchaseRequest
from tests.api_client import ApiCast, Caller, Response, make_api_cast, new_keys, with_session
from tests.cast import GROK, gateway_request, person, unsigned_form

SCALE_TIER, BUY = Permission.SCALE_TIER, Permission.BUY
MANAGE, OWN_API_KEYS = Permission.MANAGE, Permission.OWN_API_KEYS
DETAILS = {"name": "A", "address": "B", "country": "DE", "email": "a@b.example"}
ORDER = {"model": GROK, "units": {"input": 1}}
CAPACITY = {"models": [{"model": GROK, "input_tpm": 1}]}


@dataclass(frozen=True)
class Route:
    """One method of one path; `{names}` in its path and body stand for objects of Acme."""

    method: str
    path: str
    permission: Permission
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ROUTES = [
    Route("GET", "models", SCALE_TIER),
    Route("GET", f"models/{GROK}", SCALE_TIER),
    Route("POST", "quotes", SCALE_TIER, ORDER),
    Route("GET", "purchases", SCALE_TIER),
    Route("POST", "purchases", BUY, ORDER),
    Route("GET", "purchases/{purchase}", SCALE_TIER),
    Route("GET", "purchase-requests", SCALE_TIER),
    Route("GET", "purchase-requests/{request}", SCALE_TIER),
    Route("POST", "purchase-requests/{request}/approve", MANAGE, {"due_now": 28_000}),
    Route("POST", "purchase-requests/{request}/decline", MANAGE),
    Route("POST", "purchase-requests/{own_request}/withdraw", BUY),
    Route("GET", "approval", Permission.LIMITS_AND_INVOICES),
    Route("PUT", "approval", MANAGE, {"threshold_per_day": None}),
    Route("GET", "lots", SCALE_TIER),
    Route("GET", "lots/{lot}", SCALE_TIER),
    Route("GET", "lots/{lot}/cancellations/quote?units=1", SCALE_TIER),
    Route("POST", "lots/{lot}/cancellations", BUY, {"units": 1}),
    Route("GET", "cancellations", SCALE_TIER),
    Route("POST", "cancellations/{cancellation}/undo", BUY),
    Route("GET", "transactions", SCALE_TIER),
    Route("GET", "capacity", SCALE_TIER),
    Route("GET", "pools", SCALE_TIER),
    Route("POST", "pools", BUY, {"model": GROK, "name": "{new}"}),
    Route("GET", "billing-details", MANAGE),
    Route("PUT", "billing-details", MANAGE, DETAILS),
    Route("GET", "charges", Permission.LIMITS_AND_INVOICES),
    Route("GET", "invoices", Permission.LIMITS_AND_INVOICES),
    Route("GET", "invoices/upcoming", Permission.LIMITS_AND_INVOICES),
    Route("GET", "invoices/{invoice}", Permission.LIMITS_AND_INVOICES),
    Route("GET", "limits", Permission.LIMITS_AND_INVOICES),
    Route("PUT", "limits/organization", MANAGE, {"amount": 0, "alerts": []}),
    Route("PUT", "limits/projects/{project}", MANAGE, {"amount": None}),
    Route("GET", "forecast", SCALE_TIER),
    Route("GET", "timeline", SCALE_TIER),
    Route("POST", "usage/events", Permission.USAGE, {"events": []}),
    Route("GET", "usage", Permission.USAGE),
    Route("GET", f"recommendations?model={GROK}", SCALE_TIER),
    Route("GET", "gateway/requests/{gateway_request}", Permission.USAGE),
    Route("GET", "order-forms", MANAGE),
    Route("POST", "order-forms/{draft}/sign", MANAGE, {"name": "Alice Armand"}),
    Route("GET", "quote-requests", MANAGE),
    Route("POST", "quote-requests", MANAGE, CAPACITY),
    Route("POST", "quote-requests/{quote_request}/withdraw", MANAGE),
    Route("GET", "keys", OWN_API_KEYS),
    Route("POST", "keys", OWN_API_KEYS, {"name": "CI"}),
    Route("DELETE", "keys/{own_key}", OWN_API_KEYS),
    Route("GET", "purchasers", MANAGE),
    Route("POST", "purchasers", MANAGE, {"email": "{mallory}"}),
    Route("PUT", "purchasers/{bob}", MANAGE, {"limit_per_day": 1}),
    Route("DELETE", "purchasers/{bob}", MANAGE),
    Route("GET", "projects", MANAGE),
    Route("POST", "projects", MANAGE, {"name": "{new}"}),
    Route("PATCH", "projects/{project}", MANAGE, {"name": "{new}"}),
    Route("GET", "members", MANAGE),
    Route("GET", "sign-in-requirements", MANAGE),
    Route("PUT", "sign-in-requirements", MANAGE, {"second_factor": False}),
    Route("GET", "audit", MANAGE),
    Route("GET", "clock", MANAGE),
    Route("POST", "clock/advance", MANAGE, {"to": "2026-02-01T12:00:00Z"}),
]


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_admits_those_with_its_permission(route: Route) -> None:
    api = make_api_cast("2026-01-31")
    objects = make_objects(api)

    assert send(api.nobody, route, objects).status_code == HTTPStatus.UNAUTHORIZED
    outsider = with_session(api.acme.charlie, api.acme.organization)
    assert send(outsider, route, objects).status_code == HTTPStatus.NOT_FOUND
    if "{" in route.path:
        assert send(api.charlie, route, objects).status_code == HTTPStatus.NOT_FOUND

    # The owner comes last, since some of these requests change who may do what.
    people = [
        (api.mallory, api.acme.mallory, Role.MEMBER),
        (api.bob, api.acme.bob, Role.PURCHASER),
        (api.alice, api.acme.alice, Role.OWNER),
    ]
    for caller, actor, role in people:
        own = {"own_key": ApiKey.objects.get(user=actor.person).public_id}
        if request := PurchaseRequest.objects.filter(requested_by=actor.person).first():
            own["own_request"] = request.public_id
        response = send(caller, route, objects | own)
        if route.permission in GRANTS[role]:
            assert response.status_code in {200, 201, 204}, (role, response.content)
        else:
            assert response.status_code == HTTPStatus.FORBIDDEN, role
            assert response.json()["code"] == "not_allowed"


def test_no_route_is_missing_from_the_list() -> None:
    declared = [
        (method.upper(), endpoint.permission)
        for view in views(get_resolver("scaletier.api_urls"))
        for method in ("get", "post", "put", "patch", "delete")
        if isinstance(endpoint := getattr(getattr(view, method, None), "endpoint", None), Endpoint)
    ]

    assert sorted(declared) == sorted((route.method, route.permission) for route in ROUTES)


def test_refuses_bob_at_once_whose_authorization_is_withdrawn(api: ApiCast) -> None:
    api.bob.buys(input=1)

    api.alice.delete(f"purchasers/{api.acme.bob.person.public_id}")

    assert api.bob.post("purchases", ORDER, key="k").status_code == HTTPStatus.FORBIDDEN
    assert api.bob.get("lots").status_code == HTTPStatus.FORBIDDEN


def test_the_lists_of_globex_hold_nothing_of_acme(api: ApiCast) -> None:
    make_objects(api)

    for path in (
        "purchases",
        "purchase-requests",
        "lots",
        "cancellations",
        "transactions",
        "capacity",
        "pools",
    ):
        assert api.charlie.get(path).json() == {"data": [], "next": None}
    assert api.charlie.get("charges").json()["data"] == []
    assert api.charlie.get("purchasers").json()["data"] == []
    [project] = api.charlie.get("projects").json()["data"]
    assert project["name"] == "Default project"
    assert [key["name"] for key in api.charlie.get("keys").json()["data"]] == ["Tests"]


def make_objects(api: ApiCast) -> dict[str, str]:
    """Make an object of each kind at Acme; return what the names in paths and bodies stand for."""
    purchase = api.alice.buys(input=4)
    lot = purchase["lots"][0]["id"]
    cancellation = api.alice.cancels(lot, 1)["id"]
    api.set_clock("2026-02-01")
    request = make_requests(api)
    return {
        "request": request,
        "own_request": request,
        "invoice": api.alice.get("invoices").json()["data"][0]["id"],
        "purchase": purchase["id"],
        "project": purchase["project"],
        "lot": lot,
        "cancellation": cancellation,
        "bob": api.acme.bob.person.public_id,
        "mallory": api.acme.mallory.person.email,
        "own_key": ApiKey.objects.get(user=api.acme.alice.person).public_id,
        "quote_request": api.alice.post("quote-requests", CAPACITY).json()["id"],
        "draft": unsigned_form(api.acme).public_id,
        "gateway_request": gateway_request(api.acme.organization).request_id,
    }


def make_requests(api: ApiCast) -> str:
    """Let Alice and Bob each ask for approval of a purchase; return the id of Bob's request."""
    person("Dora", api.acme.organization, Role.OWNER)  # Without her Alice would need no approval.
    api.alice.put("approval", {"threshold_per_day": 0})
    api.alice.post("purchases", ORDER, key="Alice asks")
    request = api.bob.post("purchases", ORDER, key="Bob asks").json()
    api.alice.put("approval", {"threshold_per_day": None})
    return str(request["id"])


def send(caller: Caller, route: Route, objects: dict[str, str]) -> Response:
    key = next(new_keys)
    body = route.body
    if isinstance(body, dict):
        body = {
            name: value.format(**objects, new=key) if isinstance(value, str) else value
            for name, value in body.items()
        }
    path, _, query = route.path.format(**objects).partition("?")
    if route.method == "POST":
        return caller.post(path, body, key=key)
    if route.method == "PUT":
        return caller.put(path, body)
    if route.method == "PATCH":
        return caller.patch(path, body)
    if route.method == "DELETE":
        return caller.delete(path)
    return caller.get(path, **dict(part.split("=") for part in query.split("&") if part))


def views(resolver: URLResolver) -> list[Any]:
    """The view class of each URL pattern; None for a pattern without one."""
    classes: list[Any] = []
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            classes.append(getattr(pattern.callback, "cls", None))
        else:
            classes += views(pattern)
    return classes
