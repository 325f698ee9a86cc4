"""Business errors as problem documents (RFC 9457)."""

import pytest

from common.errors import InvalidRequest, NotFound


@pytest.mark.parametrize(
    ("kind", "title", "status", "code"),
    [
        (InvalidRequest, "Bad Request", 400, "invalid_request"),
        (NotFound, "Not Found", 404, "not_found"),
    ],
)
def test_an_error_about_a_field_names_it_beside_the_reason(
    kind: type[InvalidRequest | NotFound], title: str, status: int, code: str
) -> None:
    error = kind.field("units", "Too many.")
    assert str(error) == "Too many."
    assert error.document() == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": "Too many.",
        "errors": {"units": ["Too many."]},
    }


def test_an_error_about_no_field_has_no_list_of_fields() -> None:
    error = NotFound("There is no lot.")
    assert error.errors == {}
    assert error.document() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "There is no lot.",
    }
