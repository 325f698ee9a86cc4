"""People read the last day of an interval, in one way on all pages and in all emails."""

import re
from datetime import date

import pytest
from django.conf import settings

from common.days import last_day
from common.templatetags.display import days_to

JANUARY_10 = date(2026, 1, 10)


@pytest.mark.parametrize(
    ("end", "last"),
    [("2026-02-09", "2026-02-08"), ("2026-03-01", "2026-02-28"), ("2028-03-01", "2028-02-29")],
)
def test_the_last_day_is_the_one_before_the_end(end: str, last: str) -> None:
    assert last_day(date.fromisoformat(end)).isoformat() == last


def test_days_are_shown_from_the_first_to_the_last_and_break_only_after_the_arrow() -> None:
    assert days_to(JANUARY_10, date(2026, 2, 1)) == (
        '<span class="nowrap"><time datetime="2026-01-10">2026-01-10</time> →</span> '
        '<time datetime="2026-01-31">2026-01-31</time>'
    )


def test_a_single_day_is_shown_once() -> None:
    one_day = '<time datetime="2026-01-10">2026-01-10</time>'
    assert days_to(JANUARY_10, date(2026, 1, 11)) == one_day


def test_no_page_and_no_email_shows_an_end_that_is_excluded() -> None:
    """Whoever shows such a date as it is stored is a day off for people."""
    ends = "ends_on|ended_on|next_end|charged_until|service_to|period.end|period_end|retires_on"
    wrong = [
        f"{file.name}: {shown}"
        for file in (settings.BASE_DIR / "templates").rglob("*.*")
        for shown in re.findall(r"{{(.*?)}}", file.read_text())
        if re.search(ends, shown) and not re.search("last_day|days_to", shown)
    ]
    assert wrong == []
