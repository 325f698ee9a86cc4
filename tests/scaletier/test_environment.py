"""What the environment must say, and what each process does when it does not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scaletier import environment
from tests.site import ROOT

GOOD = {
    "SCALETIER_PRODUCTION": "1",
    "SCALETIER_PUBLIC_URL": "https://capacity.example.com",
    "SCALETIER_SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-ABCD",
    "SCALETIER_SELLER": "Example Inc. | 1 Main Street",
    "SCALETIER_EMAIL_HOST": "mail.example.com",
    "SCALETIER_TRUSTED_PROXIES": "1",
    "DATABASE_URL": "postgresql://scaletier@127.0.0.1:1/scaletier",
    "VALKEY_URL": "redis://127.0.0.1:1/0",
}


def manage(folder: Path, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """Run a management command in a folder, in production, with changes to a good environment."""
    environment = {**GOOD, **changes, "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def set_environment(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    """Give this process a good environment for production, with changes."""
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)


def read_environment() -> None:
    """Read the environment as the settings do."""
    if environment.is_production():
        environment.check_production()
        environment.mail_transport()


def test_djangos_deployment_check_is_clean_in_production_which_makes_no_home(
    tmp_path: Path,
) -> None:
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "INFO")
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"SCALETIER_SECRET_KEY": ""}, "SCALETIER_SECRET_KEY is not set"),
        ({"SCALETIER_SECRET_KEY": "change-me"}, "SCALETIER_SECRET_KEY is weak"),
        ({"SCALETIER_SECRET_KEY": "a" * 60}, "SCALETIER_SECRET_KEY is weak"),
        ({"SCALETIER_PUBLIC_URL": ""}, "SCALETIER_PUBLIC_URL is not set"),
        ({"SCALETIER_PUBLIC_URL": "http://capacity.example.com"}, "SCALETIER_PUBLIC_URL is not"),
        ({"SCALETIER_PUBLIC_URL": "https://a.example.com/x"}, "SCALETIER_PUBLIC_URL is not like"),
        ({"SCALETIER_ALLOWED_HOSTS": "a.example.com, *"}, "SCALETIER_ALLOWED_HOSTS has a *"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"VALKEY_URL": ""}, "VALKEY_URL is not set"),
        ({"SCALETIER_EMAIL_HOST": ""}, "SCALETIER_EMAIL_HOST is not set"),
        ({"SCALETIER_EMAIL_SECURITY": "ssl"}, "'ssl', which is not one of starttls, tls, none"),
        ({"SCALETIER_EMAIL_PORT": "smtp"}, "SCALETIER_EMAIL_PORT is 'smtp', which is not a port"),
        ({"STRIPE_SECRET_KEY": "sk_live_1"}, "STRIPE_WEBHOOK_SECRET is not set"),
        ({"SCALETIER_PRODUCTION": "yes"}, "SCALETIER_PRODUCTION is 'yes', which is not 0 or 1"),
    ],
)
def test_what_production_lacks_is_said_in_one_line(
    changes: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, **changes)
    with pytest.raises(SystemExit) as refusal:
        read_environment()
    (line,) = str(refusal.value).splitlines()
    assert line.startswith("Scale Tier does not start: ")
    assert reason in line


def test_a_process_that_lacks_everything_says_all_of_it_in_one_line(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", **dict.fromkeys(set(GOOD) - {"SCALETIER_PRODUCTION"}, ""))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert len(re.findall("is not set", line)) == 6


@pytest.mark.parametrize(
    ("changes", "port", "starttls", "tls"),
    [
        ({}, 587, True, False),
        ({"SCALETIER_EMAIL_SECURITY": "tls"}, 465, False, True),
        ({"SCALETIER_EMAIL_SECURITY": "none"}, 25, False, False),
        ({"SCALETIER_EMAIL_PORT": "2525"}, 2525, True, False),
    ],
)
def test_the_mail_server_is_reached_as_the_environment_says(
    changes: dict[str, str], port: int, starttls: bool, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, **changes)
    assert environment.mail_transport() == environment.MailTransport(port, starttls, tls)


def test_production_sends_mail_through_its_mail_server_and_from_its_own_domain(
    tmp_path: Path,
) -> None:
    result = manage(tmp_path, "diffsettings", "--all", SCALETIER_EMAIL_USER="scaletier")
    settings = set(result.stdout.replace("### ", "").splitlines())
    assert settings.issuperset(
        {
            "EMAIL_BACKEND = 'django.core.mail.backends.smtp.EmailBackend'",
            "EMAIL_HOST = 'mail.example.com'",
            "EMAIL_PORT = 587",
            "EMAIL_HOST_USER = 'scaletier'",
            "DEFAULT_FROM_EMAIL = 'Scale Tier <noreply@capacity.example.com>'",
        }
    )
