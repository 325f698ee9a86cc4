"""`manage.py supply MODEL KIND N|none`."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.operations.audit import Actor
from capacity.models import Kind
from capacity.operations.catalogue import set_supply
from common.errors import NotFound

MOST = 10**15


def cap(text: str) -> int | None:
    """Return a supply cap in units; None for the text `none`. Raises ArgumentTypeError."""
    if text.lower() == "none":
        return None
    if not text.isdecimal() or int(text) > MOST:
        raise ArgumentTypeError(f"“{text}” is neither a number of units up to {MOST} nor “none”")
    return int(text)


class Command(BaseCommand):
    help = "Set or lift the supply cap of a model's token units (R12)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="model snapshot id")
        parser.add_argument("kind", metavar="KIND", choices=Kind.values)
        parser.add_argument("cap", metavar="N|none", type=cap)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            unit = set_supply(
                model=options["model"],
                kind=options["kind"],
                cap=options["cap"],
                by=Actor("command"),
                now=timezone.now(),
            )
        except NotFound as error:
            raise CommandError(str(error)) from error
        capped = (
            "no supply cap" if unit.supply_cap is None else f"capped at {unit.supply_cap:,} units"
        )
        self.stdout.write(f"{unit}: {capped}")
