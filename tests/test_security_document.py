"""SECURITY.md: every test that it names exists, and it speaks of each requirement once."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "SECURITY.md").read_text()


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE))
    assert len(named) > 40
    missing = {
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).exists()
        or not re.search(rf"(?m)^\s*def {name}\(", (ROOT / file).read_text())
    }
    assert missing == set()


def test_each_requirement_of_levels_1_and_2_is_in_one_place() -> None:
    requirements = re.findall(r"(?<![\d.])\d{1,2}\.\d{1,2}\.\d{1,2}(?![\d.]\d)", PAGE)
    assert [name for name, count in Counter(requirements).items() if count > 1] == []
    assert len(requirements) == 253  # As many as ASVS 5.0 has.
