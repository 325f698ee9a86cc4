"""Every operation answers as the OpenAPI document says, whatever is sent to it, whoever sends it.

Schemathesis derives the requests from the document, valid and invalid ones. They are the same in
every run. `SCALETIER_FUZZ_EXAMPLES=500` makes more of them, from a new seed.
"""

import os
import re
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import limits
import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import override_settings
from hypothesis import HealthCheck, settings
from schemathesis import Case, HookContext
from schemathesis.config import (
    CoveragePhaseConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.api_client import ApiCast
from tests.cast import GROK, gateway_request, unsigned_form

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("SCALETIER_FUZZ_EXAMPLES") or 0)
REAL: dict[str, str] = {}
RATE_LIMITS = django_settings.API_RATE_LIMITS


schema = schemathesis.openapi.from_wsgi(
    "/api/v1/schema",
    get_wsgi_application(),
    config=SchemathesisConfig(
        projects=ProjectsConfig(
            default=ProjectConfig(
                generation=GenerationConfig(
                    deterministic=not EXAMPLES, max_examples=EXAMPLES or 5, database="none"
                ),
                phases=PhasesConfig(
                    coverage=CoveragePhaseConfig(generate_duplicate_query_parameters=True)
                ),
            )
        )
    ),
)


@pytest.fixture
def acme(api: ApiCast) -> Iterator[ApiCast]:
    """The people of Acme, which has one thing of each kind; `REAL` names them.

    The end of a request must not close the connection, on which the transaction of the test is.
    """
    purchase = api.alice.buys(input=4)
    cancellation = api.alice.cancels(purchase["lots"][0]["id"], 1)
    api.set_clock("2026-02-01")
    api.alice.put("approval", {"threshold_per_day": 0})
    order = {"model": GROK, "units": {"input": 1}}
    request = api.bob.post("purchases", order, key="ask").json()
    capacity = {"models": [{"model": GROK, "input_tpm": 1}]}
    REAL.update(
        model=GROK,
        purchase_id=purchase["id"],
        lot_id=purchase["lots"][0]["id"],
        cancellation_id=cancellation["id"],
        request_id=request["id"],
        user_id=request["requested_by"],
        invoice_id=api.alice.get("invoices").json()["data"][0]["id"],
        pool=purchase["pool"],
        project=purchase["project"],
        project_id=purchase["project"],
        quote_request_id=api.alice.post("quote-requests", capacity).json()["id"],
        form_id=unsigned_form(api.acme).public_id,
        gateway_request_id=gateway_request(api.acme.organization).request_id,
    )
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    with override_settings(
        API_RATE_LIMITS=dict.fromkeys(RATE_LIMITS, limits.parse("1000000/second"))
    ):
        yield api
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@schemathesis.hook
def map_path_parameters(_context: HookContext, parameters: dict[str, Any]) -> dict[str, Any]:
    """Put a real id in the place of every second one: otherwise nothing would ever be found.

    What is no id stays: it was made to be refused.
    """
    return {
        name: _real(name, value) if re.fullmatch(r"[\w-]+", str(value), re.ASCII) else value
        for name, value in (parameters or {}).items()
    }


@schemathesis.hook
def map_body(_context: HookContext, body: Any) -> Any:
    """Put a real model, pool or project in the place of every second one."""
    if not isinstance(body, dict):
        return body
    return {
        name: _real(name, value) if name in {"model", "pool", "project"} else value
        for name, value in body.items()
    }


def _real(name: str, value: Any) -> Any:
    return REAL[name] if name in REAL and len(str(value)) % 2 else value


@schema.parametrize()
@settings(suppress_health_check=list(HealthCheck))
def test_an_operation_answers_as_documented(case: "Case[Any]", acme: ApiCast) -> None:
    """Each request is sent by an owner, and by somebody with fewer rights.

    That a valid request is refused is no fault: rules and opaque cursors say more than a schema.
    """
    others = (acme.bob, acme.mallory, acme.nobody)
    turn = crc32(f"{case.headers!r} {case.query!r} {case.body!r}".encode()) % len(others)
    for caller in (acme.alice, others[turn]):
        case.call_and_validate(
            headers={**caller.headers, "Accept-Encoding": "identity"},
            excluded_checks=[positive_data_acceptance, *_checks_of_what_was_made_valid(case)],
        )


def _checks_of_what_was_made_valid(case: "Case[Any]") -> list[Any]:
    """Return the checks that do not hold where what was made invalid is taken, rightly.

    A read of an invalid path is, under which the hook has put a real id; what is sent with other
    methods still has to be refused where its body is wrong. Of usage events the wrong ones are
    refused one by one, in an answer with status 200.
    """
    if case.path == "/api/v1/usage/events":
        return [negative_data_rejection]
    real = set(REAL.values()) & {str(value) for value in (case.path_parameters or {}).values()}
    return [negative_data_rejection] if case.method == "GET" and real else []
