"""Idempotency keys and the fingerprints of their requests (R17)."""

from http import HTTPStatus
from typing import Any

import pytest

from common.errors import InvalidRequest
from common.idempotency import IdempotencyKey, IdempotencyKeyRequired, ReplayedResponse


def render(result: Any) -> dict[str, Any]:
    return {"result": result}


def key_of(path: str = "/lots", body: Any = None, *, key: str = "k1") -> IdempotencyKey:
    return IdempotencyKey.for_request(key=key, path=path, body=body, render=render)


def test_the_same_request_has_the_same_fingerprint_in_whatever_order_its_fields_are() -> None:
    assert key_of(body={"units": 1, "kind": "input"}) == key_of(body={"kind": "input", "units": 1})


@pytest.mark.parametrize(
    ("path", "body"),
    [("/lots/2", {"units": 1}), ("/lots", {"units": 2}), ("/lots", {"units": "1"}), ("/lots", {})],
)
def test_another_path_or_body_has_another_fingerprint(path: str, body: Any) -> None:
    assert key_of(path, body).fingerprint != key_of("/lots", {"units": 1}).fingerprint


def test_fingerprints_never_change() -> None:
    """A key returns its first response for good, after an upgrade too."""
    stored = "f0f1463db488ca6e024d7bec1999bd007bf6030af2e28ab39065fda5e5a4bf31"
    assert key_of("/lots", {"units": 1, "kind": "input"}).fingerprint == stored


def test_a_key_makes_the_response_as_it_is_told_to() -> None:
    created = key_of()
    accepted = IdempotencyKey.for_request(
        key="k1", path="/lots", body=None, render=render, status=HTTPStatus.ACCEPTED
    )
    assert (created.key, created.status, created.render(7)) == ("k1", 201, {"result": 7})
    assert accepted.status == 202


def test_refuses_a_request_without_a_key() -> None:
    with pytest.raises(IdempotencyKeyRequired) as refusal:
        key_of(key="")
    assert refusal.value.detail == "Send an Idempotency-Key header: this request changes things."


@pytest.mark.parametrize("key", [256 * "k", "k\n1", "k\x7f"], ids=ascii)
def test_refuses_keys_that_are_too_long_or_not_printable(key: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        key_of(key=key)
    assert refusal.value.detail == "An Idempotency-Key is at most 255 printable characters."


def test_accepts_a_key_of_255_characters() -> None:
    assert len(key_of(key=255 * "k").key) == 255


def test_a_replayed_response_has_the_stored_status_and_body() -> None:
    replayed = ReplayedResponse(201, {"id": "pur_1"})
    assert (replayed.status, replayed.body) == (201, {"id": "pur_1"})
