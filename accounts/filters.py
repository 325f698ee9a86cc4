"""What the lists of members, projects, API keys and audit entries can be searched by."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.db.models import F, QuerySet
from django.http import QueryDict

from accounts.models import Organization, Role
from accounts.queries.api_keys import search_api_keys
from accounts.queries.audit import (
    day_after,
    entries_between,
    history,
    people_in_log,
    search_entries,
)
from accounts.queries.audit_words import action_choices
from accounts.queries.members import BY_ROLE, search_members
from accounts.queries.projects import search_projects
from common.lists import ListFilters, Ordering, choice, day

NOBODY = "none"
"""The choice of entries without a person: what time, the platform or Stripe did."""


class MemberFilters(ListFilters):
    """Members of an organization."""

    orders: ClassVar[Ordering] = {
        "": ("Owners first", BY_ROLE),
        "email": ("By email", ["user__email"]),
        "newest": ("Newest first", ["-created_at", "-pk"]),
        "oldest": ("Oldest first", ["created_at", "pk"]),
    }
    searches = "Name or email"

    role = choice("Role", "All roles", Role.choices)
    factor = choice("Two-factor", "Two-factor or not", [("on", "With"), ("off", "Without")])

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if role := self.value("role"):
            rows = rows.filter(role=role)
        if factor := self.value("factor"):
            rows = rows.filter(has_second_factor=factor == "on")
        return search_members(rows, self.value("q"))


class ProjectFilters(ListFilters):
    """Projects of an organization."""

    orders: ClassVar[Ordering] = {
        "": (
            "Archived last",
            ["-is_default", F("archived_at").desc(nulls_first=True), "name", "pk"],
        ),
        "name": ("By name", ["name", "pk"]),
        "newest": ("Newest first", ["-pk"]),
        "oldest": ("Oldest first", ["pk"]),
    }
    searches = "Name or id"

    state = choice("State", "Archived or not", [("open", "In use"), ("archived", "Archived")])

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if state := self.value("state"):
            rows = rows.filter(archived_at__isnull=state == "open")
        return search_projects(rows, self.value("q"))


class ApiKeyFilters(ListFilters):
    """A person's own API keys."""

    orders: ClassVar[Ordering] = {
        "": ("Newest first", ["-pk"]),
        "oldest": ("Oldest first", ["pk"]),
        "name": ("By name", ["name", "pk"]),
        "used": ("Last used first", [F("last_used_at").desc(nulls_last=True), "-pk"]),
    }
    searches = "Name or first characters"

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return search_api_keys(rows, self.value("q"))


class AuditFilters(ListFilters):
    """Audit entries of an organization."""

    orders: ClassVar[Ordering] = {"": ("Newest first", ["-pk"]), "oldest": ("Oldest first", ["pk"])}
    searches = "Action, person, address, id or value"
    field_order = ("q", "person", "action")

    subject = forms.CharField(
        label="Subject",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"placeholder": "Id of what changed", "spellcheck": "false"}),
    )
    since = day("From")
    until = day("To")

    def __init__(self, name: str, query: QueryDict, *, organization: Organization) -> None:
        self.organization = organization
        self.people = {person.public_id: person for person in people_in_log(organization)}
        people = [(key, f"{person} ({person.email})") for key, person in self.people.items()]
        super().__init__(
            name,
            query,
            person=choice("Person", "All people", [*people, (NOBODY, "No person")]),
            action=choice("Action", "All actions", action_choices()),
        )

    def clean(self) -> dict[str, Any]:
        """Ignore both days if the last comes before the first, and say so."""
        days = self._day("since"), self._day("until")
        if days[0] and days[1] and days[0] > days[1]:
            self.cleaned_data["since"] = self.cleaned_data["until"] = None
            self.add_error(None, f"{days[0]} is after {days[1]}; both days are ignored.")
        return self.cleaned_data

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if person := self.value("person"):
            rows = rows.filter(actor=self.people.get(person))  # None for what no person did.
        if action := self.value("action"):
            rows = rows.filter(action=action)
        if subject := self.value("subject"):
            rows = history(rows, self.organization, subject)
        until = self._day("until")
        rows = entries_between(
            rows, since=self._day("since"), before=day_after(until) if until else None
        )
        return search_entries(rows, self.value("q"))

    def _day(self, name: str) -> date | None:
        chosen: date | None = self.cleaned_data.get(name)
        return chosen
