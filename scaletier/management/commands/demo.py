"""`manage.py demo`: the shipped catalogue, and two customers with a history."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from scaletier.devserver.demo import load_demo, sign_in_table


class Command(BaseCommand):
    help = "Load the shipped catalogue and the demo customers once, and print who can sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        load_demo(now=timezone.now(), output=self.stdout)
        self.stdout.write(sign_in_table())
