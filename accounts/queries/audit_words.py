"""Audit entries in words: a sentence, the page of the subject, and the values before and after.

An operation stores an action and values. What they say to people is registered by the app whose
operation it is, in its module `audit_words`. An action without words is read as it is called.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accounts.models import AuditEntry, Organization
from common.ids import short_id

NONE = "none"
PUBLIC_ID = re.compile(r"[a-z]+_[0-9a-f]{32}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)")
CODE = re.compile(r"[a-z]+(_[a-z]+)+")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of an action: its name in a list, and the sentence of an entry.

    `{name}` in the sentence stands for a value, after the change if it has changed;
    `{before[name]}` for the one before, `{subject}` for the name of what changed.
    """

    label: str
    sentence: str
    area: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entry is about: its name for people, and its page, if it has one."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class FieldWords:
    """The name of a value, and how it is written; `None` is written “none” always."""

    label: str
    write: Callable[[Any], str] | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A value before and after a change, in words; None if it was not, or is not there."""

    label: str
    before: str | None
    after: str | None


Subjects = Mapping[str, Subject]
Finder = Callable[[Organization | None, Collection[str]], Subjects]
Relatives = Callable[[Organization, str], Iterable[str]]

ACTIONS: dict[str, Words] = {}
FIELDS: dict[str, FieldWords] = {}
FINDERS: dict[str, Finder] = {}
RELATIVES: dict[str, Relatives] = {}


def register_actions(area: str, actions: Mapping[str, tuple[str, str]]) -> None:
    """Register label and sentence of actions, which a list of actions shows together."""
    for action, (label, sentence) in actions.items():
        ACTIONS[action] = Words(label, sentence, area)


def register_fields(fields: Mapping[str, FieldWords]) -> None:
    """Register names of values. A key `action:name` is for the values of one action alone."""
    FIELDS.update(fields)


def subjects_of(*prefixes: str) -> Callable[[Finder], Finder]:
    """Register the function that finds the names of public ids with these prefixes.

    It takes the organization, None for the whole platform, and the ids.
    """

    def register(finder: Finder) -> Finder:
        FINDERS.update(dict.fromkeys(prefixes, finder))
        return finder

    return register


def history_of(*prefixes: str) -> Callable[[Relatives], Relatives]:
    """Register the function that finds what belongs to the history of an id: further ids."""

    def register(relatives: Relatives) -> Relatives:
        RELATIVES.update(dict.fromkeys(prefixes, relatives))
        return relatives

    return register


def history_ids(organization: Organization, subject: str) -> set[str]:
    """Return the id itself, and those that belong to its history."""
    relatives = RELATIVES.get(_prefix(subject))
    return {subject, *(relatives(organization, subject) if relatives else ())}


def action_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the actions by area, for a filter."""
    areas: dict[str, list[tuple[str, str]]] = {}
    for action, words in ACTIONS.items():
        areas.setdefault(words.area, []).append((action, words.label))
    return [(area, sorted(actions, key=lambda pair: pair[1])) for area, actions in areas.items()]


