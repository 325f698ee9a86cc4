"""`manage.py gateway`: the gateway's server, under `make run` and in production."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from scaletier.gateway_server import serve
from scaletier.web_address import WebAddress


class Command(BaseCommand):
    help = "Serve the gateway at SCALETIER_GATEWAY_BIND and SCALETIER_GATEWAY_PORT."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workers", type=int, default=settings.GATEWAY_WORKERS, help="how many processes"
        )

    def handle(self, *args: Any, workers: int, **options: Any) -> None:
        if not settings.UPSTREAM_URL:
            raise CommandError(
                "SCALETIER_UPSTREAM_URL is not set: the OpenAI-compatible server that the gateway "
                "passes requests to, like https://api.openai.com/v1."
            )
        address = WebAddress.of_gateway()
        address.check_free()
        serve(
            address,
            workers=workers,
            request_seconds=settings.REQUEST_SECONDS,
            stop_seconds=settings.GATEWAY_STOP_SECONDS,
        )
