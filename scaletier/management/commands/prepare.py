"""`manage.py prepare`, with which `make run` brings the data up to date before it serves them."""

from argparse import BooleanOptionalAction
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser, OutputWrapper
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from scaletier.devserver.demo import load_demo
from scaletier.devserver.progress import Progress


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
    """Django's own command; it counts each applied migration."""

    progress: Progress

    def migration_progress_callback(self, action: str, *args: Any, **options: Any) -> None:
        if action == "apply_success":
            self.progress.advance()


def _migrate(output: OutputWrapper) -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    output.write(f"==> Database ({len(plan)} migrations)" if plan else "==> Database")
    output.flush()
    command = _Migrate()
    command.progress = Progress(output, len(plan), "migrations")
    call_command(command, verbosity=0)
