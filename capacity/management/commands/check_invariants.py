"""`manage.py check_invariants`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from capacity.usage.queries.invariants import INVARIANTS, violations


class Command(BaseCommand):
    help = "Check all invariants over the whole database; print the rows that violate one."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            _use_one_snapshot()
            organizations = Organization.objects.count()
            broken = list(violations(now=timezone.now()))
        for violation in broken:
            self.stderr.write(f"{violation.invariant.sentence}, but:")
            for row in violation.rows:
                self.stderr.write(f"  {row}")
        if broken:
            raise CommandError(f"{len(broken)} of {len(INVARIANTS)} invariants do not hold")
        self.stdout.write(f"{len(INVARIANTS)} invariants hold over {organizations} organizations")


def _use_one_snapshot() -> None:
    """Read the database as of one moment: workers may open days while the checks run."""
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
