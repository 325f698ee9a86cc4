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
    _read_by_mouse(tokens, tokens.get_by_role("slider"))
    _read_why(page, tokens.get_by_role("slider"))

    _compare_with_csv(page, [row.split("\t") for row in table.inner_text().splitlines()[2:]])
    section(page, "Exhausted windows").get_by_role("link", name="Why").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("link", name="Open as a page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Window 2026-01-10, 15:15")


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


def _read_by_mouse(tokens: Locator, step: Locator) -> None:
    """The step under the pointer is read; what is exhausted says so."""
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
