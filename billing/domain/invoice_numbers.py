"""The numbers of invoices that people read: each organization has its prefix, `NWL-0004`."""

import re
import unicodedata

PREFIX = re.compile(r"[A-Z0-9]{1,12}")
"""What a prefix is made of. Stripe's own prefixes are the same."""

DISPLAY_NUMBER = re.compile(r"(?:(?P<prefix>[A-Za-z0-9]{1,12})-)?(?P<number>[0-9]{1,9})")
NO_LATIN_LETTER = "INV"


def prefix_from_name(name: str) -> str:
    """Return three letters or digits of an organization's name: `NOL` for Northwind Labs.

    They are the initials of three words, or the first letters of fewer. A name without Latin
    letters and digits gives `INV`.
    """
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter)).upper()
    words: list[str] = re.findall("[A-Z0-9]+", letters)
    if len(words) > 2:
        return "".join(word[0] for word in words[:3])
    if len(words) == 2:
        return words[0][:2] + words[1][:1]
    return words[0][:3] if words else NO_LATIN_LETTER


def display_number(prefix: str, number: int) -> str:
    """Return the number as people read it: `NWL-0004`; without a prefix `0004`."""
    return f"{prefix}-{number:04d}" if prefix else f"{number:04d}"


def parse_number(text: str) -> tuple[str, int] | None:
    """Return the prefix, in upper case or empty, and the number; None if the text is no number."""
    match = DISPLAY_NUMBER.fullmatch(text.strip())
    return ((match["prefix"] or "").upper(), int(match["number"])) if match else None
