"""“Where would it land?” says what the gateway would answer; and what it decided about one sent."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import unescape
from http.client import HTTPConnection
from random import Random

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from accounts.operations.api_keys import create_api_key, revoke_api_key
from accounts.operations.changes import Caller
from accounts.operations.projects import change_project, create_project
from accounts.operations.sign_in_requirements import set_sign_in_requirements
from capacity.gateway.bodies import Options
from capacity.gateway.entitlements import Plan
from capacity.gateway.limits import Limits
from capacity.gateway.queries.landing import Imagined, Landing, landing
from capacity.gateway.requests import Tokens, milliseconds
from capacity.models import GatewayRequest, Pool, Snapshot
from capacity.operations.account_plans import set_account_plan
from capacity.operations.clock import advance_clock
from capacity.operations.pools import create_pool
from capacity.operations.purchases import buy_units
from tests.api_client import ApiCast
from tests.capacity.gateway.people import entitlements
from tests.capacity.gateway.serving import ServedGateway, serve_gateway
from tests.cast import (
    GPT,
    GROK,
    Acme,
    gateway_request,
    give_second_factor,
    make_acme,
)

pytestmark = pytest.mark.usefixtures("valkey_url")

ALLOWED = 12_500 * 15
"""Output tokens of a window of one unit."""
RETIRED = "gpt-5.4"
DEFAULT_PLAN = Plan(rpm=5, tpm=30_000)
TOLD = ("x-pt-", "retry-after", "x-should-retry", "www-authenticate")
"""How the headers start that the page shows."""


@pytest.fixture(scope="module")
def served() -> Iterator[ServedGateway]:
    with serve_gateway(settings.VALKEY_URL, Limits()) as served:
        yield served


@dataclass
class Asking:
    """Acme and what its requests can name, right or wrong. The secret of each key is by its id."""

    acme: Acme
    now: datetime
    secrets: dict[str, str]
    projects: list[str]
    pools: list[str]

    @classmethod
    def at(cls, acme: Acme, now: datetime) -> "Asking":
        """Let Acme have two pools, an account plan, and keys and projects of every kind."""
        alice = Caller(organization=acme.organization, by=acme.alice, now=now)
        search, old = (create_project(**alice, name=name).public_id for name in ("Search", "Old"))
        made = [
            create_api_key(
                organization=acme.organization, name="Key", project=project, by=by, now=now
            )
            for by, project in (
                (acme.alice, None),
                (acme.alice, search),
                (acme.alice, old),
                (acme.bob, None),
                (acme.alice, None),
            )
        ]
        change_project(**alice, project_id=old, archived=True)
        revoke_api_key(**alice, key_id=made[-1][0].public_id)
        trial = create_pool(**alice, model=GROK, name="Trial").public_id
        buy_units(**alice, model=GROK, units={"input": 1, "output": 1})
        buy_units(**alice, model=GROK, units={"output": 1, "input": 1}, pool=trial)
        buy_units(**alice, model=GPT, units={"input": 1})
        set_account_plan(**alice, model=GROK, rpm=3, tpm=100_000)
        Snapshot.objects.filter(model=RETIRED).update(retires_on=now.date())
        foreign = make_acme().organization.projects.get().public_id
        return cls(
            acme,
            now,
            {key.public_id: secret for key, secret in made},
            [*[""] * 8, search, old, foreign, "proj_nope"],
            [*[""] * 8, *Pool.objects.values_list("public_id", flat=True), "pt_nope"],
        )

    def draws(self, random: Random) -> tuple[Imagined, bool]:
        """Return a request, and whether it declines capacity by its body instead of a header."""
        tokens = Tokens(
            input=random.choice((0, 10, 2_000)), output=random.choice((0, 900, 70_000, 500_000))
        )
        options = Options(
            pool=random.choice(self.pools),
            project=random.choice(self.projects),
            disabled=random.random() < 0.25,
        )
        model = random.choice((GROK,) * 12 + (GPT, RETIRED, "gpt"))
        working, *_ = self.secrets
        key = random.choice((working,) * 8 + tuple(self.secrets))
        return Imagined(model, tokens, options, key), random.random() < 0.5


@dataclass(frozen=True)
class Answered:
    """What the page tells of an answer."""

    status: int
    headers: dict[str, str]
    document: dict[str, object]

    @classmethod
    def foreseen(cls, answer: Landing) -> "Answered":
        tier = answer.decision.served.value if answer.decision else None
        document = json.loads(answer.refusal.body) if answer.refusal else {"service_tier": tier}
        return cls(answer.status, dict(answer.headers), document)

    @classmethod
    def by_gateway(cls, port: int, imagined: Imagined, secret: str, by_body: bool) -> "Answered":
        """Send the request. The demo upstream answers with as many tokens as are allowed."""
        tokens, options = imagined.estimate, imagined.options
        asked = f"[[tokens {tokens.output}]]"[: 4 * tokens.input]
        body = {
            "model": imagined.model,
            "input": asked.ljust(4 * tokens.input),
            "max_output_tokens": tokens.output,
            "service_tier": "default" if options.disabled and by_body else "auto",
        }
        headers = {
            "authorization": f"Bearer {secret}",
            "x-pt-id": options.pool,
            "openai-project": options.project,
            "x-pt-disable": "true" if options.disabled and not by_body else "false",
        }
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/v1/responses", json.dumps(body), headers)
        response = connection.getresponse()
        document = json.loads(response.read())
        connection.close()
        told = {name: value for name, value in response.getheaders() if name.startswith(TOLD)}
        kept = {name: document[name] for name in ("error", "service_tier") if document.get(name)}
        return cls(response.status, told, kept)


@pytest.fixture(params=["real clock", "sandbox"])
def asking(request: pytest.FixtureRequest, catalogue: None) -> Asking:
    """Acme, in which Bob lacks the second factor that is required from today on."""
    today = timezone.now().replace(hour=12, minute=1, second=5, microsecond=0)
    founded = today - timedelta(days=8)
    acme = make_acme(founded.date().isoformat(), is_sandbox=request.param == "sandbox")
    alice = Caller(organization=acme.organization, by=acme.alice, now=founded)
    give_second_factor(acme.alice)
    set_sign_in_requirements(**alice, second_factor=True)
    if acme.organization.is_sandbox:
        advance_clock(organization=acme.organization, to=today, by=acme.alice)
        acme.organization.refresh_from_db()
    return Asking.at(acme, today)


@override_settings(ACCOUNT_PLAN_RPM=DEFAULT_PLAN.rpm, ACCOUNT_PLAN_TPM=DEFAULT_PLAN.tpm)
def test_it_says_what_the_gateway_answers(served: ServedGateway, asking: Asking) -> None:
    """Many requests fill windows and minutes; each is foreseen, and then sent."""
    loaded = entitlements(DEFAULT_PLAN)
    loaded.loaded_at = 0.0
    served.gateway.entitlements = loaded
    random, now = Random(15), asking.now
    seen: Counter[str] = Counter()
    for _ in range(120):
        now += timedelta(seconds=random.choice((0, 0, 0, 1, 7, 20)))
        served.gateway.admission.now = milliseconds(now)
        imagined, by_body = asking.draws(random)
        expected = landing(asking.acme.organization, imagined, real_now=now)
        secret = asking.secrets[imagined.key]
        answered = Answered.by_gateway(served.port, imagined, secret, by_body)
        assert answered == Answered.foreseen(expected), imagined
        if decision := expected.decision:
            sent = served.settlement()[0]
            assert sent.context.text == decision.context.text
            assert replace(sent, id="", context=decision.context) == decision
            seen.update((decision.served, str(decision.reason), str(decision.refusal)))
        elif expected.refusal:
            seen[expected.refusal.code] += 1
    assert {
        *("scale", "default", "refused", "disabled", "no_capacity", "window_exhausted"),
        *("requests_per_minute", "tokens_per_minute", "too_large"),
        *("invalid_api_key", "second_factor_required", "model_not_found"),
        *("project_not_found", "project_archived", "pool_not_found"),
    } <= seen.keys(), seen


Shows = Callable[..., None]


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """A sandbox: no days are to be opened until today."""
    return make_acme("2026-01-10", is_sandbox=True)


@pytest.fixture
def shows(acme: Acme, client: Client) -> Shows:
    """Check that Alice's page has texts; or that a part of it has, which htmx asks for."""
    client.force_login(acme.alice.person)
    address = f"/organizations/{acme.organization.public_id}/settings/usage/landing/"

    def check(*texts: str, target: str = "", **fields: str | int) -> None:
        htmx = {"hx-request": "true", "hx-target": target} if target else {}
        page = client.get(address, {"model": GROK, **fields}, headers=htmx)
        text = unescape(page.content.decode())
        assert ("<html" in text) is not bool(target)
        assert [each for each in texts if each not in text] == []

    return check


