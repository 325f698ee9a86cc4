"""What `manage.py deploy` refuses, in one line, before it does anything."""

import os
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings


@pytest.fixture
def production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of production that lack nothing; no test of this file gets as far as a database."""
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE")  # Only tests set it; the check refuses it.
    settings.PRODUCTION = True
    settings.MIGRATION_DATABASE_URL = "postgresql://scaletier_owner@127.0.0.1:1/scaletier"
    settings.VALKEY_URL = os.environ["VALKEY_URL"]
    settings.SECRET_KEY = "0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-ABCD"
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31536000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    return settings


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"PRODUCTION": False}, "SCALETIER_PRODUCTION is not 1"),
        ({"MIGRATION_DATABASE_URL": ""}, "SCALETIER_MIGRATION_DATABASE_URL is not set"),
        ({"SECURE_SSL_REDIRECT": False}, "SECURE_SSL_REDIRECT"),
        ({"VALKEY_URL": "redis://127.0.0.1:1/0"}, "VALKEY_URL does not answer"),
        ({}, "SCALETIER_MIGRATION_DATABASE_URL does not answer"),
    ],
)
def test_deploy_refuses_settings_that_are_not_for_production(
    changes: dict[str, Any], reason: str, production: Settings
) -> None:
    for name, value in changes.items():
        setattr(production, name, value)
    with pytest.raises(CommandError, match=reason):
        call_command("deploy", operator="olga@example.com")


@pytest.mark.usefixtures("production")
def test_deploy_refuses_an_operator_without_an_address() -> None:
    with pytest.raises(CommandError, match="“olga” is not an email address"):
        call_command("deploy", operator="olga")
