"""Finds the Chromium that browser tests use; `python -m tests.browser` installs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_CHROME = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FONT = "fonts-liberation"  # Without a font Chromium shows boxes instead of letters.
HOW_TO_GET = (
    "Browser journeys need Chromium: install your system's package `chromium`,"
    " or name one in SCALETIER_CHROMIUM."
)


def find() -> str | None:
    """Return the path of a Chromium on this machine, None if there is none.

    Playwright's own Chromium is the last choice.
    """
    candidates = [
        os.environ.get("SCALETIER_CHROMIUM"),
        *map(shutil.which, PROGRAM_NAMES),
        MAC_CHROME,
        _playwright_chromium(),
    ]
    return next((str(path) for path in candidates if path and Path(path).exists()), None)


def main() -> int:
    """Install Chromium if there is none. Returns the exit code."""
    if find():
        return 0
    for command in _install_commands():
        if not _run_command(command):
            break
    if not find():
        print(HOW_TO_GET, file=sys.stderr)
        return 1
    return 0


def _install_commands() -> list[list[str]]:
    """Return the commands that install Debian's package as root, Playwright's Chromium if not."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Chromium (Debian's package)", flush=True)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", FONT]
        return [["apt-get", "update", "-qq"], install]
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
