"""The layout: every folder of Python has its place among the layers."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_PRODUCT = {"tests", "node_modules", "mutants"}


def test_every_package_is_one_that_import_linter_checks() -> None:
    """Inside a package its contracts are exhaustive; this finds a new folder beside them."""
    packages = {
        folder.name
        for folder in ROOT.iterdir()
        if folder.is_dir() and not folder.name.startswith(".") and any(folder.rglob("*.py"))
    }
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert packages - NOT_PRODUCT == set(settings["tool"]["importlinter"]["root_packages"])
