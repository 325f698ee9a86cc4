"""`manage.py deploy`: makes a new installation ready, and brings an old one to a new version."""

from pathlib import Path
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.core import checks
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils import timezone

from accounts.operations.audit import Actor
from accounts.operations.operators import (
    FirstOperatorError,
    create_first_operator,
    has_operator,
    password_link,
)
from capacity.models import Snapshot
from capacity.operations.catalogue import SHIPPED_CATALOGUE, import_catalogue
from capacity.operations.catalogue_file import BrokenCatalogue
from common.database import unapplied_migrations
from scaletier.database_roles import connected_as_owner, have_two_roles, only_deployment
from scaletier.startup import check_database


class Command(BaseCommand):
    help = (
        "Check the settings, migrate the database, collect static files, load the first catalogue "
        "and make the first operator. It can run again, at every new version, beside the product."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--operator", metavar="EMAIL", help="the first operator, who gets a link by this output"
        )
        parser.add_argument(
            "--catalog",
            metavar="FILE",
            type=Path,
            default=SHIPPED_CATALOGUE,
            help="the first catalogue, if not the one that is shipped",
        )

    def handle(self, *args: Any, operator: str | None, catalog: Path, **options: Any) -> None:
        self._check_settings(operator)
        try:
            with only_deployment():
                self._bring_up_to_date(operator, catalog)
        except psycopg.OperationalError as error:
            raise CommandError(
                f"SCALETIER_MIGRATION_DATABASE_URL does not answer: {error}"
            ) from None
        self.stdout.write("Ready: start, or start again, the processes.")

    def _bring_up_to_date(self, operator: str | None, catalog: Path) -> None:
        self._migrate()
        self._step("Static files")
        call_command("collectstatic", interactive=False, verbosity=0)
        self._load_catalogue(catalog)
        self._make_operator(operator)

    def _check_settings(self, operator: str | None) -> None:
        self._step("Settings")
        if not settings.PRODUCTION:
            raise CommandError("SCALETIER_PRODUCTION is not 1. To try the product, use `make run`.")
        if not have_two_roles():
            raise CommandError(
                "SCALETIER_MIGRATION_DATABASE_URL is not set: the role that owns the tables."
            )
        self.check(
            include_deployment_checks=True, display_num_errors=False, fail_level=checks.WARNING
        )
        try:
            if operator is not None:
                validate_email(operator)
            with redis.Redis.from_url(settings.VALKEY_URL) as client:
                client.ping()
        except ValidationError:
            raise CommandError(f"--operator: “{operator}” is not an email address.") from None
        except (redis.RedisError, ValueError) as error:
            raise CommandError(f"VALKEY_URL does not answer: {error}") from None

    def _migrate(self) -> None:
        with connected_as_owner():
            missing = unapplied_migrations()
        self._step(f"Database ({len(missing)} migrations)")
        call_command("migrate", interactive=False, verbosity=0)
        check_database()

    def _load_catalogue(self, file: Path) -> None:
        models = Snapshot.objects.count()
        if not models:
            try:
                text = file.read_text(encoding="utf-8")
                imported = import_catalogue(text, by=Actor("command"), now=timezone.now())
            except (OSError, UnicodeDecodeError, BrokenCatalogue) as error:
                raise CommandError(f"{file}: {error}. No catalogue was loaded.") from error
            models = imported.new_models
        self._step(f"Catalogue ({models} models)")

    def _make_operator(self, email: str | None) -> None:
        self._step("Operator")
        if email is None:
            if not has_operator():
                self.stdout.write("Nobody can sign in yet: run it again with --operator EMAIL.")
            return
        try:
            user = create_first_operator(email=email)
        except FirstOperatorError as error:
            raise CommandError(str(error)) from None
        if user.has_usable_password():
            self.stdout.write(f"{user.email} has a password already.")
            return
        minutes = settings.PASSWORD_RESET_TIMEOUT // 60
        self.stdout.write(
            f"{user.email} sets a password here, once, within {minutes} minutes (run this again for"
            f" a new link):\n{password_link(user)}"
        )

    def _step(self, step: str) -> None:
        self.stdout.write(f"==> {step}")
        self.stdout.flush()
