"""Audit entries through the API (R19)."""

import re

import pytest

from tests.api_client import ApiCast

pytestmark = pytest.mark.django_db


def test_an_audit_entry_says_who_did_what_and_from_where(api: ApiCast) -> None:
    project = api.alice.post("projects", {"name": "Chat"}).json()["id"]

    entry = api.alice.get("audit", limit=1).json()["data"][0]

    assert entry == {
        "id": entry["id"],
        "at": "2026-01-10T12:00:00Z",
        "recorded_at": entry["recorded_at"],
        "by": api.acme.alice.person.public_id,
        "source": "api",
        "key": api.acme.organization.api_keys.get(user=api.acme.alice.person).public_id,
        "address": "127.0.0.1",
        "action": "project.created",
        "subject": project,
        "before": None,
        "after": {"name": "Chat"},
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["recorded_at"])


def test_an_entry_of_what_a_command_did_names_no_person(api: ApiCast) -> None:
    first = api.alice.get("audit", limit=200).json()["data"][-1]

    assert (first["action"], first["by"], first["source"]) == (
        "organization.created",
        None,
        "command",
    )
