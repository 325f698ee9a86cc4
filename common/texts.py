"""Texts that people read, and which texts they may type as names and addresses."""

import unicodedata
from email.errors import HeaderParseError

from django.core.exceptions import ValidationError
from django.core.mail.message import sanitize_address


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 unit`, `1,250 units`, `0 days`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def is_single_line(text: str) -> bool:
    """Return whether the text has no line break and no other control character."""
    # No printable character is a control character; most texts are printable as a whole.
    return text.isprintable() or not any(
        unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text
    )


def validate_single_line(text: str) -> None:
    """Raises ValidationError: a name goes into subjects of emails, headers and single lines."""
    if not is_single_line(text):
        raise ValidationError("A name has no line breaks or other control characters.")


def is_mailable(address: str) -> bool:
    """Return whether an email can be addressed to it, as Django's mail encodes addresses."""
    try:
        sanitize_address(address, "utf-8")
    except (ValueError, HeaderParseError, IndexError):  # A UnicodeError is a ValueError.
        return False
    return is_single_line(address)