def test_the_page_says_where_and_why(acme: Acme, shows: Shows) -> None:
    shows(f"No pool of {GROK} has active units of each kind that it needs. So the account plan")
    shows("There is none yet: <a", "No requests in the last 24 hours")
    acme.buys("2026-01-10", input=1, output=1)
    shows("The window of “Default pool” has room for it, so capacity serves it.", output_tokens=500)
    shows(
        f"has {ALLOWED:,} of {ALLOWED:,} output tokens left, and the request needs 200,000. So the",
        f">x-pt-remaining-output-tokens:</span> {ALLOWED}",
        "201,000</strong> needed",
        output_tokens=200_000,
    )
    shows("declines capacity. So", pool="pt_nope", disabled="on")
    with override_settings(ACCOUNT_PLAN_RPM=0):
        shows("no request of 0 left in this minute. It can be sent again in", disabled="on")
    with override_settings(ACCOUNT_PLAN_TPM=5):
        shows("allows in a minute: 5 tokens. To wait does not help", disabled="on")
    shows("Enter a whole number of tokens from 0 to 1,000,000,000.", input_tokens="-1")
    # What the gateway would refuse is said beside the field, and what was sent stays chosen.
    for name, value, said in (
        ("model", "gpt", "There is no model 'gpt' here"),
        ("pool", "pt_x", "There is no pool 'pt_x' for this model"),
        ("project", "proj_x", "There is no project 'proj_x'"),
        ("key", "key_x", "This API key is not valid"),
    ):
        error = f'<div id="id_{name}-error" data-error-of="id_{name}" hx-swap-oob="innerHTML">'
        wrong = f'{error}\n  <div class="wrong" role="alert">{said}'
        shows(wrong, "Nothing goes upstream", target="decision", **{name: value})
        shows(f'<option value="{value}" selected>', **{name: value})


