"""Connects the apps with each other when a process starts, and keeps the roles of operators."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ScaletierConfig(AppConfig):
    """Gives accounts and billing the object that implements their protocols."""

    name = "scaletier"

    def ready(self) -> None:
        from accounts.operations.days import connect_day_opener  # noqa: PLC0415 - needs the models
        from accounts.templatetags.navigation import count_waiting  # noqa: PLC0415
        from billing.seller import connect_seller  # noqa: PLC0415
        from capacity.operations.seller import CapacitySeller  # noqa: PLC0415
        from capacity.queries.purchase_requests import (  # noqa: PLC0415
            requests_waiting_for_member,
        )
        from scaletier.operator_roles import keep_roles  # noqa: PLC0415

        seller = CapacitySeller()
        connect_day_opener(seller)
        connect_seller(seller)
        count_waiting("purchase_requests", requests_waiting_for_member())
        # Sessions are migrated after every app of ours, so all permissions exist by then.
        post_migrate.connect(keep_roles, sender=apps.get_app_config("sessions"))
