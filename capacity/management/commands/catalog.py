"""`manage.py catalog import FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.operations.audit import Actor
from capacity.operations.catalogue import import_catalogue
from capacity.operations.catalogue_file import BrokenCatalogue


class Command(BaseCommand):
    help = "Load a catalogue of models and dated prices. Prices are added, never edited (R6)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        load = actions.add_parser("import", help="load FILE, whole or not at all")
        load.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            imported = import_catalogue(
                file.read_text(encoding="utf-8"), by=Actor("command"), now=timezone.now()
            )
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{file}: byte {error.start}: not UTF-8 text") from error
        except BrokenCatalogue as error:
            raise CommandError(f"{file}: {error}. Nothing was loaded.") from error
        self.stdout.write(
            f"{imported.models} models read: {imported.new_models} new models, "
            f"{imported.new_prices} new prices."
        )
