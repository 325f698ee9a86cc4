"""A worker that can be killed: `sync_next_invoice` in a process of its own, on the test's database.

Its process is forked from a server that has loaded everything and has no connection or thread.
"""

import os
from datetime import datetime

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()


def send(database: str, stripe: dict[str, str], now: datetime) -> None:
    from django.conf import settings
    from django.db import connections

    from billing.operations.invoice_sync import sync_next_invoice

    connections.databases["default"]["NAME"] = database
    for name, value in stripe.items():
        setattr(settings, name, value)
    sync_next_invoice(now=now)
