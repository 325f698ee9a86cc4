"""Known devices: browsers in which a person has signed in.

Failed attempts of others do not stop a person there. A signed cookie says whose device it is; it
ends with the password that was used, and half a year after its last renewal.
"""

from datetime import timedelta
from secrets import token_urlsafe

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from accounts.models import User

LIFETIME = timedelta(days=180)
RENEWED_AFTER = timedelta(days=30)
MOST_PEOPLE = 5
"""How many people one browser is remembered for: the latest ones."""

SALT = "accounts.known_devices"

Entries = dict[str, tuple[str, str]]
"""By the public id of a person: the id of the device, and the hash of the password they used."""


def known_device(request: HttpRequest, person: User) -> str | None:
    """Return the id of the device that the request comes from, or None if it is not a known one."""
    return _device(request, person, LIFETIME)


def remember_device(request: HttpRequest, response: HttpResponse, person: User) -> None:
    """Make the browser a known device of the person, or renew it when it is due."""
    if _device(request, person, RENEWED_AFTER):
        return
    device = known_device(request, person) or token_urlsafe(12)
    entries = _entries(request, LIFETIME)
    entries.pop(person.public_id, None)
    entries[person.public_id] = (device, person.get_session_auth_hash())
    latest = dict(list(entries.items())[-MOST_PEOPLE:])
    response.set_cookie(
        cookie_name(),
        signing.dumps(latest, salt=SALT),
        max_age=LIFETIME,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def cookie_name() -> str:
    """Return the name, which binds the cookie to this very host where there is HTTPS."""
    return "__Host-known_devices" if settings.SESSION_COOKIE_SECURE else "known_devices"


def _device(request: HttpRequest, person: User, max_age: timedelta) -> str | None:
    device, password_hash = _entries(request, max_age).get(person.public_id, ("", ""))
    hashes = (person.get_session_auth_hash(), *person.get_session_auth_fallback_hash())
    fits = any(constant_time_compare(password_hash, each) for each in hashes)
    return device if fits else None


def _entries(request: HttpRequest, max_age: timedelta) -> Entries:
    cookie = request.COOKIES.get(cookie_name(), "")
    try:
        entries: Entries = signing.loads(cookie, salt=SALT, max_age=max_age)
    except signing.BadSignature:
        return {}
    return entries
