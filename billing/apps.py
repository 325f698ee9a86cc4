from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        # They register the words of audit entries and the contexts of emails.
        from billing import audit_words, emails  # noqa: F401, PLC0415
