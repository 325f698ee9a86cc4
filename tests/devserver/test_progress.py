"""A step that lasts says how far it has come."""

import io

import pytest
from django.core.management.base import OutputWrapper

from scaletier.devserver import progress
from scaletier.devserver.progress import Progress


def printed_by(steps: int) -> str:
    out = io.StringIO()
    migrations = Progress(OutputWrapper(out), 3, "migrations")
    for _ in range(steps):
        migrations.advance()
    return out.getvalue()


def test_a_quick_step_prints_nothing() -> None:
    assert printed_by(3) == ""


def test_a_step_that_lasts_says_how_much_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)
    assert printed_by(3) == "    1 of 3 migrations\n    2 of 3 migrations\n"
