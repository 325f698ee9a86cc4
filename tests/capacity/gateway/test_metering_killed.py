"""A worker that is killed after it has written usage, and before it has shortened the stream."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from capacity.gateway.operations.metering import meter_requests
from capacity.gateway.valkey import Shard
from capacity.models import GatewayRequest
from tests.capacity.gateway import killed_worker
from tests.capacity.gateway.served import counted, make_gateway
from tests.cast import load_catalogue
from tests.valkey_servers import valkey_server, wait

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload([killed_worker.__name__])


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
