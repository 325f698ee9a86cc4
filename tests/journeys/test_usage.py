"""Usage: requests show as they come, and an exhausted window says why (R14)."""

import csv
import re
from io import StringIO
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.journeys.world import GROK, World, hold_requests, section

HIDE = "hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})"


def test_alice_sees_requests_come_and_why_a_window_was_exhausted(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, input=1)
    _see_panels_come_without_moving(world, page)
    page.clock.install()
    page.goto(f"{world.settings}/usage/?window=15m")
    tokens = section(page, "Input tokens")
    expect(tokens).to_contain_text("No requests in this span of time.")
    table = tokens.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(1 + 15)
    _see_requests_come(world, page, tokens)

    # By keyboard to another view; the focus stays where it is.
    day = tokens.get_by_role("link", name="1 day")
    day.focus()
    page.keyboard.press("Enter")
    expect(day).to_have_attribute("aria-current", "page")
    expect(day).to_be_focused()
    expect(table.get_by_role("row")).to_have_count(1 + 96)
    _read_by_mouse_and_ear(tokens, tokens.get_by_role("slider"))
    _read_why(page, tokens.get_by_role("slider"))

    _compare_with_csv(page, [row.split("\t") for row in table.inner_text().splitlines()[2:]])
    section(page, "Exhausted windows").get_by_role("link", name="Why").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("link", name="Open as a page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Window 2026-01-10, 15:15")
    _see_where_it_would_land(world, page)
    _see_why_one_that_was_sent_landed_there(world, page)


def _see_where_it_would_land(world: World, page: Page) -> None:
    """By keyboard alone."""
    page.goto(f"{world.settings}/usage/")
    page.get_by_role("button", name="Where would it land?").focus()
    page.keyboard.press("Enter")
    answer = page.locator("#decision")
    expect(answer).to_contain_text(f"No pool of {GROK} has active units of each kind")
    page.wait_for_load_state()  # Its scripts too.
    page.get_by_label("Input tokens").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("x")
    output = page.get_by_label("Output tokens, at most")
    expect(output).to_be_focused()
    expect(output).to_have_accessible_description(re.compile("whole number of tokens from 0"))
    expect(output).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("0")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("0")
    expect(answer.get_by_role("heading", name="Scale Tier")).to_be_visible()
    expect(answer).to_contain_text("room for it, so capacity serves it")
    expect(output).not_to_have_attribute("aria-invalid", "true")
    expect(page).to_have_url(re.compile("output_tokens=0"))
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(answer).to_contain_text("The request declines capacity. So the account plan serves it.")
    expect(page.get_by_label("Decline capacity")).to_be_focused()


def _see_why_one_that_was_sent_landed_there(world: World, page: Page) -> None:
    response = page.request.post(
        f"{world.site.gateway_url}/chat/completions",
        data={"model": GROK, "messages": [{"role": "user", "content": "Hello"}]},
        headers={"Authorization": f"Bearer {world.alice.api_key}"},
    )
    sent = section(page, "Requests that were sent")
    for request_id, said in (
        ("greq_0", "There is no such request"),
        (response.headers["x-request-id"], f"No pool of {GROK} had active units of each kind"),
    ):
        page.get_by_label("Request id").fill(request_id)
        page.keyboard.press("Enter")
        expect(sent).to_contain_text(said)
    spilled = sent.get_by_role("link", name="Not from capacity")
    spilled.focus()
    page.keyboard.press("Enter")
    expect(spilled).to_have_attribute("aria-current", "page")
    expect(spilled).to_be_focused()
    expect(page.get_by_label("Decline capacity")).to_be_checked()


def _see_panels_come_without_moving(world: World, page: Page) -> None:
    """The Scale Tier page keeps room for what it loads, on wide and narrow screens."""
    below = section(page, "Provisioned tokens")
    held = hold_requests(page, re.compile("/(usage-now|callouts)/$"))
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 720})
        page.goto(world.scale_tier)
        expect(page.locator("[data-picture].htmx-request")).to_have_count(2)
        before = below.bounding_box()
        while held:
            held.pop().continue_()
        expect(section(page, "Usage now")).to_contain_text("The minute from")
        expect(section(page, "Unused and exhausted")).to_contain_text("Nothing unused")
        assert below.bounding_box() == before


def _see_requests_come(world: World, page: Page, tokens: Locator) -> None:
    """In a hidden tab nothing is asked for; what is new comes as soon as it is shown again."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    tokens.get_by_text("As a table").click()
    page.evaluate("document.activeElement.blur()")
    page.evaluate(HIDE, True)
    world.uses(page, ("2026-01-10T15:16:00Z", 300_000), ("2026-01-10T15:18:00Z", 400_000))
    page.clock.fast_forward("01:00")
    assert not asked
    page.evaluate(HIDE, False)
    page.clock.fast_forward("00:15")
    expect(tokens).to_contain_text("1 window for 3 min")
    assert len(asked) == 1
    expect(tokens.get_by_role("table")).to_be_hidden()  # It stays as it was left.
    tokens.get_by_text("As a table").click()


def _read_by_mouse_and_ear(tokens: Locator, step: Locator) -> None:
    """The step under the pointer is read. A screen reader hears the table, not the picture."""
    heard = tokens.aria_snapshot()
    assert 'table "Input tokens by window, the latest first"' in heard
    assert "img" not in heard
    step.hover(position={"x": 1, "y": 50})
    expect(tokens.get_by_text("2026-01-09 15:30: 0 tokens Scale Tier")).to_be_visible()
    box = step.bounding_box()
    assert box
    step.hover(position={"x": box["width"] - 2, "y": 50})
    expect(tokens.get_by_text("2026-01-10 15:15: 472,500 tokens Scale Tier")).to_be_visible()
    expect(tokens.get_by_text("Exhausted: 12 min; Enter shows why")).to_be_visible()


def _read_why(page: Page, step: Locator) -> None:
    step.focus()
    read = (
        "2026-01-10 15:15: 472,500 tokens Scale Tier, 227,500 account plan, 472,500 entitled;"
        " 2 requests; Exhausted: 12 min; Enter shows why"
    )
    expect(step).to_have_attribute("aria-valuetext", read)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("ran out at 15:18, 12 min before the window ended.")
    expect(dialog).to_contain_text("227,500 of 227,500 tokens covered")
    page.keyboard.press("Escape")
    expect(step).to_be_focused()


def _compare_with_csv(page: Page, shown: list[list[str]]) -> None:
    """The file has the rows of the table, in the order of time."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(StringIO(Path(download.value.path()).read_text())))
    columns = ("scale_tier_tokens", "account_plan_tokens", "entitlement_tokens", "requests")
    downloaded = [
        [
            row["start_utc"].replace("T", " ").removesuffix(":00Z"),
            *(f"{int(row[name]):,}" for name in columns),
            f"{row['exhausted_minutes']} min" if row["exhausted_windows"] != "0" else "–",
        ]
        for row in reversed(rows)
    ]
    assert [[cell.strip() for cell in row] for row in shown] == downloaded
