"""The address at which the pages are served."""

import os
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Self

from django.core.management.base import CommandError


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The host and the port: `SCALETIER_BIND` and `SCALETIER_PORT`."""

    host: str
    port: int

    @classmethod
    def from_environment(cls) -> Self:
        """Return the address set in the environment. Raises CommandError for an invalid port."""
        port = os.environ.get("SCALETIER_PORT") or "8000"
        if not port.isdecimal() or not 0 < int(port) <= 65535:
            raise CommandError(f"SCALETIER_PORT is not a port: {port!r}.")
        return cls(os.environ.get("SCALETIER_BIND") or "127.0.0.1", int(port))

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
                " stop the program that uses this port, or set SCALETIER_PORT."
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
