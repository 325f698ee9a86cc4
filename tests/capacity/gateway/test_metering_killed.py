"""A worker that is killed after it has written usage, and before it has shortened the stream.

And one whose database goes away in the middle of its work.
"""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from capacity.gateway.operations.metering import meter_requests
from capacity.gateway.queries.unread_requests import unread_requests
from capacity.gateway.valkey import Shard
from capacity.models import GatewayRequest
from tests.capacity.gateway import killed_worker
from tests.capacity.gateway.served import counted, make_gateway
from tests.cast import load_catalogue
from tests.valkey_servers import valkey_server, wait

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload([killed_worker.__name__])

DATABASE_FAILS = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
CREATE TRIGGER fail BEFORE INSERT ON usage_usageminute FOR EACH ROW EXECUTE FUNCTION fail();
"""


@contextmanager
def _database_that_fails() -> Iterator[None]:
    """Whoever writes usage loses the connection."""
    with connection.cursor() as cursor:
        cursor.execute(DATABASE_FAILS)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION fail() CASCADE")


def test_what_a_killed_worker_has_written_counts_once(tmp_path: Path, settings: Any) -> None:
    load_catalogue()
    gateway = make_gateway()
    with valkey_server(tmp_path) as server:
        settings.GATEWAY_VALKEY_URL = server.url
        gateway.serves(*(gateway.request() for _ in range(3)))
        stream = Shard.of(gateway.acme.organization.pk).stream
        # It can read the stream, and not shorten it.
        server.client.execute_command("CLIENT PAUSE", 120_000, "WRITE")
        database = connection.settings_dict["NAME"]
        worker = FORKSERVER.Process(target=killed_worker.meter, args=(database, server.url))
        worker.start()
        wait(lambda: counted(gateway.acme)["requests"] > 0)
        worker.kill()
        worker.join()
        assert (worker.exitcode, server.client.xlen(stream)) == (-9, 3)
        server.client.execute_command("CLIENT UNPAUSE")
        assert meter_requests(real_now=timezone.now()) == 3
        assert server.client.xlen(stream) == 0
        assert counted(gateway.acme)["requests"] == GatewayRequest.objects.count() == 3

        gateway.serves(gateway.request())
        with _database_that_fails():
            assert meter_requests(real_now=timezone.now()) == 0
        assert (server.client.xlen(stream), list(unread_requests(server.client))) == (1, [])
        assert meter_requests(real_now=timezone.now()) == 1
        assert counted(gateway.acme)["requests"] == GatewayRequest.objects.count() == 4
