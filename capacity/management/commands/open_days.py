"""`manage.py open_days [--until DATE]`."""

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from capacity.operations.sweep import Failure, LeftBehindError, open_due_days_everywhere


class Command(BaseCommand):
    help = "Open every service day that is due, in every organization, by its own clock (R7)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--until",
            metavar="DATE",
            type=date.fromisoformat,
            help="last service day to open, YYYY-MM-DD UTC; default: each organization's today",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        failures: Sequence[Failure] = ()
        try:
            opened = open_due_days_everywhere(now=timezone.now(), until=options["until"])
        except LeftBehindError as error:
            opened, failures = error.opened, error.failures
        self.stdout.write(
            f"{opened.days} days opened, {opened.charges} charges, {opened.invoices} invoices"
        )
        for failure in failures:
            self.stderr.write(str(failure))
        if failures:
            raise CommandError(f"{len(failures)} organizations were left behind, the others opened")
