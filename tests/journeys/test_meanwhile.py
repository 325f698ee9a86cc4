"""What has changed while a dialog was open, and where people are after a change."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.world import GROK, World, section, summary


@pytest.mark.parametrize("late", ["opens", "confirms"])
def test_alice_reads_that_all_units_are_cancelled_already(
    world: World, page: Page, late: str
) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    dialog = page.get_by_role("dialog")
    if late == "confirms":
        _cancel_button(page).click()
        expect(dialog).to_contain_text("37,500 of 50,000")
    _in_another_tab(world, page, "Cancel", units="4")
    if late == "opens":
        _cancel_button(page).click()
    else:
        dialog.get_by_role("button", name="Confirm cancellation").click()
    expect(dialog.get_by_role("heading")).to_have_text("Nothing left to cancel")
    expect(dialog.get_by_role("alert")).to_contain_text(
        "All 4 output units of this lot are cancelled"
    )
    _expect_only_close(dialog)
    page.keyboard.press("Escape")
    expect(section(page, "Active").get_by_role("button", name="Undo")).to_be_visible()
    expect(_cancel_button(page)).to_have_count(0)


def test_alice_reads_that_a_cancellation_is_undone_already(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    _cancel_button(page).click()
    page.get_by_role("button", name="Confirm cancellation").click()
    _expect_message(page, "Cancelled 1 output unit:")
    _in_another_tab(world, page, "Undo")
    page.get_by_role("button", name="Undo").click()
    _expect_message(page, "The cancellation of 1 output unit was undone before; nothing changed.")


def test_alice_reads_that_the_price_of_today_has_changed(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("$880.00")
    other_tab = page.context.new_page()
    other_tab.goto(world.scale_tier)
    other_tab.get_by_role("button", name="To the end of the period").click()
    expect(other_tab.get_by_text("22 days opened")).to_be_visible()

    dialog.get_by_role("button", name="Confirm purchase").click()
    expect(dialog.get_by_role("heading")).to_have_text("Nothing was bought")
    expect(dialog.get_by_role("alert")).to_contain_text("$1,120.00 would be charged today")
    _expect_only_close(dialog)
    dialog.get_by_role("link", name="Close").click()
    expect(summary(page)).to_contain_text("$1,120.00")
    expect(page.get_by_label("Input units", exact=True)).to_have_value("4")


def test_the_focus_goes_to_what_a_change_did(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, input=1)
    _expect_message(page, f"Bought 1 input unit of {GROK}, active now.")
    _cancel_button(page).click()
    page.get_by_role("button", name="Confirm cancellation").click()
    _expect_message(page, "Cancelled 1 input unit:")
    page.get_by_role("button", name="Undo").click()
    _expect_message(page, "Cancellation undone: 1 input unit will go on renewing.")


def test_confirm_stays_in_sight_on_small_screens(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, input=2, output=2)
    for width, height in ((640, 400), (390, 500)):  # 1280×800 at 200 %, and a phone.
        page.set_viewport_size({"width": width, "height": height})
        world.chooses(page, GROK, input=2, output=2)
        page.get_by_role("button", name="Checkout").click()
        confirm = page.get_by_role("button", name="Confirm purchase")
        expect(confirm).to_be_in_viewport(ratio=1)
        page.goto(world.model(GROK))
        _cancel_button(page).first.click()
        expect(page.get_by_role("button", name="Confirm cancellation")).to_be_in_viewport(ratio=1)


def _cancel_button(page: Page) -> Locator:
    return section(page, "Active").get_by_role("button", name="Cancel", exact=True)


def _in_another_tab(world: World, page: Page, button: str, units: str | None = None) -> None:
    other_tab = page.context.new_page()
    other_tab.goto(world.model(GROK))
    section(other_tab, "Active").get_by_role("button", name=button, exact=True).click()
    if units:
        other_tab.get_by_label("Units to cancel", exact=True).fill(units)
        other_tab.get_by_role("button", name="Confirm cancellation").click()
    expect(other_tab.locator(".notices")).to_be_visible()
    other_tab.close()


def _expect_only_close(dialog: Locator) -> None:
    expect(dialog.get_by_role("button").or_(dialog.get_by_role("link"))).to_have_text(["Close"])


def _expect_message(page: Page, text: str) -> None:
    """The message has the focus, so a screen reader reads it."""
    message = page.get_by_role("status").filter(has_text=text)
    expect(message).to_be_visible()
    expect(message).to_be_focused()
