"""Random secrets that are handed out once and stored only as their digest."""

import hashlib
import secrets

from django.utils.crypto import constant_time_compare, salted_hmac

SIGNATURE_LENGTH = 16


def new_token(prefix: str = "") -> str:
    """Return a secret with 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return the SHA-256 of a token. A token is random, so it needs no salt and no stretching."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_signed_token(prefix: str) -> str:
    """Return a secret with 256 random bits that `is_signed` tells from an invented one."""
    token = new_token(prefix)
    return token + _signature(token)


def is_signed(token: str) -> bool:
    """Return whether this installation made the token, without looking it up.

    It may have been revoked since. A token that was signed by another `SECRET_KEY` is not signed.
    """
    signed, signature = token[:-SIGNATURE_LENGTH], token[-SIGNATURE_LENGTH:]
    return constant_time_compare(signature, _signature(signed))


def _signature(token: str) -> str:
    return salted_hmac("token", token, algorithm="sha256").hexdigest()[:SIGNATURE_LENGTH]
