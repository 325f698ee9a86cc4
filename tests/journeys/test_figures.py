"""Figures that follow the input: what is shown is current, or says that it is not."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.world import GPT, GROK, World, hold_requests, section, summary

OUTDATED = "Not up to date. Trying again"


def test_offline_the_summary_is_outdated_and_recovers(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    expect(summary(page)).to_contain_text("$40.00")
    checkout = page.get_by_role("button", name="Checkout")

    page.context.set_offline(True)
    number = page.get_by_label("Input units", exact=True)
    number.fill("7")
    expect(summary(page).get_by_text(OUTDATED)).to_be_visible()
    expect(summary(page).locator("#summary > *").first).to_have_css("opacity", "0.45")
    expect(checkout).to_be_disabled()
    number.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()

    page.context.set_offline(False)
    expect(summary(page)).to_contain_text("$70.00")
    expect(summary(page).get_by_text(OUTDATED)).to_be_hidden()
    checkout.click()
    expect(page.get_by_role("dialog")).to_contain_text("7 input units")


def test_the_summary_asks_again_until_the_server_answers(world: World, page: Page) -> None:
    failures = 2

    def fail_twice(route: Route) -> None:
        nonlocal failures
        failures -= 1
        if failures < 0:
            route.continue_()
        else:
            route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")

    world.signs_in(page, world.alice)
    world.chooses(page, GROK)
    page.route("**/add/summary/*", fail_twice)
    page.get_by_label("Input units", exact=True).fill("7")
    expect(summary(page).get_by_text(OUTDATED)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(summary(page)).to_contain_text("$70.00")
    assert failures == -1


def test_a_model_chosen_offline_comes_when_the_connection_is_back(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    number = page.get_by_label("Input units", exact=True)
    page.context.set_offline(True)
    page.get_by_label("Model", exact=True).select_option(GPT)
    expect(summary(page).get_by_text(OUTDATED)).to_be_visible()
    number.press("9")  # Out of reach: it is still the number of the other model's units.
    expect(page.get_by_role("button", name="Checkout")).to_be_disabled()
    page.context.set_offline(False)
    expect(summary(page)).to_contain_text("$440.00")
    expect(number).to_have_value("4")
    expect(number).to_be_enabled()
    expect(page.get_by_role("button", name="Checkout")).to_be_enabled()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [("1.5", "whole number"), ("2000000", "Between 0 and 1,000,000"), ("-", "whole number")],
)
def test_an_error_stands_under_its_field_and_nothing_moves(
    acme: World, page: Page, typed: str, reason: str
) -> None:
    acme.signs_in(page, acme.alice)
    acme.chooses(page, GROK, output=2)
    expect(summary(page)).to_contain_text("$20.00")
    number = page.get_by_label("Input units", exact=True)
    checkout = page.get_by_role("button", name="Checkout")
    places = [page.get_by_label("Output units", exact=True), checkout]
    before = [place.bounding_box() for place in places]

    number.press_sequentially(typed)
    expect(page.get_by_role("alert")).to_contain_text(reason)
    expect(number).to_have_accessible_description(
        f"{page.get_by_role('alert').inner_text()} 1 unit = 31,500 input TPM · $10.00 per day"
        " Input: no requests."
    )
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(summary(page)).not_to_contain_text("$0.00")
    expect(summary(page)).not_to_contain_text("$20.00 per day")
    expect(checkout).to_be_disabled()
    assert [place.bounding_box() for place in places] == before

    number.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(number).to_be_focused()
    number.fill("3")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(number).not_to_have_attribute("aria-invalid", "true")
    expect(checkout).to_be_enabled()


def test_the_slider_fits_the_number_and_what_can_be_bought(world: World, page: Page) -> None:
    world.site.manage("supply", "o3-2025-04-16", "input", "70")
    try:
        world.signs_in(page, world.alice)
        world.chooses(page, "o3-2025-04-16", input=500_000)
        number = page.get_by_label("Input units", exact=True)
        slider = page.get_by_label("Input units slider")
        expect(page.get_by_role("alert")).to_contain_text("At most 70 can be bought")
        expect(slider).to_have_value("70")
        number.fill("4")
        expect(slider).to_have_attribute("max", "20")
        slider.focus()
        for end in ("20", "50", "70"):  # At the end of its scale the slider gets a longer one.
            page.keyboard.press("End")
            expect(number).to_have_value(end)
        expect(slider).to_have_attribute("max", "70")
    finally:
        world.site.manage("supply", "o3-2025-04-16", "input", "none")
    world.chooses(page, GROK, input=500_000)
    expect(slider).to_have_value("500000")
    number.fill("4")
    expect(slider).to_have_attribute("max", "20")
    expect(slider).to_have_value("4")


def test_checkout_pressed_too_early_waits_for_the_figures(acme: World, page: Page) -> None:
    acme.signs_in(page, acme.alice)
    acme.chooses(page, GROK)
    held_requests = hold_requests(page, "**/add/summary/*")
    number = page.get_by_label("Input units", exact=True)
    with page.expect_request("**/add/summary/*"):
        number.fill("6")
    number.press("Enter")
    held_requests.pop().continue_()
    expect(page.get_by_role("dialog")).to_contain_text("6 input units")


def test_offline_a_cancellation_cannot_be_confirmed_on_old_figures(
    world: World, page: Page
) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    section(page, "Active").get_by_role("button", name="Cancel", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("37,500 of 50,000")
    page.context.set_offline(True)
    dialog.get_by_label("Units to cancel", exact=True).fill("3")
    expect(dialog.get_by_text(OUTDATED)).to_be_visible()
    expect(dialog.get_by_role("button", name="Confirm cancellation")).to_be_disabled()
    page.context.set_offline(False)
    expect(dialog).to_contain_text("12,500 of 50,000")
    dialog.get_by_role("button", name="Confirm cancellation").click()
    expect(page.get_by_text("Cancelled 3 output units")).to_be_visible()
