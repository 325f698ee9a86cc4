"""Fragments of pages, which htmx puts into the page that asked for them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

FRAGMENT_HEADER = "Scale-Tier-Fragment"


def mark_fragment(response: HttpResponse, name: str) -> HttpResponse:
    """Mark a response as the answer to the very request, not one to something in between."""
    response[FRAGMENT_HEADER] = name
    return response


def render_fragment(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a partial of a template, marked as the fragment that was asked for.

    The script puts no other answer into a page: a sign-in page, an error page of a proxy and the
    like come without the header.
    """
    response = render(request, template, context, status=status)
    return mark_fragment(response, template.partition("#")[2])
