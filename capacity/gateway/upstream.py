"""The upstream: any OpenAI-compatible server. Nothing else of the gateway speaks HTTP with it.

Only the path of a known route goes there, with the body, our own key, and the headers listed here:
no request of a client can name another host or path, or bring a key of its own. What comes back is
listed too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.http import Url
from pyreqwest.request import ConsumedRequest, RequestBuilder, StreamRequest
from pyreqwest.response import Response

from capacity.gateway.errors import SERVER_ERROR, GatewayError

UP = tuple((name.encode(), name) for name in ("accept", "openai-beta", "traceparent", "tracestate"))
"""Headers of the client that go up, if it sent them in ASCII."""

BACK = ("retry-after", "retry-after-ms", "openai-processing-ms", "openai-version")
"""Headers of the upstream that come back."""


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """`url` ends with its `/v1`, as OpenAI's own clients take it. Times are in seconds."""

    url: str
    key: str = ""
    connect_seconds: float = 5
    silent_seconds: float = 600
    """How long it may send nothing: before its first byte, and between two."""
    total_seconds: float = 3_600


class Upstream:
    """The connections of one process with the upstream, which are kept and used again."""

    def __init__(self, settings: UpstreamSettings) -> None:
        self._url = settings.url.rstrip("/")
        self._urls: dict[str, Url] = {}
        self._authorization = f"Bearer {settings.key}" if settings.key else ""
        self._client = _client(settings)

    def plain(
        self, path: str, body: bytes, headers: Mapping[bytes, bytes], request_id: str
    ) -> ConsumedRequest:
        """Return a request whose answer is read to its end."""
        return self._request(path, body, headers, request_id).build()

    def streamed(
        self, path: str, body: bytes, headers: Mapping[bytes, bytes], request_id: str
    ) -> StreamRequest:
        """Return a request whose answer is read as it comes."""
        return (
            self._request(path, body, headers, request_id)
            .streamed_read_buffer_limit(0)
            .build_streamed()
        )

    def _request(
        self, path: str, body: bytes, headers: Mapping[bytes, bytes], request_id: str
    ) -> RequestBuilder:
        """`path` is a route of ours: `/v1/chat/completions`."""
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = Url(self._url + path.removeprefix("/v1"))
        request = self._client.post(url).header("x-client-request-id", request_id)
        for raw_name, name in UP:
            value = headers.get(raw_name)
            if value is not None and value.isascii():
                request = request.header(name, value.decode("ascii"))
        if self._authorization:
            request = request.header("authorization", self._authorization, is_sensitive=True)
        return request.body_bytes(body)

    async def close(self) -> None:
        await self._client.close()


def _client(settings: UpstreamSettings) -> Client:
    """Compressed answers are not asked for: a stream must not wait for a block to fill."""
    return (
        ClientBuilder()
        .default_headers(
            {
                "content-type": "application/json",
                "accept-encoding": "identity",
                "user-agent": "scaletier-gateway",
            }
        )
        .follow_redirects(enable=False)
        .referer(enable=False)
        .connect_timeout(timedelta(seconds=settings.connect_seconds))
        .read_timeout(timedelta(seconds=settings.silent_seconds))
        .timeout(timedelta(seconds=settings.total_seconds))
        .build()
    )


def header(response: Response, name: str) -> str | None:
    """Return a header of an answer; None too if it is not in ASCII."""
    try:
        return response.get_header(name)
    except ValueError:
        return None


def unreachable(error: PyreqwestError) -> GatewayError:
    """Return what a client is told of an upstream that did not answer."""
    if isinstance(error, RequestTimeoutError):
        return GatewayError(
            HTTPStatus.GATEWAY_TIMEOUT,
            "upstream_timeout",
            "The upstream did not answer in time.",
            kind=SERVER_ERROR,
        )
    return GatewayError(
        HTTPStatus.BAD_GATEWAY,
        "upstream_unreachable",
        "The upstream cannot be reached, or broke off its answer.",
        kind=SERVER_ERROR,
    )


def malformed() -> GatewayError:
    """Return what a client is told of an answer that is no JSON object."""
    return GatewayError(
        HTTPStatus.BAD_GATEWAY,
        "upstream_malformed",
        "The upstream's answer is malformed.",
        kind=SERVER_ERROR,
    )


def misconfigured(status: int) -> GatewayError:
    """Return what a client is told if the upstream refuses our key, or sends it elsewhere.

    Its own words may name the key, and its status would say that the client's was wrong.
    """
    return GatewayError(
        HTTPStatus.BAD_GATEWAY,
        "upstream_misconfigured",
        f"The upstream answered {status}: the platform's access to it is not set up rightly.",
        kind=SERVER_ERROR,
    )
