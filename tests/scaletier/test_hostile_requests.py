"""Whatever is sent to whichever route, nothing answers 500.

Texts that are almost numbers, dates or ids, and texts that a database or a mail cannot hold, stand
in the place of every part of a path, every parameter, every field of a form and every header. Each
route gets a share of them; `SCALETIER_FUZZ_EXAMPLES=1` sends all to all.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.api_client import PROBLEM, ApiCast
from tests.cast import GROK, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

TEXTS = [
    "",
    " ",
    "a\0b",
    "-1",
    "1.5",
    "1e400",
    "1_000",
    "٣",
    "²",
    "9" * 20,
    "9" * 5000,
    "NaN",
    "null",
    "0000-00-00",
    "2026-02-30",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-02-01T12:00:00Zx",
    "\r\nX: y",
    "\u202e\ufeff\U0010ffff",
    "x" * 3000,
    "{{ 7 }}%s%n'\"><script>;--",
    "../..",
]
BYTES = [quote(text, safe="") for text in TEXTS] + [
    quote_from_bytes(b"\xed\xa0\x80"),  # half of a surrogate pair
    quote_from_bytes(b"\xff\xfe"),
    "%",
    "%zz",
]
VALUES: list[Any] = [
    *TEXTS,
    None,
    True,
    0,
    -1,
    2**63,
    10**400,
    1.5,
    1e308,
    [],
    {},
    [[["a"]]],
    {"a": {"b": []}},
]
RAW_BODIES = [
    b"",
    b"\xff",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"model": "\\ud800"}',
    b'{"units": {"input": 1e999}}',
    b'{"units": {"input": -0}, "model": "\\u0000"}',
]
QUERY_NAMES = [
    *("limit", "cursor", "model", "status", "project", "lot", "posted_from", "posted_to"),
    *("units", "input", "output", "combined", "pool", "shown", "lots", "expired"),
    *("transactions", "charges", "issued", "next", "page", "q"),
]
FORM_NAMES = [
    *("model", "input", "output", "pool", "project", "shown", "key", "units", "to"),
    *("next", "email", "name", "role", "login", "password", "code"),
]
BODY_NAMES = ["model", "units", "project", "pool", "name", "email", "to"]


def paths(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """The pattern of each route but the operator's."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if path.startswith("operator/"):
            continue
        if isinstance(pattern, URLPattern):
            yield path
        else:
            yield from paths(pattern, path)


def share(texts: Sequence[Any], turn: int) -> Sequence[Any]:
    """Every twelfth text, another twelfth at each turn."""
    return texts if "SCALETIER_FUZZ_EXAMPLES" in os.environ else texts[turn % 12 :: 12]


PATTERNS = sorted(set(paths(get_resolver())))
PAGES = [path for path in PATTERNS if not path.startswith("api/")]
API = [path for path in PATTERNS if path.startswith("api/")]
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")


@pytest.fixture
def ids(api: ApiCast) -> dict[str, str]:
    purchase = api.alice.buys(input=4)
    lot = purchase["lots"][0]["id"]
    cancellation = api.alice.cancels(lot, 1)["id"]
    return {
        "organization_id": api.acme.organization.public_id,
        "model": GROK,
        "lot_id": lot,
        "cancellation_id": cancellation,
        "purchase_id": purchase["id"],
        "invoice_id": "upcoming",
    }


def concrete(pattern: str, ids: dict[str, str]) -> str:
    return "/" + PARAMETER.sub(lambda found: ids.get(found[1] or found[2], "x"), pattern)


class Attacker:
    """Sends requests, counts them, and remembers those that were answered by 500."""

    def __init__(self, client: Client, headers: dict[str, str] | None = None) -> None:
        self.client = client
        self.client.raise_request_exception = False
        self.headers = headers or {}
        self.sent = 0
        self.failed: list[str] = []

    def send(self, method: str, path: str, body: Any = b"", **options: Any) -> None:
        headers = self.headers | options.pop("headers", {})
        response = self.client.generic(method, path, body, headers=headers, **options)
        self.sent += 1
        is_problem = response.status_code < 400 or response["Content-Type"] == PROBLEM
        if response.status_code >= 500 or (path.startswith("/api/v1/") and not is_problem):
            self.failed.append(f"{response.status_code} {method} {path[:200]} {body[:80]!r}")


def form(**fields: str) -> dict[str, Any]:
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return {"body": body.encode(), "content_type": "application/x-www-form-urlencoded"}


def test_no_page_fails_whatever_is_sent_to_it(api: ApiCast, ids: dict[str, str]) -> None:
    attacker = Attacker(signed_in(api.acme.alice))
    for turn, pattern in enumerate(PAGES):
        path = concrete(pattern, ids)
        for parameter in PARAMETER.finditer(pattern):
            for text in share(BYTES, turn):
                attacker.send("GET", concrete(pattern, ids | {parameter[1]: text}))
        if "logout" in path:
            continue
        for number, text in enumerate(share(BYTES, turn)):
            name = QUERY_NAMES[(turn + number) % len(QUERY_NAMES)]
            query = "&".join(f"{name}={text}" for name in QUERY_NAMES)
            attacker.send("GET", path, QUERY_STRING=query)
            attacker.send("GET", path, QUERY_STRING=f"{name}={text}&{name}={text}&model={GROK}")
            fields = dict.fromkeys(FORM_NAMES, text)
            attacker.send("POST", path, **form(**fields))
            attacker.send("POST", path, **form(**(fields | {"model": GROK, "role": "member"})))
    assert attacker.failed == []
    assert attacker.sent > 400


