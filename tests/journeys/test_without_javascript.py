"""Every form and link works without JavaScript; only the sliders are hidden."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.world import GROK, World, section, summary


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_alice_buys_cancels_and_undoes(world: World, plain_page: Page) -> None:
    page = plain_page
    world.signs_in(page, world.alice)
    page.get_by_role("button", name="Add capacity").click()
    page.get_by_label("Model", exact=True).select_option(GROK)
    page.get_by_role("button", name="Use this model").click()
    page.get_by_label("Input units", exact=True).fill("4")
    expect(page.get_by_label("Input units slider")).to_be_hidden()
    page.get_by_role("button", name="Update summary").click()
    expect(summary(page)).to_contain_text("$40.00")
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("heading", name="Confirm purchase")).to_be_visible()
    page.get_by_role("button", name="Confirm purchase").click()
    expect(page.get_by_text("Bought 4 input units")).to_be_visible()

    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_label("Units to cancel", exact=True).fill("9")
    page.get_by_role("button", name="Update quote").click()
    expect(page.get_by_role("alert").first).to_contain_text("4 units of this lot")
    page.get_by_label("Units to cancel", exact=True).fill("3")
    page.get_by_role("button", name="Confirm cancellation").click()
    expect(section(page, "Active")).to_contain_text(
        "3 input units, active and charged until 2026-02-08 (last day)"
    )
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("3 input units will go on renewing")).to_be_visible()


def test_alice_reads_why_she_is_refused_and_keeps_the_typed_units(
    world: World, plain_page: Page
) -> None:
    page = plain_page
    world.signs_in(page, world.alice)
    page.goto(f"{world.scale_tier}add/?model={GROK}")
    page.get_by_label("Input units", exact=True).fill("2000000")
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("alert").first).to_contain_text("Between 0 and 1,000,000")
    page.get_by_role("link", name="Close", exact=True).click()
    expect(page.get_by_label("Input units", exact=True)).to_have_value("2000000")
