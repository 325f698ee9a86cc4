"""Everything that `manage.py gateway` needs, and customers of its own for each test."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.operations.api_keys import create_api_key, revoke_api_key
from capacity.gateway.operations.metering import meter_requests
from capacity.gateway.valkey import Shard
from capacity.models import GatewayRequest
from capacity.operations.clock import advance_clock
from capacity.usage.models import UsageMinute
from scaletier.devserver.upstream.server import DemoUpstream
from tests.capacity.gateway.processes import Database, Gateway, wait
from tests.cast import Acme, at, make_acme

READY = {"ready": True, "missing": [], "degraded": []}


@dataclass(frozen=True, slots=True)
class Customer:
    """A sandbox whose clock stands, with one unit of input and one of output, and a key."""

    acme: Acme
    key: str
    secret: str

    def requests(self) -> list[GatewayRequest]:
        """What the worker has metered of it, once it has metered all."""
        meter_requests(real_now=timezone.now())
        return list(GatewayRequest.objects.filter(organization=self.acme.organization))

    def minutes(self) -> list[UsageMinute]:
        return list(UsageMinute.objects.filter(organization=self.acme.organization))

    def counted(self) -> tuple[int, int, int]:
        """Requests, input tokens and output tokens in usage."""
        rows = self.minutes()
        return (
            sum(row.requests for row in rows),
            sum(row.input_tokens for row in rows),
            sum(row.output_tokens for row in rows),
        )

    def new_key(self) -> str:
        """Make another key. Returns its secret."""
        return make_key(self.acme)[1]

    def revoke_key(self) -> None:
        revoke_api_key(
            organization=self.acme.organization,
            key_id=self.key,
            by=self.acme.alice,
            now=at("2026-01-10"),
        )

    @property
    def shard(self) -> Shard:
        return Shard.of(self.acme.organization.pk)


@dataclass(frozen=True, slots=True)
class Installation:
    gateway: Gateway
    database: Database
    upstream: DemoUpstream
    valkey: Any

    def up(self) -> Gateway:
        """Let everything run."""
        self.database.start()
        if not self.gateway.is_running:
            self.gateway.start()
        wait(lambda: self.gateway.readiness() == (200, READY))
        return self.gateway

    def customer(self) -> Customer:
        """Return a new customer, whom the gateway knows."""
        acme = make_acme("2026-01-10", is_sandbox=True)
        advance_clock(organization=acme.organization, to=at("2026-01-10"), by=acme.alice)
        acme.buys("2026-01-10", input=1, output=1)
        key, secret = make_key(acme)
        wait(lambda: all(self.gateway.status(secret) == 200 for _ in range(8)))  # By each process.
        return Customer(acme, key, secret)


def make_key(acme: Acme) -> tuple[str, str]:
    """Return the id of a new key, and its secret."""
    key, secret = create_api_key(
        organization=acme.organization, name="Script", by=acme.alice, now=at("2026-01-10")
    )
    return key.public_id, secret
