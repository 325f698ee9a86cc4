"""`manage.py sandbox --at INSTANT`: an organization on its own clock, ready to buy (R13)."""

import json
import secrets
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Organization
from common.instants import rfc3339
from scaletier.sandbox import ROLES, OrderTerms, SignIn, add_person, make_organization

FIRST_YEAR, LAST_YEAR = 2000, 2200


def instant(text: str) -> datetime:
    """An RFC 3339 instant, to the second.

    It must say its offset, so that nobody's local time slips in.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” is no instant like 2026-01-10T15:20:00Z") from error
    if parsed.tzinfo is None:
        raise ArgumentTypeError(f"“{text}” has no offset; write it in UTC with a Z")
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise ArgumentTypeError(f"“{text}” is not between {FIRST_YEAR} and {LAST_YEAR}")
    return parsed.astimezone(UTC).replace(microsecond=0)


def organization_name(text: str) -> str:
    longest = Organization._meta.get_field("name").max_length or 0
    if not 0 < len(text.strip()) <= longest:
        raise ArgumentTypeError(f"a name has 1 to {longest} characters")
    return text.strip()


def anchor_day(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 31:
        raise ArgumentTypeError(f"“{text}” is no day between 1 and 31")
    return int(text)


def percent(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ArgumentTypeError(f"“{text}” is no percentage") from error
    if not value.is_finite() or not 0 <= value <= 100 or value != round(value, 2):
        raise ArgumentTypeError(f"“{text}” is no percentage from 0 to 100 with two places at most")
    return value


class Command(BaseCommand):
    help = "Make a sandbox organization with an owner, an authorized purchaser and a member."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--at", type=instant, required=True, help="its clock, RFC 3339, UTC")
        parser.add_argument("--name", type=organization_name, default="Sandbox")
        parser.add_argument("--anchor-day", type=anchor_day, default=1)
        parser.add_argument("--discount", type=percent, default=Decimal(0), metavar="PCT")
        parser.add_argument("--no-order-form", action="store_true")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        now: datetime = options["at"]
        terms = OrderTerms(options["anchor_day"], options["discount"])
        organization = make_organization(
            name=options["name"],
            now=now,
            is_sandbox=True,
            terms=None if options["no_order_form"] else terms,
        )
        tag = secrets.token_hex(4)
        people = [
            add_person(
                organization,
                email=f"{name.lower()}-{tag}@sandbox.example",
                name=name,
                role=role,
                password=secrets.token_urlsafe(12),
                now=now,
            )[1]
            for role, name in ROLES.items()
        ]
        self._print(organization.public_id, now, people, as_json=options["json"])

    def _print(
        self, organization: str, now: datetime, people: list[SignIn], *, as_json: bool
    ) -> None:
        stands_at = rfc3339(now)
        if not as_json:
            self.stdout.write(f"{organization}, its clock at {stands_at}")
            for person in people:
                self.stdout.write(
                    f"  {person.role:<10} {person.email}  {person.password}  {person.api_key}"
                )
            return
        users = [
            {
                "email": person.email,
                "password": person.password,
                "role": person.role,
                "api_key": person.api_key,
            }
            for person in people
        ]
        document = {"organization": organization, "now": stands_at, "users": users}
        self.stdout.write(json.dumps(document))
