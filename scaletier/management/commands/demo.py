"""`manage.py demo`: the shipped catalogue, and two customers with a history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.operations.audit import Actor
from capacity.models import Snapshot
from capacity.operations.catalogue import SHIPPED_CATALOGUE, import_catalogue
from scaletier.devserver.demo import create_demo_data, demo_credentials
from scaletier.devserver.demo_guard import reason_to_refuse_demo_data


class Command(BaseCommand):
    help = "Load the shipped catalogue and the demo customers once, and print who can sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if reason := reason_to_refuse_demo_data():
            raise CommandError(f"No demo data: {reason}.")
        now = timezone.now()
        if not Snapshot.objects.exists():
            import_catalogue(SHIPPED_CATALOGUE.read_text(), by=Actor("command"), now=now)
        create_demo_data(now)
        for organization, person in demo_credentials():
            self.stdout.write(
                f"  {person.email:<28} {person.password:<14} {person.role}, {organization}"
            )
