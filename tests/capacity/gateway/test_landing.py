"""“Where would it land?”: as admission decides; and what the API tells of one that was sent."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client, override_settings

from accounts.models import Organization
from capacity.gateway.admission import Admission, Decision, Tokens
from capacity.gateway.queries import landing as landing_query
from capacity.gateway.queries.landing import Imagined, landing
from capacity.gateway.requests import AdmissionRequest
from capacity.gateway.valkey import connect
from capacity.models import Pool, Snapshot
from capacity.operations.pools import create_pool
from tests.api_client import ApiCast
from tests.cast import GROK, Acme, gateway_request, yesterday
from tests.loops import run

pytestmark = pytest.mark.usefixtures("valkey_url")

ALLOWED = 12_500 * 15
"""Output tokens of a window of one unit."""


def pools_of(organization: Organization) -> list[Pool]:
    return list(Pool.objects.filter(organization=organization).order_by("-is_default", "pk"))


def decide(acme: Acme, *, now: datetime, output: int, **fields: object) -> Decision:
    """Return where it would land; then send it, and check that it lands there."""
    imagined = Imagined(
        Snapshot.objects.get(model=GROK),
        Tokens(10, output),
        **fields,  # type: ignore[arg-type]
    )
    foreseen = landing(acme.organization, imagined, pools=pools_of(acme.organization), real_now=now)
    plan, pools = foreseen.context.plan, pools_of(acme.organization)
    state = landing_query._state(acme.organization, imagined.model, pools)
    snapshot = landing_query._snapshot(imagined.model)
    candidates = tuple(
        pool
        for pool in state.pools[snapshot.pk]
        if not imagined.pool or pool.public_id == imagined.pool
    )

    async def send() -> Decision:
        async with connect(settings.GATEWAY_VALKEY_URL) as valkey:
            return await Admission(valkey, now=now).admit(
                AdmissionRequest(
                    id=f"greq_{output}",
                    organization=state,
                    key="",
                    project="",
                    snapshot=snapshot,
                    estimate=imagined.estimate,
                    plan=plan,
                    pools=candidates,
                    names_pool=bool(imagined.pool),
                    disabled=imagined.disabled,
                )
            )

    admitted = run(send())
    assert (admitted.result, admitted.counters) == (foreseen.result, foreseen.counters)
    assert (admitted.windows, admitted.limits) == (foreseen.windows, foreseen.limits)
    return foreseen


@override_settings(ACCOUNT_PLAN_RPM=2, ACCOUNT_PLAN_TPM=10_000)
def test_it_lands_where_admission_lets_it_land(acme: Acme) -> None:
    now = datetime(2026, 1, 10, 12, 0, 30, tzinfo=UTC)
    acme.buys("2026-01-10", input=1, output=1)
    trial = create_pool(
        organization=acme.organization,
        model=GROK,
        name="Trial",
        by=acme.alice,
        now=now,
    )
    first = decide(acme, now=now, output=ALLOWED)
    assert (first.served, first.pool) == ("scale", pools_of(acme.organization)[0].public_id)
    second = decide(acme, now=now, output=1)
    assert (second.served, second.reason) == ("default", "window_exhausted")
    assert [(window.limit, window.used) for window in second.windows][1] == (ALLOWED, ALLOWED)
    named = decide(acme, now=now, output=2, pool=trial.public_id)
    assert (named.served, named.reason, named.pool) == (
        "default",
        "no_capacity",
        trial.public_id,
    )
    third = decide(acme, now=now, output=3, disabled=True)
    assert (third.served, third.reason, third.refusal) == (
        "refused",
        "disabled",
        "requests_per_minute",
    )
    large = decide(acme, now=now, output=20_000, disabled=True)
    assert large.refusal == "too_large"


def test_the_page_says_where_and_why(acme: Acme, client: Client) -> None:
    acme.buys(yesterday(), input=1, output=1)
    client.force_login(acme.alice.person)
    address = f"/organizations/{acme.organization.public_id}/settings/usage/landing/"
    page = client.get(address, {"model": GROK, "input_tokens": "10", "output_tokens": "500"})
    text = page.content.decode()
    assert "x-pt-served: scale" in text
    assert f"{ALLOWED:,}" in text
    declined = client.get(address, {"model": GROK, "disabled": "on"}).content.decode()
    assert "Capacity is declined" in declined
    foreign = pools_of(acme.organization)[0].public_id
    wrong = {"model": "gpt-4.1-2025-04-14", "pool": foreign}
    ignored = client.get(address, {**wrong, "disabled": "on"}).content.decode()
    assert "Capacity is declined" in ignored
    for fields, said in (
        ({"input_tokens": "-1"}, "from 0 to 1,000,000,000"),
        ({"model": "gpt"}, "gpt is not one of the available choices"),
        (wrong, "refused"),
    ):
        mistaken = client.get(address, fields).content.decode()
        assert said in mistaken
        assert "Mend what is marked above" in mistaken
    fragment = client.get(address, {"model": GROK}, headers={"hx-request": "true"})
    assert b"<html" not in fragment.content
    sent = gateway_request(acme.organization)
    found = client.get(address, {"request": sent.request_id}).content.decode()
    assert "window_exhausted" in found
    assert "no such request" in client.get(address, {"request": "greq_x"}).content.decode()


def test_an_owner_reads_what_a_request_was_decided_on(api: ApiCast) -> None:
    sent = gateway_request(api.acme.organization)
    assert api.alice.get(f"gateway/requests/{sent.request_id}").json() == {
        "id": sent.request_id,
        "at": "2026-01-10T12:00:00Z",
        "model": GROK,
        "project": sent.project,
        "key": "key_1",
        "pool": None,
        "served": "default",
        "reason": "window_exhausted",
        "refusal": None,
        "estimate": {"input": 10, "output": 1_024},
        "actual": {"input": 9, "output": 34},
        "windows": [{"pool": "pt_1", "kind": "output", "limit": 187_500, "used": 187_000}],
    }
    assert api.charlie.get(f"gateway/requests/{sent.request_id}").status_code == 404
