"""Acme's sandbox, and a gateway in which its requests are admitted and settled."""

from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from accounts.operations.api_keys import create_api_key
from capacity.gateway.admission import Admission
from capacity.gateway.decisions import Decision, Served
from capacity.gateway.entitlements import Entitlements
from capacity.gateway.requests import AdmissionRequest, Tokens
from capacity.gateway.valkey import connect
from capacity.operations.clock import advance_clock
from capacity.usage.models import UsageMinute
from tests.capacity.gateway.people import entitlements, numbers
from tests.cast import GROK, Acme, at, make_acme
from tests.loops import run

USED = Tokens(input=100, output=20, cached=40)


@dataclass
class Gateway:
    """A gateway in which a sandbox's requests are admitted; its clock stands at its noon."""

    acme: Acme
    loaded: Entitlements
    secret: str

    def request(self, **fields: Any) -> AdmissionRequest:
        caller, grok = self.loaded.caller(self.secret), self.loaded.snapshot(GROK)
        assert caller
        assert grok
        request = AdmissionRequest(
            id=f"request-{next(numbers)}",
            organization=caller.organization,
            key=caller.key,
            project=caller.project,
            snapshot=grok,
            estimate=Tokens(input=120, output=1_024),
            plan=self.loaded.plan(caller.organization, grok),
            pools=self.loaded.pools(caller.organization, grok),
        )
        return replace(request, **fields)

    def serves(self, *requests: AdmissionRequest, used: Tokens | None = USED) -> list[Decision]:
        """Admit requests one after the other, and settle each at once."""

        async def serve() -> list[Decision]:
            async with connect(settings.GATEWAY_VALKEY_URL) as valkey:
                admission = Admission(valkey)
                decisions = []
                for request in requests:
                    decisions.append(await admission.admit(request))
                    is_served = decisions[-1].served != Served.REFUSED
                    await admission.settle(decisions[-1], used if is_served else None)
                await admission.close()
                return decisions

        return run(serve())

    def admits(self, request: AdmissionRequest) -> Decision:
        """Admit a request that is still being served, or whose gateway is killed."""

        async def admit() -> Decision:
            async with connect(settings.GATEWAY_VALKEY_URL) as valkey:
                return await Admission(valkey).admit(request)

        return run(admit())


def make_gateway() -> Gateway:
    """A sandbox with one unit of input and one of output, bought at its noon."""
    acme = make_acme("2026-01-10", is_sandbox=True)
    advance_clock(organization=acme.organization, to=at("2026-01-10"), by=acme.alice)
    acme.buys("2026-01-10", input=1, output=1)
    _, secret = create_api_key(
        organization=acme.organization, name="Script", by=acme.alice, now=at("2026-01-10")
    )
    return Gateway(acme, entitlements(), secret)


def counted(acme: Acme) -> dict[str, int]:
    """All that usage has counted."""
    rows = UsageMinute.objects.filter(organization=acme.organization)
    names = ("requests", "input_tokens", "cached_tokens", "output_tokens")
    return {name: sum(getattr(row, name) for row in rows) for name in names}
