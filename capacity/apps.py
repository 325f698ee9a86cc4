from django.apps import AppConfig


class CapacityConfig(AppConfig):
    name = "capacity"

    def ready(self) -> None:
        from capacity import notices  # noqa: F401, PLC0415 - registers what its mail says
