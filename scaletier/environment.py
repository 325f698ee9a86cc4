"""Reads what the environment says, and refuses what it must not say, in one line.

`SCALETIER_PRODUCTION=1` says that the product is served to customers: pages are served over HTTPS
only, and no setting has a value that is made up. A process without its keys, addresses or mail
server does not start.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

SHORTEST_KEY, FEWEST_CHARACTERS = 50, 5
"""What Django's own deployment check asks of a secret key."""


REQUIRED = (
    "DATABASE_URL",
    "VALKEY_URL",
    "SCALETIER_SECRET_KEY",
    "SCALETIER_PUBLIC_URL",
    "SCALETIER_SELLER",
)
"""What production has no default for."""

MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""The usual port of each way to secure the connection with the mail server."""


class UnfitEnvironmentError(SystemExit):
    """The environment is not one to start in; the message says all reasons, in one line.

    It is a `SystemExit` because the settings raise it. Wherever it is raised, Python prints the
    line and stops, without a traceback.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(f"Scale Tier does not start: {'; '.join(problems)}.")


@dataclass(frozen=True, slots=True)
class MailTransport:
    """How the mail server is reached."""

    port: int
    starttls: bool
    tls: bool


def is_production() -> bool:
    """Return whether this is a production process. Raises UnfitEnvironmentError."""
    value = os.environ.get("SCALETIER_PRODUCTION") or "0"
    if value not in {"0", "1"}:
        raise UnfitEnvironmentError(f"SCALETIER_PRODUCTION is {value!r}, which is not 0 or 1")
    return value == "1"


def mail_transport() -> MailTransport:
    """Return how the mail server is reached. Raises UnfitEnvironmentError."""
    security = os.environ.get("SCALETIER_EMAIL_SECURITY") or "starttls"
    if security not in MAIL_PORTS:
        raise UnfitEnvironmentError(
            f"SCALETIER_EMAIL_SECURITY is {security!r}, which is not one of {', '.join(MAIL_PORTS)}"
        )
    port = os.environ.get("SCALETIER_EMAIL_PORT") or str(MAIL_PORTS[security])
    if not port.isdecimal() or not 0 < int(port) <= 65535:
        raise UnfitEnvironmentError(f"SCALETIER_EMAIL_PORT is {port!r}, which is not a port")
    return MailTransport(int(port), starttls=security == "starttls", tls=security == "tls")


def whole_number(name: str, *, default: int, at_most: int) -> int:
    """Return the value of a variable, from 1 on. Raises UnfitEnvironmentError."""
    value = os.environ.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", value) or not 1 <= int(value) <= at_most:
        raise UnfitEnvironmentError(f"{name} is {value!r}, which is not from 1 to {at_most}")
    return int(value)


def check_production() -> None:
    """Raise UnfitEnvironmentError unless the environment has all that production needs."""
    if problems := list(_problems(os.environ)):
        raise UnfitEnvironmentError(*problems)


def _problems(environment: Mapping[str, str]) -> Iterator[str]:
    for name in REQUIRED:
        if not environment.get(name):
            yield f"{name} is not set"
    if (key := environment.get("SCALETIER_SECRET_KEY")) and not _is_strong(key):
        yield f"SCALETIER_SECRET_KEY is weak: it needs {SHORTEST_KEY} random characters"
    if (url := environment.get("SCALETIER_PUBLIC_URL")) and not _is_public(url):
        yield "SCALETIER_PUBLIC_URL is not like https://capacity.example.com"
    if "*" in environment.get("SCALETIER_ALLOWED_HOSTS", ""):
        yield "SCALETIER_ALLOWED_HOSTS has a *: name the hosts"
    if not environment.get("SCALETIER_EMAIL_HOST") and not environment.get(
        "SCALETIER_EMAIL_BACKEND"
    ):
        yield "SCALETIER_EMAIL_HOST is not set"
    if environment.get("STRIPE_SECRET_KEY") and not environment.get("STRIPE_WEBHOOK_SECRET"):
        yield "STRIPE_WEBHOOK_SECRET is not set, but STRIPE_SECRET_KEY is"


def _is_strong(key: str) -> bool:
    return len(key) >= SHORTEST_KEY and len(set(key)) >= FEWEST_CHARACTERS


def _is_public(url: str) -> bool:
    """Return whether this is an https URL of a host, without a path."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host) and parts.path in {"", "/"} and not parts.query
