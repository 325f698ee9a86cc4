"""Compression of pages and of the API's responses.

Compressed, a secret beside text of an attacker's choice can be guessed from the length (BREACH).
Django adds random bytes and masks its CSRF token anew in every response. Responses that hold any
other secret are not compressed at all.
"""

from typing import TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

ACCOUNT_PAGES = "/accounts/"
"""Sign-in, second factors and recovery codes. These pages are small."""

AnyResponse = TypeVar("AnyResponse", bound=HttpResponseBase)


class Compression(GZipMiddleware):
    """Compresses what holds no secret; files are compressed when they are collected."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path.startswith(ACCOUNT_PAGES) or getattr(response, "holds_secret", False):
            return response
        return super().process_response(request, response)


def holding_secret(response: AnyResponse) -> AnyResponse:
    """Return the response, which is not compressed: it shows a secret."""
    response.holds_secret = True  # type: ignore[attr-defined]
    return response
