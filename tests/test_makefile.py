"""What `make` says where the machine lacks something."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which nothing is installed yet."""
    for name in ("Makefile", "bootstrap.lock", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def python(checkout: Path, name: str, script: str) -> Path:
    """Make a program that stands for a Python."""
    program = checkout / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def make(checkout: Path, *arguments: str) -> str:
    """Run a `make` that fails, and return what it printed."""
    result = subprocess.run(
        ["make", *arguments], check=False, cwd=checkout, capture_output=True, text=True
    )
    assert result.returncode != 0
    return result.stdout + result.stderr


def test_a_python_that_cannot_start_shows_its_own_error(checkout: Path) -> None:
    broken = python(checkout, "broken", "echo 'libpython3.11.so.1.0: not found' >&2; exit 127")
    output = make(checkout, ".venv/.uv", f"PYTHON={broken}")
    assert "libpython3.11.so.1.0: not found" in output
    assert f"{broken} does not start" in output
    assert "needs Python 3.11" not in output


def test_a_python_that_is_too_old_is_named_with_its_version(checkout: Path) -> None:
    old = python(
        checkout,
        "old",
        'case "$*" in *version_info*) exit 1;; *--version*) echo Python 3.9.2;; esac',
    )
    output = make(checkout, ".venv/.uv", f"PYTHON={old}")
    assert f"Scale Tier needs Python 3.11 or newer, and {old} is Python 3.9.2" in output


def test_a_broken_virtual_environment_shows_its_error_and_is_made_again(checkout: Path) -> None:
    python(checkout, ".venv/bin/python", "echo 'no such interpreter' >&2; exit 126")
    broken = python(checkout, "broken", "exit 1")
    output = make(checkout, ".venv/.uv", f"PYTHON={broken}")
    assert "no such interpreter" in output
    assert ".venv is made again" in output
    assert not (checkout / ".venv").exists()


def test_without_chromium_and_network_the_hint_comes_at_once(tmp_path: Path) -> None:
    without_network = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*without_network, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us make a network namespace")
    folder = tmp_path / "nothing"
    started_at = time.monotonic()
    result = subprocess.run(
        [
            shutil.which("unshare") or "",
            *without_network[1:],
            sys.executable,
            "-m",
            "tests.browser",
        ],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PATH": str(folder), "PLAYWRIGHT_BROWSERS_PATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "install your system's package `chromium`" in result.stderr
    assert "There is no network here" in result.stderr
    assert time.monotonic() - started_at < 15, "on a busy machine; no attempt to install was made"
