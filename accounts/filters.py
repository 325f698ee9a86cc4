"""What the lists of members and API keys can be searched, filtered and ordered by."""

from typing import Any, ClassVar

from django.db.models import F, QuerySet

from accounts.models import Role
from accounts.queries.api_keys import search_api_keys
from accounts.queries.members import BY_ROLE, search_members
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

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if role := self.value("role"):
            rows = rows.filter(role=role)
        return search_members(rows, self.value("q"))


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
