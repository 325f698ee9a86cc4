"""`manage.py prepare`, with which `make run` brings the data up to date before it serves them."""

from argparse import BooleanOptionalAction
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser, OutputWrapper
from django.utils import timezone

from common.database import unapplied_migrations
from scaletier.database_roles import connected_as_owner
from scaletier.devserver.demo import load_demo
from scaletier.devserver.progress import Progress
from scaletier.management.commands import migrate


class Command(BaseCommand):
    help = "Bring the database up to date, and load the demo data once."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action=BooleanOptionalAction, default=False, help="load demo data"
        )

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        _migrate(self.stdout)
        if demo:
            load_demo(now=timezone.now(), output=self.stdout)


class _Migrate(migrate.Command):
    """Counts each applied migration."""

    progress: Progress

    def migration_progress_callback(self, action: str, *args: Any, **options: Any) -> None:
        if action == "apply_success":
            self.progress.advance()


def _migrate(output: OutputWrapper) -> None:
    with connected_as_owner():
        plan = unapplied_migrations()
    output.write(f"==> Database ({len(plan)} migrations)" if plan else "==> Database")
    output.flush()
    command = _Migrate()
    command.progress = Progress(output, len(plan), "migrations")
    call_command(command, verbosity=0)
