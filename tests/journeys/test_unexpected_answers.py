"""Answers that are not the fragment asked for: one sentence, and the way on with all input kept.

Routes stand for a proxy between the browser and the product; all other faults are real.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.journeys.world import GROK, World, section

BAD_GATEWAY = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
SIGN_IN = BAD_GATEWAY.replace("502 Bad Gateway", "Sign in")


def test_alice_continues_after_signing_in_again_in_another_tab(world: World, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 600})
    world.signs_in(page, world.alice)
    dialog = _opens_checkout(world, page)
    key, scroll = dialog.locator("[name=key]").input_value(), page.evaluate("scrollY")
    assert scroll > 0
    other_tab = page.context.new_page()
    other_tab.goto(f"{world.site.url}/accounts/logout/")
    other_tab.get_by_role("main").get_by_role("button", name="Sign out").click()
    world.signs_in(other_tab, world.alice)

    dialog.get_by_role("button", name="Confirm purchase").click()
    expect(dialog.get_by_role("alert")).to_contain_text("signed in again in another tab")
    expect(dialog.get_by_role("button", name="Confirm purchase")).to_be_hidden()
    expect(dialog.get_by_role("button", name="Reload and continue")).to_be_focused()
    expect(dialog.get_by_role("banner")).to_have_count(0)
    page.keyboard.press("Enter")

    expect(dialog.get_by_role("button", name="Confirm purchase")).to_be_visible()
    expect(dialog).to_contain_text("4 input units")
    assert dialog.locator("[name=key]").input_value() == key
    assert page.evaluate("scrollY") == scroll
    dialog.get_by_role("button", name="Confirm purchase").click()
    expect(page.get_by_text("Bought 4 input units")).to_be_visible()


def test_alice_continues_after_her_browser_lost_its_cookies(
    world: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.alice)
    dialog = _opens_checkout(world, page)
    context.clear_cookies()
    dialog.get_by_role("button", name="Confirm purchase").click()
    expect(dialog.get_by_role("alert")).to_contain_text("out of date")
    dialog.get_by_role("button", name="Reload and continue").click()
    world.alice.signs_in_here(page)
    expect(page.get_by_label("Input units", exact=True)).to_have_value("4")
    dialog.get_by_role("button", name="Confirm purchase").click()
    expect(page.get_by_text("Bought 4 input units")).to_be_visible()


@pytest.mark.parametrize("way_on", ["Reload and continue", "Checkout"])
def test_a_purchase_whose_answer_was_lost_is_not_made_twice(
    world: World, page: Page, way_on: str
) -> None:
    def lose_answer(route: Route) -> None:
        if route.request.method == "POST":
            assert route.fetch().ok  # The purchase is made.
        route.fulfill(status=502, content_type="text/html", body=BAD_GATEWAY)

    world.signs_in(page, world.alice)
    dialog = _opens_checkout(world, page)
    page.route("**/add/checkout/*", lose_answer)
    dialog.get_by_role("button", name="Confirm purchase").click()
    expect(dialog.get_by_role("alert")).to_contain_text("could not answer (502)")
    expect(dialog.get_by_role("heading")).to_have_text("Confirm purchase")
    page.unroute("**/add/checkout/*")
    if way_on == "Checkout":
        page.keyboard.press("Escape")
    page.get_by_role("button", name=way_on).click()

    expect(page.get_by_text("Bought 4 input units")).to_be_visible()
    expect(section(page, "Active").get_by_role("row", name="4 input units")).to_have_count(1)
    world.buys(page, GROK, input=4)  # Wanted once more, it is bought once more.
    expect(section(page, "Active").get_by_role("row", name="4 input units")).to_have_count(2)


def test_alice_keeps_the_number_to_cancel_when_a_page_comes_back(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    dialog = page.get_by_role("dialog")
    opens = section(page, "Active").get_by_role("button", name="Cancel", exact=True)
    number = dialog.get_by_label("Units to cancel", exact=True)

    _answers_with_a_page(page, "**/cancel/", opens.click)
    expect(dialog.get_by_role("alert")).to_contain_text("out of date")
    dialog.get_by_role("button", name="Reload and continue").click()
    expect(number).to_be_focused()

    number.fill("3")
    expect(dialog).to_contain_text("12,500 of 50,000")
    confirm = dialog.get_by_role("button", name="Confirm cancellation")
    _answers_with_a_page(page, "**/cancel/", confirm.click)
    dialog.get_by_role("button", name="Reload and continue").click()
    expect(number).to_have_value("3")
    expect(dialog).to_contain_text("12,500 of 50,000")
    confirm.click()
    expect(page.get_by_text("Cancelled 3 output units")).to_be_visible()


def test_alice_reloads_when_the_clock_does_not_answer(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.goto(world.scale_tier)
    step = page.get_by_role("button", name="+1 day")
    _answers_with_a_page(page, "**/settings/clock/", step.click)
    expect(page.get_by_role("alert")).to_contain_text("out of date")
    expect(step).to_be_enabled()
    page.get_by_role("button", name="Reload and continue").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    step.click()
    expect(page.get_by_text("1 day opened")).to_be_visible()


def _answers_with_a_page(page: Page, url: str, press: Callable[[], None]) -> None:
    """The next request to the URL is answered with a whole page, as after a redirect."""
    page.route(url, lambda route: route.fulfill(content_type="text/html", body=SIGN_IN))
    press()
    expect(page.get_by_role("button", name="Reload and continue")).to_be_focused()
    page.unroute(url)


def _opens_checkout(world: World, page: Page) -> Locator:
    world.chooses(page, GROK, input=4)
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Confirm purchase")).to_be_visible()
    return dialog
