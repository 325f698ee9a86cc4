"""`manage.py sandbox --at INSTANT`: an organization on its own clock, ready to buy (R13)."""

import json
import secrets
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Organization
from common.instants import rfc3339
from scaletier.management.arguments import parse_anchor_day, parse_percent
from scaletier.sandbox import ROLES, Credentials, OrderTerms, add_person, set_up_organization

FIRST_YEAR, LAST_YEAR = 2000, 2200


def parse_instant(text: str) -> datetime:
    """Return an RFC 3339 instant, to the second, in UTC. Raises ArgumentTypeError.

    The text must have an offset, so that a local time is never taken for UTC.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” is not an instant like 2026-01-10T15:20:00Z") from error
    if instant.tzinfo is None:
        raise ArgumentTypeError(f"“{text}” has no offset; write it in UTC with a Z")
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ArgumentTypeError(f"“{text}” is not between {FIRST_YEAR} and {LAST_YEAR}")
    return instant.astimezone(UTC).replace(microsecond=0)


def parse_organization_name(text: str) -> str:
    """Return the name without spaces around it. Raises ArgumentTypeError."""
    max_length = Organization._meta.get_field("name").max_length or 0
    if not 0 < len(text.strip()) <= max_length:
        raise ArgumentTypeError(f"a name has 1 to {max_length} characters")
    return text.strip()


class Command(BaseCommand):
    help = "Create a sandbox organization with an owner, an authorized purchaser and a member."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--at", type=parse_instant, required=True, help="its clock, RFC 3339, UTC"
        )
        parser.add_argument("--name", type=parse_organization_name, default="Sandbox")
        parser.add_argument("--anchor-day", type=parse_anchor_day, default=1)
        parser.add_argument("--discount", type=parse_percent, default=Decimal(0), metavar="PCT")
        parser.add_argument("--no-order-form", action="store_true")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        now: datetime = options["at"]
        terms = OrderTerms(options["anchor_day"], options["discount"])
        organization = set_up_organization(
            name=options["name"],
            now=now,
            is_sandbox=True,
            terms=None if options["no_order_form"] else terms,
        )
        suffix = secrets.token_hex(4)
        people = [
            add_person(
                organization,
                email=f"{name.lower()}-{suffix}@sandbox.example",
                name=name,
                role=role,
                password=secrets.token_urlsafe(12),
                now=now,
            )[1]
            for role, name in ROLES.items()
        ]
        print_result = self._print_json if options["json"] else self._print_text
        print_result(organization.public_id, rfc3339(now), people)

    def _print_text(self, organization: str, now: str, people: list[Credentials]) -> None:
        self.stdout.write(f"{organization}, its clock is at {now}")
        for person in people:
            self.stdout.write(
                f"  {person.role:<10} {person.email}  {person.password}  {person.api_key}"
            )

    def _print_json(self, organization: str, now: str, people: list[Credentials]) -> None:
        users = [
            {
                "email": person.email,
                "password": person.password,
                "role": person.role,
                "api_key": person.api_key,
            }
            for person in people
        ]
        document = {"organization": organization, "now": now, "users": users}
        self.stdout.write(json.dumps(document))
