"""The Chromium that journeys drive: found, or installed by `python -m tests.browser`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FONT = "fonts-liberation"  # What is installed without a font shows boxes.
HOW_TO_GET = (
    "Browser journeys need Chromium: install your system's package `chromium`,"
    " or name one in SCALETIER_CHROMIUM."
)


def find() -> str | None:
    """Path of a Chromium on this machine, Playwright's own last; None if there is none."""
    candidates = [os.environ.get("SCALETIER_CHROMIUM"), *map(shutil.which, NAMES), MAC, _own()]
    return next((str(path) for path in candidates if path and Path(path).exists()), None)


def main() -> int:
    """Install one where none is: Debian's as root, Playwright's own elsewhere."""
    if find():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Chromium (Debian's package)", flush=True)
        steps = [
            ["apt-get", "update", "-qq"],
            [*["apt-get", "install", "-y", "-qq", "--no-install-recommends"], "chromium", FONT],
        ]
    else:
        print("==> Chromium (Playwright's own)", flush=True)
        steps = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in steps:
        done = subprocess.run(
            step,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            errors = (line for line in done.stdout.splitlines() if line.startswith(("E", "W:")))
            print(next(errors, done.stdout), file=sys.stderr)
            break
    if not find():
        print(HOW_TO_GET, file=sys.stderr)
        return 1
    return 0


def _own() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


if __name__ == "__main__":
    sys.exit(main())
