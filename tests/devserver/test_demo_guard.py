"""No demo data, and nobody who could sign in, is made where customers may be."""

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import User
from scaletier.devserver.demo_guard import reason_against_demo_data


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is the one that `make run` starts."""
    monkeypatch.delenv("DATABASE_URL")


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("key", ["", "sk_test_51"])
def test_demo_data_is_made_in_an_embedded_database_without_a_live_key(
    key: str, settings: Settings
) -> None:
    settings.STRIPE_SECRET_KEY = key
    assert reason_against_demo_data() is None


@pytest.mark.usefixtures("embedded")
def test_make_run_makes_no_demo_data_with_a_live_key(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_51"
    assert reason_against_demo_data() == "STRIPE_SECRET_KEY is a live key"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"), [("STRIPE_SECRET_KEY", "rk_live_51"), ("PRODUCTION", True)]
)
def test_the_demo_command_refuses_what_make_run_would_not_make(
    name: str, value: object, settings: Settings
) -> None:
    setattr(settings, name, value)
    with pytest.raises(CommandError, match="No demo data: "):
        call_command("demo")
    assert not User.objects.exists()
