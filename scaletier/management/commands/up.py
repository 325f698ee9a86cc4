"""`manage.py up`, which `make run` starts."""

from argparse import BooleanOptionalAction
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scaletier.devserver.server import Server


class Command(BaseCommand):
    help = "Run the whole product on embedded engines until it is interrupted."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action=BooleanOptionalAction, default=True, help="load demo data"
        )

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        Server(self.stdout, load_demo=demo).run()
