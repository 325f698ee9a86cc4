from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "capacity.usage"
    label = "usage"

    def ready(self) -> None:
        # They register the words of audit entries and the contexts of emails.
        from capacity.usage import audit_words, emails  # noqa: F401, PLC0415
