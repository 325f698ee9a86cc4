"""Finds the Chromium that browser tests use; `python -m tests.browser` installs it."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROGRAM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_CHROME = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FONT = "fonts-liberation"  # Without a font Chromium shows boxes instead of letters.
NOWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # For documentation.
HOW_TO_GET = (
    "Browser journeys need Chromium: install your system's package `chromium`,"
    " or name one in SCALETIER_CHROMIUM."
)


def find() -> str | None:
    """Return the path of a Chromium on this machine, None if there is none."""
    return next((str(path) for path in _candidates() if path and Path(path).exists()), None)


def _candidates() -> Iterator[str | Path | None]:
    """Yield where a Chromium may be. Playwright's own is the last choice: to ask takes a while."""
    yield os.environ.get("SCALETIER_CHROMIUM")
    yield from map(shutil.which, PROGRAM_NAMES)
    yield MAC_CHROME
    yield _playwright_chromium()


def main() -> int:
    """Install Chromium if there is none, after saying how a person can. Returns the exit code."""
    if find():
        return 0
    print(HOW_TO_GET, file=sys.stderr, flush=True)
    if not _has_network():
        print("There is no network here to install it from.", file=sys.stderr)
        return 1
    for command in _install_commands():
        if not _run_command(command):
            break
    return 0 if find() else 1


def _has_network() -> bool:
    """Return whether there is a way to other machines at all. It sends nothing."""
    for family, address in NOWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
        except OSError:
            continue
        return True
    return False


def _install_commands() -> list[list[str]]:
    """Return the commands that install Debian's package as root, Playwright's Chromium if not."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Chromium (Debian's package)", flush=True)
        apt = ["apt-get", "-qq", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=15"]
        install = [*apt, "install", "-y", "--no-install-recommends", "chromium", FONT]
        return [[*apt, "update"], install]
    print("==> Chromium (Playwright's own)", flush=True)
    return [[sys.executable, "-m", "playwright", "install", "chromium"]]


def _run_command(command: list[str]) -> bool:
    """Run a command and return whether it succeeded. If not, print its first error."""
    result = subprocess.run(
        command,
        check=False,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        errors = (line for line in result.stdout.splitlines() if line.startswith(("E", "W:")))
        print(next(errors, result.stdout), file=sys.stderr)
    return result.returncode == 0


def _playwright_chromium() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


if __name__ == "__main__":
    sys.exit(main())
