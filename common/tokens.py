"""Random secrets that are handed out once and stored only as their digest."""

import hashlib
import secrets


def new_token(prefix: str = "") -> str:
    """Return a secret with 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return the SHA-256 of a token. A token is random, so it needs no salt and no stretching."""
    return hashlib.sha256(token.encode()).hexdigest()
