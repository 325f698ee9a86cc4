"""Requests to the gateway are stored while their partition comes (R15)."""

import pytest
from django.db import connection
from django.utils import timezone

from capacity.gateway.operations.metering import keep_partitions
from capacity.models import GatewayRequest
from tests.cast import Acme, gateway_request
from tests.concurrency.threads import run_in_queue

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_partition_is_attached_while_requests_of_its_day_arrive(acme: Acme) -> None:
    """Nobody has made it in time: the default partition has them. None is lost or refused."""
    table = f"capacity_gatewayrequest_{timezone.now():%Y%m%d}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {table}")
    gateway_request(acme.organization)
    keeping, again, _ = run_in_queue(
        keep_partitions,
        keep_partitions,
        lambda: gateway_request(acme.organization),
        behind=lambda: gateway_request(acme.organization),
    )
    assert (keeping, again) == (1, 0)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() == (GatewayRequest.objects.count(),) == (3,)