def test_the_page_tells_of_requests_that_were_sent(acme: Acme, shows: Shows) -> None:
    sent = gateway_request(acme.organization)
    told = "500 of 187,500 output tokens left, and the request needed 1,024. So the account plan"
    shows(told, "“pt_1…”", sent.request_id, target="sent-requests", request=sent.request_id)
    shows("There is no such request", 'aria-invalid="true"', request="greq_x", only="spilled")
    GatewayRequest.objects.update(served="scale", reason="")
    shows("Capacity served every request", only="spilled")


def test_an_owner_reads_what_a_request_was_decided_on(api: ApiCast) -> None:
    sent = gateway_request(api.acme.organization)
    assert api.alice.get(f"gateway/requests/{sent.request_id}").json() == {
        "id": sent.request_id,
        "at": "2026-01-10T12:00:00Z",
        "model": GROK,
        "project": sent.project,
        "key": "key_1",
        "pool": None,
        "status": "finished",
        "served": "default",
        "reason": "window_exhausted",
        "refusal": None,
        "estimate": {"input": 10, "output": 1_024},
        "actual": {"input": 9, "output": 34},
        "windows": [{"pool": "pt_1", "kind": "output", "limit": 187_500, "used": 187_000}],
    }
    assert api.charlie.get(f"gateway/requests/{sent.request_id}").status_code == 404
