"""Who is asking: an API key's person, or whoever is signed in to the browser."""

from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User
from accounts.operations.keys import note_use
from accounts.queries import live_api_key

SCHEME = "Bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <api key>`. `request.auth` is the key, and so tells the organization.

    First of the two, so that its scheme is what a refusal names in `WWW-Authenticate`.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        key = live_api_key(secret.strip().decode("latin-1"))
        if key is None:
            raise AuthenticationFailed("This API key is not valid, or is no longer.")
        note_use(key, now=key.organization.now())
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class BrowserSessionAuthentication(SessionAuthentication):
    """The browser's session; what changes anything needs the CSRF token, as on the pages."""
