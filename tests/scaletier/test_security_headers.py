"""What every response says to browsers about its own safety."""

import pytest
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/accounts/login/", 200),
        ("/", 302),
        ("/no/such/page", 404),
        ("/api/v1/models", 401),
        ("/api/v1/schema", 200),
        ("/webhooks/stripe", 405),
    ],
)
def test_every_kind_of_response_has_the_headers(path: str, status: int) -> None:
    response = Client().get(path, headers={"origin": "https://evil.example"})
    assert response.status_code == status
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert not any(name.lower().startswith("access-control") for name in response.headers)


def test_the_cookies_of_a_session() -> None:
    User.objects.create_user("alice@example.com", "a long passphrase", name="Alice")
    client = Client()
    client.get("/accounts/login/")
    form = {"login": "alice@example.com", "password": "a long passphrase"}
    assert client.post("/accounts/login/", form).status_code == 302
    assert client.cookies["sessionid"]["httponly"]
    assert {cookie["samesite"] for cookie in client.cookies.values()} == {"Lax"}
    assert {cookie["domain"] for cookie in client.cookies.values()} == {""}
