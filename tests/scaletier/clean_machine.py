"""A clean machine: a copy of the checkout with runtime packages alone, and a PostgreSQL server."""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import psycopg

from scaletier.devserver.embedded import postgresql
from scaletier.devserver.embedded.postgresql import _binary_folder
from tests.site import ROOT

NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", "node_modules", ".staticfiles", ".scaletier", "tests"),
    *(".*_cache", ".hypothesis", "__pycache__", "mutants", "test-results"),
)
LONG_AGO = 1_000_000_000
"""When everything was installed and built: `make` finds nothing newer than that."""


def commands(heading: str) -> list[str]:
    """Return the blocks of shell commands under a heading of docs/production.md, word for word."""
    text = (ROOT / "docs/production.md").read_text()
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```", part, flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Machine:
    """A folder with the product, and what an administrator's shell has in its environment."""

    folder: Path
    shell: dict[str, str]

    def run(self, script: str) -> str:
        """Run commands of the documentation. Returns what they print."""
        result = subprocess.run(
            ["sh", "-eu", "-c", script],
            check=False,
            cwd=self.folder,
            env=self.shell,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, f"{script}\n{result.stdout}{result.stderr}"
        return result.stdout

    def start(self, command: str) -> "subprocess.Popen[str]":
        """Start a process of the product with the settings in its environment."""
        return subprocess.Popen(
            ["sh", "-c", f"set -a; . ./production.env; set +a; exec {command}"],
            cwd=self.folder,
            env=self.shell,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def set(self, **settings: str) -> None:
        """Fill in production.env, as an administrator does."""
        file = self.folder / "production.env"
        text = file.read_text()
        for name, value in settings.items():
            line = f'{name}="{value}"'
            text, count = re.subn(rf"(?m)^{name}=.*$", line.replace("\\", r"\\"), text)
            text += "" if count else f"{line}\n"
        file.write_text(text)


@contextmanager
def machine(folder: Path, **shell: str) -> Iterator[Machine]:
    """Yield a machine on which `make setup` has been run, as far as networks are needed for it."""
    product = folder / "product"
    shutil.copytree(ROOT, product, ignore=NOT_COPIED)
    _install_runtime_packages(product / ".venv")
    shutil.copytree(ROOT / "node_modules", product / "node_modules")
    for stamp in (".venv/.uv", ".venv/.packages", "node_modules/.libraries"):
        (product / stamp).touch()
    for path in (product, *product.rglob("*")):
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    search_path = [str(_binary_folder()), "/usr/local/bin", "/usr/bin", "/bin"]
    yield Machine(product, {"PATH": ":".join(search_path), "HOME": str(folder), **shell})


@contextmanager
def empty_server(folder: Path) -> Iterator[str]:
    """Yield the URL of the administrator of a PostgreSQL server without databases and roles."""
    with postgresql(folder, durable=False) as url:
        admin = url.replace("scaletier@", "postgres@").replace("/scaletier?", "/postgres?")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP DATABASE scaletier")
            connection.execute("DROP ROLE scaletier, scaletier_runtime")
        yield admin


def _install_runtime_packages(folder: Path) -> None:
    """Make a virtual environment of the packages in requirements.lock, as links to ours."""
    venv.create(folder, symlinks=True)
    ours = Path(str(distribution("django").locate_file(""))).resolve()
    (theirs,) = folder.glob("lib/python*/site-packages")
    for name in _locked_packages():
        for entry in _installed_entries(name):
            if not (theirs / entry).exists():
                (theirs / entry).symlink_to(ours / entry)


def _locked_packages() -> Sequence[str]:
    return re.findall(r"(?m)^([\w.-]+)==", (ROOT / "requirements.lock").read_text())


def _installed_entries(package: str) -> set[str]:
    """Return the files and folders of a package; none if it is for other systems."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        return set()
    return {file.parts[0] for file in files} - {"..", "__pycache__", sys.platlibdir}
