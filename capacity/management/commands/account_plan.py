"""`manage.py account_plan ORG MODEL [--rpm N] [--tpm N]`."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from accounts.operations.audit import Actor
from capacity.models import Snapshot
from capacity.models.account_plans import MOST_PER_MINUTE
from capacity.operations.account_plans import set_account_plan
from capacity.queries.account_plans import plan_limits
from common.errors import BusinessError


def per_minute(text: str) -> int:
    """Return a limit. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal()) or int(text) > MOST_PER_MINUTE:
        raise ArgumentTypeError(f"“{text}” is not a whole number from 0 to {MOST_PER_MINUTE}")
    return int(text)


class Command(BaseCommand):
    help = "Set the limits of an organization's account plan on a model, or show them (R25)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", metavar="ORG", help="its id, org_…")
        parser.add_argument("model", metavar="MODEL", help="model snapshot id")
        parser.add_argument("--rpm", metavar="N", type=per_minute, help="requests per minute")
        parser.add_argument("--tpm", metavar="N", type=per_minute, help="tokens per minute")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(public_id=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization “{options['organization']}”.")
        model, rpm, tpm = options["model"], options["rpm"], options["tpm"]
        if not Snapshot.objects.filter(model=model).exists():
            raise CommandError(f"There is no model “{model}”.")
        if rpm is not None or tpm is not None:
            try:
                set_account_plan(
                    organization=organization,
                    model=model,
                    rpm=rpm,
                    tpm=tpm,
                    by=Actor("command"),
                    now=organization.now(),
                )
            except BusinessError as error:
                raise CommandError(error.detail) from error
        limits = plan_limits(organization, model=model)
        self.stdout.write(
            f"{organization.public_id} on {model}: {limits.rpm:,} requests per minute,"
            f" {limits.tpm:,} tokens per minute"
        )
