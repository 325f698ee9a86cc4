"""The address of the client of a request, behind proxies too.

A proxy names whom it serves in `X-Forwarded-For`, to which every client can write as well. So only
what a proxy of ours added counts: SCALETIER_TRUSTED_PROXIES says how many there are, or their
addresses. Without it the header is ignored.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies whose `X-Forwarded-For` counts: their number, or their networks."""

    count: int = 0
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "TrustedProxies":
        """Read a number of proxies, or addresses and networks separated by commas.

        Raises ImproperlyConfigured, which names the part that is neither.
        """
        text = text.strip()
        if not text:
            return cls()
        if text.isdecimal() and len(text) < 3:
            return cls(count=int(text))
        return cls(networks=tuple(_network(part.strip()) for part in text.split(",")))

    def client_of(self, *, peer: str, forwarded_for: str) -> str | None:
        """Return the client's address, or None if it has none, as on a local socket.

        `peer` is the address that is connected to us. In the header `forwarded_for` each proxy
        appends the address that is connected to it: its end is true, its start may be forged.
        """
        client = _address(peer)
        hops = [_address(hop) for hop in forwarded_for.split(",") if hop.strip()]
        if self.count and hops:
            return hops[-self.count :][0] or client
        for hop in reversed(hops):
            if hop is None or not self._is_proxy(client):
                break
            client = hop
        return client

    def _is_proxy(self, address: str | None) -> bool:
        """Return whether it is a trusted proxy; with networks, so is whatever has no address."""
        if address is None:
            return bool(self.networks)
        return any(ip_address(address) in network for network in self.networks)


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the client: for the audit log, for sessions, and for limits.

    It is a valid IP address in its usual notation, or None for a client on a local socket.
    """
    proxies: TrustedProxies = settings.TRUSTED_PROXIES
    return proxies.client_of(
        peer=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
    )


def _address(text: str) -> str | None:
    """Return the IP address in a hop, which may have a port; None for any other text."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).compressed.partition("%")[0]


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ImproperlyConfigured(
            f"SCALETIER_TRUSTED_PROXIES: “{text}” is neither a number of proxies nor an address or "
            "a network like 10.0.0.0/8."
        ) from None
