"""By keyboard: what one needs is marked where one buys it, and replayed before one does (R16)."""

import re

from playwright.sync_api import Page, expect

from tests.journeys.world import GROK, World, section

UNIT = 31_500 * 15
"""The input tokens that one unit covers in a window."""


def send_requests(world: World, page: Page) -> None:
    """Two windows of today: one of a unit, one of three and a half."""
    [token] = [row["value"] for row in page.context.cookies() if row["name"] == "csrftoken"]
    events = [
        {"id": time, "at": f"2026-01-10T{time}:00Z", "model": GROK, "input_tokens": tokens}
        for time, tokens in (("11:00", UNIT), ("12:00", UNIT * 7 // 2))
    ]
    response = page.request.post(
        f"{world.site.url}/api/v1/usage/events",
        data={"events": [{**event, "output_tokens": 0} for event in events]},
        headers={"X-CSRFToken": token, "X-Organization": world.organization, "Referer": page.url},
    )
    assert response.json()["accepted"] == 2, response.text()


def marked_share(page: Page, slider: str) -> float | None:
    """How far along the track the mark is, as a share; None while it is hidden."""
    box = page.locator(".slider-box").filter(has=page.get_by_label(slider, exact=True))
    mark = box.locator("[data-mark]")
    expect(mark).to_have_attribute("visibility", re.compile("visible|hidden"))
    if mark.get_attribute("visibility") == "hidden":
        return None
    return float((mark.get_attribute("x") or "").rstrip("%")) / 100


def test_alice_plans_by_keyboard_and_takes_what_is_marked(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.goto(f"{world.settings}/plan-capacity/?model={GROK}")
    expect(page.get_by_role("heading", name="No requests of")).to_be_visible()
    send_requests(world, page)
    page.reload()
    types_expected_traffic(page)
    replays_two_units_and_takes_four(page)
    page.get_by_role("link", name="Add 4 input units").press("Enter")
    expect(page.get_by_label("Input units", exact=True)).to_have_value("4")
    slider = page.get_by_label("Input units slider")
    expect(slider).to_have_accessible_description(
        re.compile("4 units would have covered your last 30 days; you own 0")
    )
    assert marked_share(page, "Input units slider") == 4 / 20
    assert marked_share(page, "Output units slider") is None


def types_expected_traffic(page: Page) -> None:
    page.get_by_label("Input TPM").fill("60,000")
    page.get_by_label("Output TPM").fill("x")
    expect(page.get_by_label("Output TPM")).to_have_accessible_description(
        re.compile("Enter a whole number of tokens per minute")
    )
    page.get_by_label("Output TPM").fill("")
    expect(section(page, "Units needed")).to_contain_text("2 input units 63,000 TPM")


def replays_two_units_and_takes_four(page: Page) -> None:
    replay = page.get_by_role("form", name="Replay of the last 30 days")
    slider = page.get_by_label("Input units slider")
    expect(slider).to_have_value("4")
    expect(slider).to_have_accessible_description(
        re.compile("4 units would have covered your last")
    )
    assert marked_share(page, "Input units slider") == 4 / 20
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(replay.get_by_role("row", name="2 input units")).to_contain_text("66.6%")
    expect(replay.get_by_role("row", name="2 input units")).to_contain_text("1 of 2")
    expect(
        page.get_by_role("status").filter(has_text="2 input units: 66.6% covered.")
    ).to_have_count(1)
    page.get_by_label("Window of the busiest day, input tokens").press("Home")
    expect(page.get_by_text("00:00: 0 covered, 0 over")).to_be_visible()
    replay.get_by_role("link", name="Use 4").press("Enter")
    expect(replay.get_by_role("row", name="4 input units")).to_contain_text("100%")
