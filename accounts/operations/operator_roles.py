"""The roles of operators: what sales, finance, support and readers may do."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from django.contrib.auth.models import Group, Permission
from django.db import transaction


class OperatorRole(StrEnum):
    """A group that the product keeps. Superusers may do everything and need no role."""

    SALES = "Sales"
    FINANCE = "Finance"
    SUPPORT = "Support"
    READ_ONLY = "Read only"


def keep_operator_roles(grants: Mapping[OperatorRole, Iterable[str]]) -> None:
    """Give each role exactly these permissions, written `app.codename`.

    One that does not exist yet, as while migrations go to an earlier version, is left out.
    """
    existing = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    with transaction.atomic():
        for role, names in grants.items():
            group, _ = Group.objects.get_or_create(name=role)
            group.permissions.set(existing[name] for name in names if name in existing)
