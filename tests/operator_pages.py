"""How an operator saves a page of the admin: the form, then the effects that it has, confirmed."""

from typing import Any

from django.test import Client


def save(olga: Client, url: str, form: dict[str, Any]) -> Any:
    """Send the form; where its effects are shown first, confirm them. Returns the last response."""
    response = olga.post(url, form)
    confirmed = response.context and response.context.get("confirmed")
    return olga.post(url, form | dict([confirmed])) if confirmed else response


def effects(olga: Client, url: str, form: dict[str, Any]) -> list[str]:
    """Send the form; return the effects that are shown before anything is saved."""
    response = olga.post(url, form)
    assert response.status_code == 200, response
    shown: list[str] = response.context["effects"]
    return shown
