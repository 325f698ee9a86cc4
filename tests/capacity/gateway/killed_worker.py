"""A worker to kill: it meters over and over in its own process, on the test's engines.

The process is forked from a server that has imported everything and has no connection or thread.
"""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()


def meter(database: str, valkey_url: str) -> None:
    from django.conf import settings
    from django.db import connections
    from django.utils import timezone

    from capacity.gateway.operations.metering import meter_requests

    connections.databases["default"]["NAME"] = database
    settings.GATEWAY_VALKEY_URL = valkey_url
    while True:
        meter_requests(real_now=timezone.now())
