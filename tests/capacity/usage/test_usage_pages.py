"""The Usage page: the same figures as a picture, as a table and as CSV."""

import csv
from io import StringIO

import pytest
from django.urls import reverse

from capacity.usage.domain.windows import MINUTE
from capacity.usage.operations.events import UsageEvent, record_usage
from tests.api_client import ApiCast
from tests.cast import GPT, GROK, at, signed_in

pytestmark = pytest.mark.django_db

NOON = at("2026-01-10")


@pytest.fixture
def traffic(api: ApiCast) -> ApiCast:
    """Acme has sent 20 requests in 20 minutes, of which one unit covers some; it is 12:20."""
    api.alice.buys(input=1)
    api.set_clock("2026-01-10", "12:20")
    record_usage(
        organization=api.acme.organization,
        events=[
            UsageEvent(str(minute), NOON + minute * MINUTE, GROK if minute else GPT, 50_000, 10)
            for minute in range(20)
        ],
        now=at("2026-01-10", "12:20"),
        received_on=NOON.date(),
    )
    return api


def page(api: ApiCast, route: str = "usage", **query: str) -> str:
    url = reverse(route, args=[api.acme.organization.public_id])
    response = signed_in(api.acme.alice).get(url, query)
    assert response.status_code == 200
    return b"".join(response).decode()


@pytest.mark.parametrize("window", ["30d", "1d", "15m"])
def test_table_and_csv_show_what_the_api_says(traffic: ApiCast, window: str) -> None:
    shown = traffic.alice.get("usage", window=window, model=GROK).json()
    rows = list(csv.DictReader(StringIO(page(traffic, "usage_csv", window=window, model=GROK))))
    assert [row["start_utc"] for row in rows] == [bucket["start"] for bucket in shown["buckets"]]
    for row, bucket in zip(rows, shown["buckets"], strict=True):
        columns = ("scale_tier_tokens", "account_plan_tokens", "entitlement_tokens", "requests")
        figures = [bucket[name] for name in ("scale", "account", "entitlement", "requests")]
        assert [int(row[name]) for name in columns] == figures
    text = page(traffic, window=window, model=GROK)
    totals = shown["totals"]
    assert totals["scale"] > 0 < totals["account"]
    for name in ("scale", "account", "requests"):
        assert f"{totals[name]:,}" in text


def test_what_does_not_exist_is_said_beside_its_field(traffic: ApiCast) -> None:
    assert "is not one of the available choices" in page(traffic, model="gpt-0")
    assert page(traffic, project=traffic.acme.organization.projects.get().public_id)


@pytest.mark.parametrize(
    ("route", "query"),
    [
        ("usage_csv", {"model": "gpt-0"}),
        ("exhausted_csv", {"project": "proj_0"}),
        ("showback_csv", {"invoice": "inv_0"}),
    ],
)
def test_a_download_of_what_does_not_exist_is_refused(
    traffic: ApiCast, route: str, query: dict[str, str]
) -> None:
    url = reverse(route, args=[traffic.acme.organization.public_id])
    response = signed_in(traffic.acme.alice).get(url, query)
    assert response.status_code == 400
    assert query.popitem()[1] in response.text


@pytest.mark.parametrize(
    "route", ["usage", "usage_csv", "exhausted_csv", "showback", "showback_csv"]
)
def test_only_owners_see_usage(traffic: ApiCast, route: str) -> None:
    url = reverse(route, args=[traffic.acme.organization.public_id])
    for actor, status in ((traffic.acme.bob, 403), (traffic.acme.mallory, 403)):
        assert signed_in(actor).get(url).status_code == status
    assert signed_in(traffic.acme.charlie).get(url).status_code == 404


def test_a_span_without_requests_says_so(api: ApiCast) -> None:
    assert "No requests in this span of time" in page(api)


def test_recommended_units_are_taken_by_a_link(traffic: ApiCast) -> None:
    text = " ".join(page(traffic, "recommended_units", model=GROK, output="1").split())
    assert "<strong>2 units</strong> would have covered your last 30 days; you own 1." in text
    assert f"?model={GROK}&amp;output=1&amp;input=1" in text
    assert page(traffic, "add_capacity", model=GROK, output="1").count("recommended/") == 2


def test_the_last_whole_minute_is_shown_against_the_entitlement(traffic: ApiCast) -> None:
    text = " ".join(page(traffic, "usage_now").split())
    assert "The minute from" in text
    assert ">2026-01-10 12:19</time> UTC" in text
    [unit] = [
        unit
        for unit in traffic.alice.get(f"models/{GROK}").json()["units"]
        if unit["kind"] == "input"
    ]
    percent = 50_000 * 1000 // unit["tpm"] / 10
    assert "50,000 input</span> </td>" in text
    assert f"{unit['tpm']:,}</span>" in text
    assert f"{percent:g}%" in text
    assert (
        signed_in(traffic.acme.bob)
        .get(reverse("usage_now", args=[traffic.acme.organization.public_id]))
        .status_code
        == 200
    )
