"""Business errors: refusals, with the reason and what the customer can do about it.

Each error is defined beside its rule. The API makes a problem document of it (RFC 9457), a page a
message beside the form. Neither adds text.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar


def problem_document(
    *, status: HTTPStatus, code: str, detail: str, errors: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """Return the RFC 9457 document of a problem; `errors` names the fields at fault."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
    }
    return problem | {"errors": errors} if errors else problem


class BusinessError(Exception):
    """Base of all refusals by a rule. `str()` is the text that a person reads."""

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]

    def __init__(self, detail: str, *, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or {}

    def document(self) -> dict[str, Any]:
        """Return the RFC 9457 problem document."""
        return problem_document(
            status=self.status, code=self.code, detail=self.detail, errors=self.errors
        )


class InvalidRequest(BusinessError):
    """The input is wrong; `errors` names each field at fault."""

    code = "invalid_request"
    status = HTTPStatus.BAD_REQUEST

    @classmethod
    def field(cls, name: str, message: str) -> "InvalidRequest":
        return cls(message, errors={name: [message]})


class NotAllowed(BusinessError):
    """The member does not have the permission (R18)."""

    code = "not_allowed"
    status = HTTPStatus.FORBIDDEN


class NotFound(BusinessError):
    """It does not exist, or belongs to another organization. Both look the same (R18)."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND

    @classmethod
    def field(cls, name: str, message: str) -> "NotFound":
        return cls(message, errors={name: [message]})
