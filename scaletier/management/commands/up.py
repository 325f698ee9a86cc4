"""`manage.py up`, which `make run` starts."""

from argparse import BooleanOptionalAction
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from scaletier.devserver.demo_guard import reason_against_demo_data
from scaletier.devserver.server import Server


class Command(BaseCommand):
    help = "Run the whole product on embedded engines until it is interrupted."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action=BooleanOptionalAction, default=True, help="load demo data"
        )

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("`make run` is not for production: see docs/production.md.")
        reason = reason_against_demo_data() if demo else None
        if reason:
            self.stdout.write(f"==> No demo data: {reason}.")
        Server(self.stdout, load_demo=demo and not reason).run()