def test_a_nul_hides_no_page_and_loses_nothing_that_was_typed(
    api: ApiCast, ids: dict[str, str]
) -> None:
    """A database can store no NUL. A form says so at its field, and anything else answers 400."""
    alice = signed_in(api.acme.alice)
    query = "&".join(f"{name}=a%00b" for name in QUERY_NAMES)
    fields = dict.fromkeys(FORM_NAMES, "a\0b")
    seen: Counter[int] = Counter()
    for pattern in PAGES:
        path = concrete(pattern, ids)
        parameters = {parameter[1] for parameter in PARAMETER.finditer(pattern)}
        if not {"organization_id"} <= parameters <= ids.keys():
            continue
        for response in (alice.get(path, QUERY_STRING=query), alice.post(path, fields)):
            seen[response.status_code] += 1
            if response.status_code == HTTPStatus.NOT_FOUND:
                assert alice.get(path).status_code == HTTPStatus.NOT_FOUND, path
            else:
                assert response.status_code in {200, 302, 400, 405, 422}, path
    assert min(seen[200], seen[400], seen[422]) > 0, seen
    url = reverse("projects", args=[ids["organization_id"]])
    page = alice.post(url, {"name": "Sea\0rch"})
    assert page.status_code == 422
    assert "Null characters are not allowed." in page.text
    assert 'value="Sea' in page.text
    refused = alice.get(url, {"projects-q": "a\0b"})
    assert "Null characters are not allowed." in refused.text


def test_nothing_of_the_api_fails_whatever_is_sent_to_it(api: ApiCast, ids: dict[str, str]) -> None:
    attacker = Attacker(Client(), api.alice.headers)
    for turn, pattern in enumerate(API):
        path = concrete(pattern, ids)
        for parameter in PARAMETER.finditer(pattern):
            for text in share(BYTES, turn):
                attacker.send("GET", concrete(pattern, ids | {parameter[1] or parameter[2]: text}))
        for number, name in enumerate(QUERY_NAMES[:9]):
            for text in share(BYTES, turn + number):
                attacker.send("GET", path, QUERY_STRING=f"{name}={text}")
    assert attacker.failed == []
    assert attacker.sent > 400


def bodies(name: str) -> Iterator[bytes]:
    valid = {"model": GROK, "units": {"input": 1}, "name": "n", "email": "a@b.c", "to": "x"}
    for value in VALUES:
        yield json.dumps({**valid, name: value}).encode()
        yield json.dumps({name: value}).encode()
    yield from (json.dumps({**valid, "units": {text: 1}}).encode() for text in TEXTS)


def test_no_body_makes_the_api_fail(api: ApiCast, ids: dict[str, str]) -> None:
    attacker = Attacker(Client(), api.alice.headers | {"Idempotency-Key": "k"})
    posts = ["quotes", "purchases", "projects", "pools", "purchasers", "keys", "clock/advance"]
    posts.append(f"lots/{ids['lot_id']}/cancellations")
    for turn, path in enumerate(posts):
        for number, name in enumerate(BODY_NAMES):
            for body in share([*bodies(name)], turn + number):
                attacker.send("POST", f"/api/v1/{path}", body, content_type="application/json")
        for body in RAW_BODIES:
            attacker.send("POST", f"/api/v1/{path}", body, content_type="application/json")
    assert attacker.failed == []
    assert attacker.sent > 300


HEADERS = [
    *("Authorization", "X-Organization", "Idempotency-Key", "Content-Type", "Accept", "Cookie"),
    *("X-CSRFToken", "X-Forwarded-For", "Accept-Encoding", "User-Agent", "HX-Request"),
    *("HX-Current-URL", "Host", "Referer", "Origin", "Range", "If-None-Match"),
]


def test_no_header_makes_anything_fail(api: ApiCast, ids: dict[str, str]) -> None:
    """A server refuses a header with a NUL or a line break, as RFC 9110 says."""
    body = json.dumps({"model": GROK, "units": {"input": 1}}).encode()
    by_key = Attacker(Client(), api.alice.headers)
    by_session = Attacker(signed_in(api.acme.alice))
    page = f"/organizations/{ids['organization_id']}/settings/scale-tier/"
    texts = [text for text in TEXTS if not {"\0", "\n"} & {*text}]
    for turn, name in enumerate(HEADERS):
        for text in share(texts, turn):
            for value in (text, f"Bearer {text}", f"application/json; charset={text}"):
                header = {name: value.encode().decode("latin-1")}
                by_key.send("POST", "/api/v1/purchases", body, headers=header)
                by_session.send("GET", "/api/v1/lots", headers=header)
                by_session.send("GET", page, headers=header)
    assert [*by_key.failed, *by_session.failed] == []
