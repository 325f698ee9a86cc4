"""Celery's connection to Valkey. `tests/devserver/test_faults.py` loses it within a task."""

import ssl

import pytest

from scaletier.broker import Transport
from scaletier.celery import app


@pytest.mark.parametrize(
    ("url", "encryption"),
    [
        ("redis://valkey.example:6379/0", False),
        ("rediss://valkey.example/0?ssl_cert_reqs=required", {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
    ],
)
def test_our_transport_serves_both_schemes_and_leaves_encryption_as_it_is(
    url: str, encryption: object
) -> None:
    connection = app.connection_for_write(url)
    assert isinstance(connection.transport, Transport)
    assert connection.ssl == encryption
    assert connection.as_uri().startswith(url.partition("valkey")[0])
