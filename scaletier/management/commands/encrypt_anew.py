"""`manage.py encrypt_anew`: the second step of replacing SCALETIER_SECRET_KEY."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from accounts.operations.second_factors import encrypt_second_factors_anew


class Command(BaseCommand):
    help = "Encrypt all stored secrets under the new SCALETIER_SECRET_KEY, so that the old can go."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = encrypt_second_factors_anew()
        except InvalidToken:
            raise CommandError(
                "A secret was encrypted under a key that is neither SCALETIER_SECRET_KEY nor among "
                "SCALETIER_SECRET_KEY_FALLBACKS. Nothing was changed."
            ) from None
        self.stdout.write(f"{count} secrets are encrypted under SCALETIER_SECRET_KEY.")
