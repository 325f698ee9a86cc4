from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # They register the words of audit entries, the contexts of emails, and what allauth tells.
        from accounts import audit_words, emails, receivers  # noqa: F401, PLC0415
