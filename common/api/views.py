"""Views and responses that need no organization."""

from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.errors import NotFound


class UnknownPath(APIView):
    """Answers paths without a route with a problem document."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address.")


def no_content() -> Response:
    """Return the response to a request that has no result."""
    return Response(status=HTTPStatus.NO_CONTENT)
