"""Cancelling units of a lot, with a quote that follows the input, and undoing it."""

from playwright.sync_api import Locator, Page, Route, expect

from tests.journeys.world import GROK, World, expect_new_dialog, hold_requests, section


def test_alice_cancels_some_units_and_undoes_it(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    dialog = _opens_cancel_dialog(page)
    dialog.get_by_label("Units to cancel", exact=True).fill("3")
    for figure in ("12,500 of 50,000", "after 2026-02-08 UTC", "$240.00"):
        expect(dialog).to_contain_text(figure)
    dialog.get_by_role("button", name="Confirm cancellation").click()

    expect(page.get_by_text("Cancelled 3 output units")).to_be_visible()
    active = section(page, "Active")
    expect(active).to_contain_text("3 output units, active and charged until 2026-02-08 (last day)")
    page.goto(world.scale_tier)
    expect(section(page, "Provisioned tokens")).to_contain_text("3 units, next after 2026-02-08")

    page.get_by_role("link", name=GROK).click()
    active.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("3 output units will go on renewing")).to_be_visible()
    expect(active).not_to_contain_text("(last day)")
    history = section(page, "Prior transactions")
    expect(history.get_by_role("row").nth(1)).to_contain_text("Cancellation undone")
    expect(history.get_by_role("row").nth(2)).to_contain_text("Last day 2026-02-08")


def test_the_slider_and_the_number_move_together(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    dialog = _opens_cancel_dialog(page)
    slider = dialog.get_by_label("Units to cancel slider")
    slider.focus()
    page.keyboard.press("End")
    expect(dialog.get_by_label("Units to cancel", exact=True)).to_have_value("4")
    expect(dialog).to_contain_text("0 of 50,000")


def test_more_units_than_active_are_refused_in_the_dialog(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    dialog = _opens_cancel_dialog(page)
    number = dialog.get_by_label("Units to cancel", exact=True)
    number.fill("9")
    expect(dialog.get_by_role("alert")).to_contain_text("4 units of this lot")
    with expect_new_dialog(dialog):
        dialog.get_by_role("button", name="Confirm cancellation").click()
    expect(dialog.get_by_role("alert")).to_contain_text("4 units of this lot")
    expect(number).to_have_value("9")
    number.fill("4")
    dialog.get_by_role("button", name="Confirm cancellation").click()
    expect(page.get_by_text("Cancelled 4 output units")).to_be_visible()
    cancel_button = section(page, "Active").get_by_role("button", name="Cancel", exact=True)
    expect(cancel_button).to_have_count(0)


def test_alice_loses_no_input_while_a_cancellation_is_being_sent(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    dialog = _opens_cancel_dialog(page)
    number = dialog.get_by_label("Units to cancel", exact=True)
    number.fill("9")
    held_requests = hold_requests(page, "**/cancel/")
    with expect_new_dialog(dialog):
        with page.expect_request("**/cancel/"):
            number.press("Enter")
        expect(number).to_be_disabled()
        expect(dialog.get_by_label("Units to cancel slider")).to_be_disabled()
        page.keyboard.type("5")
        held_requests.pop().continue_()
    expect(number).to_have_value("9")
    expect(number).to_be_focused()


def test_alice_resends_a_cancellation_that_did_not_arrive(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    # From before the dialog on, so that nothing is sent before the browser holds requests back.
    page.route("**/cancel/", _abort_post)
    dialog = _opens_cancel_dialog(page)
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("could not be reached")).to_be_visible()
    expect(dialog.get_by_label("Units to cancel", exact=True)).to_be_focused()
    page.unroute("**/cancel/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Cancelled 1 output unit:")).to_be_visible()


def test_alice_reads_why_a_number_of_units_is_wrong(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    dialog = _opens_cancel_dialog(page)
    dialog.get_by_label("Units to cancel", exact=True).fill("1.5")
    expect(dialog.get_by_role("alert")).to_contain_text("whole number")
    dialog.get_by_label("Units to cancel", exact=True).fill("")
    expect(dialog.get_by_role("alert")).to_contain_text("At least one unit")


def test_escape_returns_the_focus_to_the_cancel_button(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=1)
    dialog = _opens_cancel_dialog(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()


def test_bob_the_purchaser_buys_and_cancels_too(world: World, page: Page) -> None:
    world.signs_in(page, world.bob)
    world.buys(page, GROK, input=2)
    dialog = _opens_cancel_dialog(page)
    dialog.get_by_role("button", name="Confirm cancellation").click()
    expect(page.get_by_text("Cancelled 1 input unit:")).to_be_visible()
    history = section(page, "Prior transactions")
    expect(history.get_by_role("row", name="Bob")).to_have_count(2)


def _abort_post(route: Route) -> None:
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


def _opens_cancel_dialog(page: Page) -> Locator:
    section(page, "Active").get_by_role("button", name="Cancel", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Units to cancel", exact=True)).to_be_focused()
    return dialog
