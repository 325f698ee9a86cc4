"""Every rule that code, tests or documents cite by number is told in `docs/rules.md`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "rules.md"
RULES = [f"R{number}" for number in range(1, 26)]

FOLDERS = ("scaletier", "common", "accounts", "billing", "capacity", "templates", "static", "tests")
DOCUMENTS = ("README.md", "ARCHITECTURE.md")
SUFFIXES = {".py", ".html", ".md", ".css", ".js"}

CITATION = re.compile(r"\bR\d{1,2}\b")
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
RULE_HEADING = re.compile(r"(R\d{1,2}) \S.*")
EXAMPLE = re.compile(r"^Example: \S", re.MULTILINE)
STANDING = re.compile(r"^(Held by: \[|Not built yet\.)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def sections() -> dict[str, str]:
    """The text of each rule's section, by its number."""
    _, *parts = HEADING.split(PAGE.read_text(encoding="utf-8"))
    titled = zip(parts[::2], parts[1::2], strict=True)
    return {rule[1]: text for title, text in titled if (rule := RULE_HEADING.fullmatch(title))}


def citing_files() -> Iterator[Path]:
    for folder in FOLDERS:
        files = (ROOT / folder).rglob("*")
        yield from sorted(path for path in files if path.suffix in SUFFIXES and path.is_file())
    yield from (ROOT / name for name in DOCUMENTS)


def citations(file: Path) -> Iterator[tuple[str, str]]:
    """Each rule that a file cites, with the place: `capacity/tasks.py:15`."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        for rule in CITATION.findall(line):
            yield rule, f"{file.relative_to(ROOT)}:{number}"


def test_every_rule_that_is_cited_has_its_section() -> None:
    rules = sections()
    without_section = [
        f"{place} cites {rule}"
        for file in citing_files()
        for rule, place in citations(file)
        if rule not in rules
    ]
    message = "docs/rules.md has no section for these:\n" + "\n".join(without_section)
    assert not without_section, message


def test_each_rule_has_one_section_and_they_are_in_order() -> None:
    titles = HEADING.findall(PAGE.read_text(encoding="utf-8"))
    assert [rule[1] for title in titles if (rule := RULE_HEADING.fullmatch(title))] == RULES


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_an_example_and_says_what_holds_it(rule: str) -> None:
    section = sections()[rule]
    assert EXAMPLE.search(section), f"{rule} has no line “Example: …”"
    assert STANDING.search(section), f"{rule} has neither “Held by: …” nor “Not built yet.”"


def test_every_link_leads_to_a_file() -> None:
    links = LINK.findall(PAGE.read_text(encoding="utf-8"))
    relative = {link for link in links if "://" not in link}
    assert relative, "docs/rules.md names no file at all"
    assert [link for link in sorted(relative) if not (PAGE.parent / link).is_file()] == []
