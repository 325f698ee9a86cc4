from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # The first registers the contexts of emails, the second what allauth tells of people.
        from accounts import emails, receivers  # noqa: F401, PLC0415
