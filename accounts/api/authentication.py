"""Authentication of API requests: by an API key, or by the session of a browser."""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User
from accounts.operations.api_keys import record_new_address, update_last_used
from accounts.queries.api_keys import find_valid_api_key
from common.api.rate_limits import address_of, count_request, refuse_beyond
from common.client_address import client_address
from common.tokens import digest, is_signed

SCHEME = "Bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <api key>`. `request.auth` is the key, which names the organization.

    It is the first of the two classes, so that `WWW-Authenticate` names its scheme.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        address = client_address(request)
        key = _find_key(request, secret.strip().decode("latin-1"), address)
        if key is None:
            raise AuthenticationFailed("This API key is not valid, or is no longer.")
        update_last_used(key, now=key.organization.now())
        if address and not key.is_known_address:
            record_new_address(key, address=address, real_now=timezone.now())
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class BrowserSessionAuthentication(SessionAuthentication):
    """Authenticates by the browser's session. Requests that change data need the CSRF token.

    Requests without a key count for their address.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        count_request(request, "address", address_of(request))
        return super().authenticate(request)


def _find_key(request: Request, secret: str, client: str | None) -> ApiKey | None:
    """Return the valid key with this secret, or None. Raises Throttled before any database work.

    A key that we made counts for itself alone. Wrong keys count for their address, which is refused
    when there are many of them; keys from before keys were signed then wait with them.
    """
    if is_signed(secret):
        count_request(request, "key", digest(secret))
        return find_valid_api_key(secret, client)
    address = address_of(request)
    refuse_beyond(request, "wrong-keys", address)
    key = find_valid_api_key(secret, client)
    if key is None:
        count_request(request, "wrong-keys", address)
    else:
        count_request(request, "key", key.digest)
    return key
