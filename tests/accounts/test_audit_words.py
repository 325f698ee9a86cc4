"""Every action that the code records has its words, and an unknown one is read as it is called."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.utils import timezone

from accounts.admin import AuditedAdmin
from accounts.models import AuditEntry, Organization, User
from accounts.queries.audit_words import ACTIONS, FINDERS, EntryInWords, in_words
from tests.cast import at

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "billing", "capacity", "scaletier")
RECORDERS = {"record", "_record", "record_each", "record_for_person"}
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")


def test_every_action_that_the_code_records_has_its_words() -> None:
    trees = [ast.parse(text) for text in sources()]
    constants = {name: value for tree in trees for name, value in assigned(tree).items()}
    found = {action for tree in trees for action in recorded_in(tree, constants)}
    assert len(found) >= 40
    assert {"units.bought", "sign_in.failed", "invoice.sent", "invoice.payment_failed"} <= found
    assert sorted(found - ACTIONS.keys()) == []


def test_every_page_of_operators_that_changes_rows_has_its_words() -> None:
    actions = {
        f"{model._meta.model_name}.{verb}"
        for page in admin.site._registry.values()
        if isinstance(page, AuditedAdmin)
        for model, verb in verbs(page)
    }
    assert sorted(actions - ACTIONS.keys()) == []


def verbs(page: AuditedAdmin) -> Iterator[tuple[Any, str]]:
    """The rows that the page changes, with what it does to them."""
    yield page.model, "changed"
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True)
    is_made_by_operation = page.model is Organization
    if page.has_add_permission(request) and not is_made_by_operation:
        yield page.model, "created"
    for inline in page.inlines:
        if inline.__name__ == "MembershipInline":
            continue  # Only shown.
        yield inline.model, "created"
        if inline.can_delete:
            yield from ((inline.model, verb) for verb in ("changed", "deleted"))


def sources() -> list[str]:
    """The text of every file that writes entries, or names an action for others that do."""
    texts = (
        file.read_text()
        for app in APPS
        for file in (ROOT / app).rglob("*.py")
        if "migrations" not in file.parts
    )
    return [text for text in texts if "record" in text or "sign_in." in text]


def assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """What is assigned to names, anywhere in a file."""
    return {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def recorded_in(tree: ast.Module, constants: dict[str, ast.expr]) -> Iterator[str]:
    """The actions in the calls of a file that write entries; names are followed, imported too."""
    names = {**constants, **assigned(tree)}
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or called(call) not in RECORDERS:
            continue
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            value = names.get(argument.id) if isinstance(argument, ast.Name) else argument
            yield from actions_of(value)


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def actions_of(value: ast.expr | None) -> Iterator[str]:
    """Literals; an f-string such as `invoice.{status}` needs one action at least that fits it."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        if ACTION.fullmatch(value.value):
            yield value.value
    elif isinstance(value, ast.IfExp):
        yield from (*actions_of(value.body), *actions_of(value.orelse))
    elif isinstance(value, ast.JoinedStr) and isinstance(value.values[0], ast.Constant):
        start = str(value.values[0].value)
        if ACTION.match(f"{start}x"):
            yield next((action for action in ACTIONS if action.startswith(start)), f"{start}…")


@pytest.mark.django_db
def test_an_action_without_words_is_read_as_it_is_called() -> None:
    entry = AuditEntry(
        action="tea_break.granted",
        subject="Acme",
        source="command",
        before={"minutes_left": 5, "with_cake": True, "until": None},
        after={"minutes_left": 0, "with_cake": False, "until": "2026-01-10T15:20:00Z"},
        at=at("2026-01-10"),
        recorded_at=timezone.now() + timedelta(days=1),
    )
    [row] = in_words([entry], None)
    assert (row.label, row.sentence) == ("Tea break granted", "Tea break granted: Acme")
    assert (row.person, row.origin) == ("Scale Tier", "Command of an operator")
    assert [(change.label, change.before, change.after) for change in row.changes] == [
        ("Minutes left", "5", "0"),
        ("Until", "none", "2026-01-10 15:20 UTC"),
        ("With cake", "yes", "no"),
    ]


def test_an_old_entry_that_lacks_a_value_has_a_sentence_all_the_same() -> None:
    entry = AuditEntry(action="units.bought", subject="pur_x", source="page", after={})
    assert EntryInWords(entry, {}).sentence == "Units bought: pur_x"


def test_every_kind_of_id_that_an_entry_is_about_has_a_name() -> None:
    assert {"user_", "proj_", "key_", "inv_", "of_", "lot_", "pur_", "can_", "pt_"} <= set(FINDERS)
