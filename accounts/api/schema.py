"""Describes the two authentication schemes in the OpenAPI document. `api.urls` imports it."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key acts as the user who made it, in one organization.",
        }


class BrowserSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.BrowserSessionAuthentication"
    name = "browserSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            **super().get_security_definition(auto_schema),  # type: ignore[no-untyped-call]
            "description": "The browser's session, with `X-CSRFToken` where something changes. "
            "`X-Organization: org_…` says in which organization; without it, the first by name.",
        }
