"""For outsiders another organization does not exist, on any page (R18)."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.cast import make_acme

pytestmark = pytest.mark.django_db

ROUTES_INSIDE = [
    str(pattern.pattern)
    for app in get_resolver().url_patterns
    for pattern in getattr(app, "url_patterns", [])
    if isinstance(pattern, URLPattern) and "organization_id" in str(pattern.pattern)
]


def test_the_routes_inside_organizations_are_found() -> None:
    assert len(ROUTES_INSIDE) > 20


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("route", ROUTES_INSIDE)
def test_charlie_finds_no_page_of_acme(route: str, method: str) -> None:
    acme = make_acme()
    charlie = Client()
    charlie.force_login(acme.charlie.person)
    acme_route = route.replace("<slug:organization_id>", acme.organization.public_id)
    address = "/" + re.sub("<[^>]+>", "1", acme_route)
    assert charlie.generic(method, address).status_code == 404
