"""To outsiders another organization does not exist, at whatever door they try (R18)."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.cast import make_acme

pytestmark = pytest.mark.django_db

INSIDE = [
    str(pattern.pattern)
    for app in get_resolver().url_patterns
    for pattern in getattr(app, "url_patterns", [])
    if isinstance(pattern, URLPattern) and "organization_id" in str(pattern.pattern)
]


def test_there_are_pages_inside_organizations() -> None:
    assert len(INSIDE) > 20


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("route", INSIDE)
def test_charlie_finds_nothing(route: str, method: str) -> None:
    acme = make_acme()
    charlie = Client()
    charlie.force_login(acme.charlie.person)
    here = route.replace("<slug:organization_id>", acme.organization.public_id)
    address = "/" + re.sub("<[^>]+>", "1", here)
    assert charlie.generic(method, address).status_code == 404
