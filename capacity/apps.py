from django.apps import AppConfig


class CapacityConfig(AppConfig):
    name = "capacity"

    def ready(self) -> None:
        # They register the words of audit entries and the contexts of emails.
        from capacity import audit_words, emails  # noqa: F401, PLC0415
