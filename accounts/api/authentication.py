"""Authentication of API requests: by an API key, or by the session of a browser."""

from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User
from accounts.operations.api_keys import update_last_used
from accounts.queries.api_keys import find_valid_api_key

SCHEME = "Bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <api key>`. `request.auth` is the key, which names the organization.

    It is the first of the two classes, so that `WWW-Authenticate` names its scheme.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        key = find_valid_api_key(secret.strip().decode("latin-1"))
        if key is None:
            raise AuthenticationFailed("This API key is not valid, or is no longer.")
        update_last_used(key, now=key.organization.now())
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class BrowserSessionAuthentication(SessionAuthentication):
    """Authenticates by the browser's session. Requests that change data need the CSRF token."""
