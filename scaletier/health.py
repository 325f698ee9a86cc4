"""`/healthz` and `/readyz`, which load balancers ask."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse

from scaletier.readiness import check_readiness


class HealthChecks:
    """Answers both before any other middleware does.

    Probes call a process by its own address, which is no host name of the product, and over HTTP.
    They need no session, and find out what is wrong when the database does not answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            response = healthz()
        elif request.path == "/readyz":
            response = readyz()
        else:
            return self.get_response(request)
        response.headers["Cache-Control"] = "no-store"
        return response


def healthz() -> HttpResponse:
    """Return 200: this process answers. Whether it can serve is another question."""
    return HttpResponse("ok", content_type="text/plain")


def readyz() -> HttpResponse:
    """Return 200 if pages can be served, else 503; the document names what is missing."""
    readiness = check_readiness()
    status = HTTPStatus.OK if readiness.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(readiness.document(), status=status)
