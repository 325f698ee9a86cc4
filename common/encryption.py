"""Encryption of secrets in the database, under keys derived from SECRET_KEY.

SECRET_KEY encrypts; what was encrypted under one of SECRET_KEY_FALLBACKS can still be read.
"""

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = "gAAAAA"
"""How every Fernet token starts: a version byte, then the upper bytes of the time."""


def encrypt(text: str) -> str:
    """Return the text encrypted under SECRET_KEY."""
    return _cipher().encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Return the text. Raises cryptography's InvalidToken if no key of the settings fits."""
    return _cipher().decrypt(encrypted).decode()


def is_encrypted(text: str) -> bool:
    """Return whether `encrypt` made the text. No base32 or hexadecimal text starts like that."""
    return text.startswith(VERSION)


def encrypt_anew(encrypted: str) -> str:
    """Return the same text encrypted under SECRET_KEY, whichever key encrypted it before."""
    return _cipher().rotate(encrypted).decode()


def _cipher() -> MultiFernet:
    return MultiFernet([_key(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@lru_cache(maxsize=8)
def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"scaletier: stored secrets")
    return Fernet(urlsafe_b64encode(derived.derive(secret.encode())))
