"""`manage.py serve`: the web server, under `make run` and in production."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from scaletier.startup import check_static_files
from scaletier.web_address import WebAddress
from scaletier.web_server import serve


class Command(BaseCommand):
    help = "Serve the pages and the API at SCALETIER_BIND and SCALETIER_PORT."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workers", type=int, default=settings.WEB_WORKERS, help="how many processes"
        )

    def handle(self, *args: Any, workers: int, **options: Any) -> None:
        check_static_files()
        address = WebAddress.from_environment()
        address.check_free()
        serve(address, workers=workers, request_seconds=settings.REQUEST_SECONDS)
