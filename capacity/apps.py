from django.apps import AppConfig


class CapacityConfig(AppConfig):
    name = "capacity"

    def ready(self) -> None:
        from capacity import emails  # noqa: F401, PLC0415 - it registers the contexts of emails
