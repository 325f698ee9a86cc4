"""A worker to kill: it runs `sync_next_invoice` in its own process, on the test's database.

The process is forked from a server that has imported everything and has no connection or thread.
"""

import os
from datetime import datetime

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()


def sync(database: str, stripe_settings: dict[str, str], now: datetime) -> None:
    from django.conf import settings
    from django.db import connections

    from billing.operations.invoice_sync import sync_next_invoice

    connections.databases["default"]["NAME"] = database
    for name, value in stripe_settings.items():
        setattr(settings, name, value)
    sync_next_invoice(now=now)
