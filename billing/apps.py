from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import emails  # noqa: F401, PLC0415 - it registers the contexts of emails
