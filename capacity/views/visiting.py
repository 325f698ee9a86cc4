"""The door of capacity's pages: as everywhere, and nobody sees a stale day (R7)."""

from collections.abc import Callable
from typing import Any

from accounts.access import Permission, Visit
from accounts.views import visiting
from accounts.views.visiting import Page, Route
from capacity.operations.opening import open_due_days


def visited(permission: Permission) -> Callable[[Page[Any]], Route]:
    """As accounts' guard; opens what is due before the view looks."""
    return visiting.visited(permission, on_entry=_open_due_days)


def _open_due_days(visit: Visit) -> None:
    open_due_days(organization=visit.organization, now=visit.now)
