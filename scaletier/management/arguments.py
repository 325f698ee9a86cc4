"""How commands read the terms of an order form."""

from argparse import ArgumentTypeError
from datetime import date
from decimal import Decimal, InvalidOperation

MAX_DAYS_UNTIL_DUE = 365


def parse_anchor_day(text: str) -> int:
    """Return a day of the month. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= 31:
        raise ArgumentTypeError(f"“{text}” is not a day from 1 to 31")
    return int(text)


def parse_percent(text: str) -> Decimal:
    """Return a percentage with two decimal places at most. Raises ArgumentTypeError."""
    try:
        percent = Decimal(text)
    except InvalidOperation as error:
        raise ArgumentTypeError(f"“{text}” is not a percentage") from error
    if not percent.is_finite() or not 0 <= percent <= 100 or percent != round(percent, 2):
        raise ArgumentTypeError(
            f"“{text}” is not a percentage from 0 to 100 with two decimal places at most"
        )
    return percent


def parse_day(text: str) -> date:
    """Return a service day. Raises ArgumentTypeError."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” is not a date like 2026-01-31") from error
    if day.isoformat() != text:
        raise ArgumentTypeError(f"“{text}” is not a date like 2026-01-31")
    return day


def parse_days_until_due(text: str) -> int:
    """Return a number of days. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal()) or int(text[:6]) > MAX_DAYS_UNTIL_DUE:
        raise ArgumentTypeError(f"“{text}” is not a number of days from 0 to {MAX_DAYS_UNTIL_DUE}")
    return int(text)


def parse_model_discount(text: str) -> tuple[str, Decimal]:
    """Return a model and its percentage, of `MODEL=PCT`. Raises ArgumentTypeError."""
    model, equals, percent = text.rpartition("=")
    if not (model and equals):
        raise ArgumentTypeError(f"“{text}” is not like gpt-4.1-2025-04-14=12.5")
    return model, parse_percent(percent)
