"""Refusals: what the product says no to, why, and what to do about it.

Each concrete refusal is defined beside the rule that raises it. The API turns one into a problem
document (RFC 9457), a page into a message beside the form; neither adds words of its own.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar


def problem_document(
    *, status: HTTPStatus, code: str, detail: str, errors: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """The RFC 9457 document of a problem; `errors` names the fields at fault."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
    }
    return problem | {"errors": errors} if errors else problem


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """Base of every refusal. `str()` is the sentence a person reads."""

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]

    def __init__(self, detail: str, *, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or {}

    def document(self) -> dict[str, Any]:
        """The RFC 9457 problem document."""
        return problem_document(
            status=self.status, code=self.code, detail=self.detail, errors=self.errors
        )


class InvalidRequest(Refusal):
    """The input is wrong; `errors` names each field at fault."""

    code = "invalid_request"
    status = HTTPStatus.BAD_REQUEST

    @classmethod
    def field(cls, name: str, message: str) -> "InvalidRequest":
        return cls(message, errors={name: [message]})


class NotAllowed(Refusal):
    """A member of the organization without the right to this (contract, section 3)."""

    code = "not_allowed"
    status = HTTPStatus.FORBIDDEN


class NotFound(Refusal):
    """Not there, or another organization's, which is the same to the asker (R18)."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND
