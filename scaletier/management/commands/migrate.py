"""`manage.py migrate`: Django's own, which works as the owner of the tables."""

from typing import Any

from django.core.management.commands import migrate

from scaletier.database_roles import (
    connected_as_owner,
    grant_rights,
    have_two_roles,
    runtime_role,
)


class Command(migrate.Command):
    """Migrates as the owner. Afterwards the runtime role has its rights, on new tables too."""

    def handle(self, *args: Any, **options: Any) -> None:
        role = runtime_role()
        with connected_as_owner():
            super().handle(*args, **options)
            if have_two_roles():
                grant_rights(role)
