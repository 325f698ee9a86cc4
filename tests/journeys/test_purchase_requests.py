"""A purchaser's purchase waits, an owner approves it, and the capacity is there (R20)."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.world import GROK, World, section, summary


def test_bob_asks_alice_approves_and_the_units_are_active(
    world: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.alice)
    _set_threshold(page, world)
    cookies_of_alice = context.cookies()
    context.clear_cookies()
    world.signs_in(page, world.bob)
    _ask(page, world)
    page.goto(world.model(GROK))
    expect(section(page, "Active")).not_to_contain_text("6 input units")
    context.clear_cookies()
    context.add_cookies(cookies_of_alice)  # type: ignore[arg-type]  # Playwright takes what it gave.
    _approve(page, world)
    page.goto(world.model(GROK))
    expect(section(page, "Active").get_by_role("row", name="6 input units")).to_be_visible()


def _set_threshold(page: Page, world: World) -> None:
    page.goto(f"{world.settings}/purchase-requests/")
    page.get_by_role("button", name="Set a threshold").click()
    page.get_by_role("dialog").get_by_label("Approval above, USD per day").fill("50")
    page.keyboard.press("Enter")
    expect(section(page, "Approval threshold")).to_contain_text("more than $50.00 per day")


def _ask(page: Page, world: World) -> None:
    world.chooses(page, GROK, input=5)
    expect(summary(page)).to_contain_text("$1,500.00")
    expect(summary(page)).not_to_contain_text("approval")
    page.get_by_label("Input units", exact=True).fill("6")
    expect(summary(page)).to_contain_text("needs a second owner's approval")
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("needs a second owner's approval")
    dialog.get_by_role("button", name="Confirm purchase request").click()
    message = page.get_by_role("status").filter(has_text="Asked for approval of 6 input units")
    expect(message).to_be_visible()
    row = section(page, "Waiting").get_by_role("row", name="6 input units")
    expect(row).to_contain_text("$1,320.00")


def _approve(page: Page, world: World) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(world.scale_tier)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0, "what is hidden beside the number makes the page too wide"
    page.get_by_role("link", name="Purchase requests 1 waiting").click()
    section(page, "Waiting").get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("$1,320.00")
    expect(dialog.get_by_role("img", name="after this purchase")).to_be_visible()
    dialog.get_by_role("button", name="Approve and buy").click()
    expect(page.get_by_role("status").filter(has_text="Approved: 6 input units")).to_be_visible()
    row = section(page, "Decided").get_by_role("row", name="6 input units")
    expect(row).to_contain_text("Approved")