@dataclass(frozen=True)
class EntryInWords:
    """An audit entry as people read it. `subjects` names the public ids that it mentions."""

    entry: AuditEntry
    subjects: Subjects

    @property
    def subject(self) -> Subject:
        """Return what changed. A subject that nobody knows any more has its id for a name."""
        text = self.entry.subject
        is_id = PUBLIC_ID.fullmatch(text)
        return self.subjects.get(text) or Subject(short_id(text) if is_id else text)

    @property
    def label(self) -> str:
        """Return the name of the action: `Units bought`."""
        words = ACTIONS.get(self.entry.action)
        return words.label if words else _readable(self.entry.action.replace(".", " "))

    @cached_property
    def sentence(self) -> str:
        """Return what was done: `Bought 4 input units of gpt-4.1-2025-04-14`."""
        words = ACTIONS.get(self.entry.action)
        if words is None:
            return f"{self.label}: {self.subject.name}"
        before, after = self._written(self.entry.before), self._written(self.entry.after)
        values = {**before, **after, "subject": self.subject.name, "before": before, "after": after}
        try:
            sentence = words.sentence.format_map(values)
        except KeyError:  # An older entry may lack a value that is recorded today.
            sentence = f"{words.label}: {self.subject.name}"
        return sentence[:1].upper() + sentence[1:]

    @property
    def changes(self) -> list[FieldChange]:
        """Return the values that the entry has, by name; those that stayed the same left out."""
        before, after = self.entry.before or {}, self.entry.after or {}
        changed = [
            name
            for name in {**before, **after}
            if not (name in before and name in after and before[name] == after[name])
        ]
        changes = (
            FieldChange(
                self._field(name).label,
                self._write(name, before[name]) if name in before else None,
                self._write(name, after[name]) if name in after else None,
            )
            for name in changed
        )
        return sorted(changes, key=lambda change: change.label)

    @property
    def person(self) -> str:
        """Return who made the change; `Scale Tier` for what no person did."""
        if self.entry.actor:
            return str(self.entry.actor)
        return {"stripe": "Stripe", "page": "Somebody", "api": "Somebody"}.get(
            self.entry.source, "Scale Tier"
        )

    @property
    def is_by_operator(self) -> bool:
        return self.entry.source == "admin"

    @property
    def email(self) -> str:
        """Return the email of the person; of operators customers read the name alone."""
        if self.entry.actor is None or self.is_by_operator:
            return ""
        return self.entry.actor.email

    @property
    def origin(self) -> str:
        """Return where the change came from: an API key by its name, or a browser session."""
        if key := self.entry.api_key:
            return f"API key “{key.name}” ({key.hint}…)"
        return {
            "page": "Browser session" if self.entry.actor else "Browser, not signed in",
            "api": "API",
            "admin": "Operator’s pages",
            "command": "Command of an operator",
            "stripe": "Payment provider",
            "time": "Opening of the day",
        }.get(self.entry.source, self.entry.source)

    def _field(self, name: str) -> FieldWords:
        own = FIELDS.get(f"{self.entry.action}:{name}") or FIELDS.get(name)
        return own or FieldWords(_readable(name))

    def _written(self, values: dict[str, Any] | None) -> dict[str, str]:
        return {name: self._write(name, value) for name, value in (values or {}).items()}

    def _write(self, name: str, value: Any) -> str:
        write = self._field(name).write
        if value in (None, "", "None", []):
            return NONE
        return write(value) if write else self._write_value(value)

    def _write_value(self, value: Any) -> str:
        if isinstance(value, bool) or value in ("True", "False"):
            return "yes" if value in (True, "True") else "no"
        if isinstance(value, list):
            return ", ".join(self._write_value(item) for item in value)
        if isinstance(value, dict):
            pairs = value.items()
            return ", ".join(f"{_readable(key)}: {self._write_value(item)}" for key, item in pairs)
        return self._write_text(str(value))

    def _write_text(self, text: str) -> str:
        if PUBLIC_ID.fullmatch(text):
            subject = self.subjects.get(text)
            return subject.name if subject else short_id(text)
        if INSTANT.fullmatch(text):
            return f"{text[:10]} {text[11:16]} UTC"
        return text.replace("_", " ") if CODE.fullmatch(text) else text


def in_words(
    entries: Sequence[AuditEntry], organization: Organization | None
) -> list[EntryInWords]:
    """Return entries in words. One statement of each app reads all names.

    `organization` None is the platform, whose subjects have no page of a customer.
    """
    subjects = find_subjects({text for entry in entries for text in _ids_of(entry)}, organization)
    return [EntryInWords(entry, subjects) for entry in entries]


def find_subject(text: str, organization: Organization) -> Subject:
    """Return what is known of one public id; of any other text only the text."""
    return find_subjects([text], organization).get(text) or Subject(text)


def find_subjects(ids: Iterable[str], organization: Organization | None) -> Subjects:
    """Return what is known of public ids; ids that nobody knows are left out."""
    by_finder: dict[Finder, set[str]] = {}
    for text in ids:
        if finder := FINDERS.get(_prefix(text)):
            by_finder.setdefault(finder, set()).add(text)
    subjects: dict[str, Subject] = {}
    for finder, found in by_finder.items():
        subjects.update(finder(organization, found))
    return subjects


def _ids_of(entry: AuditEntry) -> Iterator[str]:
    yield entry.subject
    for values in (entry.before, entry.after):
        for value in (values or {}).values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, str) and PUBLIC_ID.fullmatch(item):
                    yield item


def _prefix(public_id: str) -> str:
    return f"{public_id.partition('_')[0]}_"


def _readable(name: str) -> str:
    """Return `days_until_due` as `Days until due`."""
    return name.replace("_", " ").capitalize()
