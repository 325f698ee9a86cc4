"""Icons, dates and figures, the same on every page."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from django import forms, template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One drawing of `static/icons.svg`. It is decoration: the text beside it says everything."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.filter
def day(value: date) -> SafeString:
    """A service day: `2026-02-09`. The page says once that days are UTC."""
    return format_html('<time datetime="{0}">{0}</time>', value.isoformat())


@register.filter
def instant(value: datetime) -> SafeString:
    """A moment to the minute: `2026-01-10 15:20`. The page says once that it is UTC."""
    at = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>', at.strftime("%Y-%m-%dT%H:%M:%SZ"), f"{at:%Y-%m-%d %H:%M}"
    )


@register.filter
def count(value: int) -> str:
    """`1,250,000`."""
    return f"{value:,}"


@register.filter
def percent(value: Decimal) -> str:
    """`12.5%`, without trailing zeros."""
    return f"{value.normalize():f}%"


@register.filter
def sentence_case(text: str) -> str:
    """`Two-Factor Authentication`, as libraries write it, becomes `Two-factor authentication`."""
    return re.sub(r"(?<=[\s-])[A-Z](?=[a-z])", lambda letter: letter[0].lower(), text.strip())


@register.filter
def without_placeholder(field: forms.BoundField) -> SafeString:
    """A control without its placeholder, which would only repeat the label."""
    return field.as_widget(attrs={"placeholder": False})


@register.simple_tag(takes_context=True)
def querystring_with(context: template.Context, name: str, value: int) -> str:
    """The query of the page with one parameter changed, without its question mark."""
    query = context["request"].GET.copy()
    query[name] = str(value)
    return str(query.urlencode())
