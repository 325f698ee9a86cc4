"""What the lists of members, projects and API keys can be searched, filtered and ordered by."""

from typing import Any, ClassVar

from django.db.models import F, QuerySet

from accounts.models import Role
from accounts.queries.api_keys import search_api_keys
from accounts.queries.members import BY_ROLE, search_members
from accounts.queries.projects import search_projects
from common.lists import ListFilters, Ordering, choice


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
