"""API keys. Each member manages their own."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.operations.api_keys import create_api_key, revoke_api_key
from accounts.queries.api_keys import api_keys
from accounts.serializers.api_keys import (
    ApiKeyRequestSerializer,
    ApiKeySerializer,
    NewApiKeySerializer,
)
from common.api.pagination import PageQuery
from common.api.views import no_content
from common.compression import holding_secret


class Keys(OrganizationView):
    @endpoint(
        "list_keys",
        permission=Permission.OWN_API_KEYS,
        query=PageQuery,
        response=ApiKeySerializer,
    )
    def get(self, request: Request) -> Response:
        """Your own API keys that still work."""
        return self.page(api_keys(self.access.organization, self.access.user))

    @endpoint(
        "make_key",
        permission=Permission.OWN_API_KEYS,
        body=ApiKeyRequestSerializer,
        response=NewApiKeySerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Make an API key that acts as you in this organization. Its secret is shown once."""
        new_key = create_api_key(
            **self.caller, name=self.body["name"], project=self.body.get("project")
        )
        return holding_secret(self.respond(new_key))


class Key(OrganizationView):
    @endpoint(
        "revoke_key",
        permission=Permission.OWN_API_KEYS,
        response=None,
        status=HTTPStatus.NO_CONTENT,
    )
    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke one of your own API keys. It stops working at once and cannot be restored."""
        revoke_api_key(**self.caller, key_id=key_id)
        return no_content()
