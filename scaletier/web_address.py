"""The addresses at which the pages and the gateway are served."""

import os
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Self

from django.core.management.base import CommandError


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The host and the port, and the environment variable that moves the port."""

    host: str
    port: int
    variable: str = "SCALETIER_PORT"

    @classmethod
    def from_environment(cls) -> Self:
        """Return the address of the pages: `SCALETIER_BIND` and `SCALETIER_PORT`.

        Raises CommandError for an invalid port.
        """
        return cls(os.environ.get("SCALETIER_BIND") or "127.0.0.1", _port("SCALETIER_PORT", 8000))

    @classmethod
    def of_gateway(cls) -> Self:
        """Return the address of the gateway: `SCALETIER_GATEWAY_BIND` and `…_PORT`.

        Raises CommandError for an invalid port.
        """
        host = os.environ.get("SCALETIER_GATEWAY_BIND") or os.environ.get("SCALETIER_BIND")
        variable = "SCALETIER_GATEWAY_PORT"
        return cls(host or "127.0.0.1", _port(variable, 8001), variable)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def local_host(self) -> str:
        """The host at which this machine reaches the server, also if it listens everywhere."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "[::]"} else self.host  # noqa: S104

    @property
    def url(self) -> str:
        return f"http://{self.local_host}:{self.port}"

    def check_free(self) -> None:
        """Raise CommandError if a server cannot listen here, for example if one does already."""
        try:
            addresses = socket.getaddrinfo(
                self.host.strip("[]"), self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            family, kind, _, _, socket_address = addresses[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(socket_address)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(
                f"Cannot listen on {self} ({reason}):"
                f" stop the program that uses this port, or set {self.variable}."
            ) from None

    def is_served(self) -> bool:
        """Return whether a server answers here without a server error."""
        client = HTTPConnection(self.local_host.strip("[]"), self.port, timeout=5)
        try:
            client.request("GET", "/healthz")
            return client.getresponse().status < 500
        except (OSError, HTTPException):
            return False
        finally:
            client.close()


def _port(variable: str, default: int) -> int:
    port = os.environ.get(variable) or str(default)
    if not port.isdecimal() or not 0 < int(port) <= 65535:
        raise CommandError(f"{variable} is not a port: {port!r}.")
    return int(port)
