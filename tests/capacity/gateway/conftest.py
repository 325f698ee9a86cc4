"""A Valkey of the tests' own, without what earlier tests left in it."""

import pytest
from django.conf import settings

from capacity.gateway.valkey import connect_blocking


@pytest.fixture
def valkey_url() -> str:
    with connect_blocking(settings.VALKEY_URL) as client:
        if keys := list(client.scan_iter("gateway:*")):
            client.delete(*keys)
    return settings.VALKEY_URL
