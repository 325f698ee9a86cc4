"""Connects the apps with each other when a process starts."""

from django.apps import AppConfig


class ScaletierConfig(AppConfig):
    """Gives accounts and billing the object that implements their protocols."""

    name = "scaletier"

    def ready(self) -> None:
        from accounts.operations.days import connect_day_opener  # noqa: PLC0415 - needs the models
        from billing.seller import connect_seller  # noqa: PLC0415
        from capacity.operations.seller import CapacitySeller  # noqa: PLC0415

        seller = CapacitySeller()
        connect_day_opener(seller)
        connect_seller(seller)
