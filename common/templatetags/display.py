"""Filters and tags for icons, dates and numbers."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from django import forms, template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from common import days, ids
from common.decimals import plain
from common.instants import rfc3339
from common.texts import counted as counted_text

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return an icon of `static/icons.svg`. It is decoration: screen readers ignore it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.filter
def day(value: date) -> SafeString:
    """Return a service day as `2026-02-09`. The page says once that days are UTC."""
    return format_html('<time datetime="{0}">{0}</time>', value.isoformat())


@register.filter
def last_day(end: date) -> date:
    """Return the last day of an interval whose end `end` is excluded: people read last days."""
    return days.last_day(end)


@register.filter
def days_to(start: date, end: date) -> SafeString:
    """Return the days `[start, end)`: `2026-01-10 → 2026-01-31`, or one day if it is only one.

    A line breaks only after the arrow.
    """
    last = days.last_day(end)
    if last <= start:
        return day(start)
    return format_html('<span class="nowrap">{} →</span> {}', day(start), day(last))


@register.filter
def whole_dates(text: str) -> SafeString:
    """Return a text in which no line breaks within a date."""
    parts = re.split(r"(\d{4}-\d\d-\d\d)", text)
    return format_html_join(
        "",
        "{}{}",
        (
            (before, format_html('<span class="nowrap">{}</span>', date_text) if date_text else "")
            for before, date_text in zip(parts[::2], [*parts[1::2], ""], strict=True)
        ),
    )


@register.filter
def instant(value: datetime) -> SafeString:
    """Return an instant to the minute: `2026-01-10 15:20`. The page says once that it is UTC."""
    minute = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return format_html('<time datetime="{}">{}</time>', rfc3339(value), minute)


@register.filter
def count(value: int) -> str:
    """Return a number with separators: `1,250,000`."""
    return f"{value:,}"


@register.filter
def counted(value: int, noun: str) -> str:
    """Return a number with its noun: `1 day`, `1,250 days`."""
    return counted_text(value, noun)


@register.filter
def duration(minutes: int) -> str:
    """Return minutes as text: `6 min`, `1 h 24 min`."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours:,} h" if hours else "", f"{rest} min" if rest or not hours else ""]
    return " ".join(part for part in parts if part)


@register.filter
def short_id(public_id: str) -> str:
    """Return a public id shortened for people: `lot_3f9a2c61…`."""
    return ids.short_id(public_id)


@register.filter
def percent(value: Decimal) -> str:
    """Return a percentage without trailing zeros: `12.5%`."""
    return f"{plain(value)}%"


@register.filter
def sentence_case(text: str) -> str:
    """Return `Two-Factor Authentication`, a text of a library, as `Two-factor authentication`."""
    return re.sub(r"(?<=[\s-])[A-Z](?=[a-z])", lambda letter: letter[0].lower(), text.strip())


@register.filter
def without_placeholder(field: forms.BoundField) -> SafeString:
    """Return the widget without its placeholder, which would only repeat the label."""
    return field.as_widget(attrs={"placeholder": False})


@register.simple_tag
def filter_control(field: forms.BoundField, path: str) -> SafeString:
    """Return the control of a list's filter, which applies when it is changed."""
    return field.as_widget(
        attrs={"class": "control", "autocomplete": "off", "hx-get": path, "hx-trigger": "change"}
    )
