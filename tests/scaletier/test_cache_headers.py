"""No browser or proxy keeps a page or an API response; static files are kept."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from tests.cast import Acme, signed_in

pytestmark = pytest.mark.django_db


def routes(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        path = prefix + re.sub(r"[\^$]|\\Z", "", str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield path
        else:
            yield from routes(pattern, path)


def address(route: str, acme: Acme) -> str:
    inside = route.replace("<slug:organization_id>", acme.organization.public_id)
    return re.sub(r"<[^>]+>|\(\?P.*?\)", "1", inside)


def test_no_page_and_no_api_response_is_kept(acme: Acme, olga: Client) -> None:
    found = sorted({address(route, acme) for route in routes(get_resolver())})
    assert len(found) > 120
    anonymous, alice = Client(raise_request_exception=False), signed_in(acme.alice)
    kept = [
        path
        for path in found
        for client in (anonymous, olga if path.startswith("/admin/") else alice)
        if "no-store" not in client.get(path).headers.get("Cache-Control", "")
    ]
    assert kept == []


@override_settings(WHITENOISE_USE_FINDERS=True, WHITENOISE_AUTOREFRESH=True)
def test_static_files_are_kept() -> None:
    response = Client().get("/static/app.css")
    assert response.status_code == 200
    assert "no-store" not in response.headers.get("Cache-Control", "")
