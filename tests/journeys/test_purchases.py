"""Adding capacity: choose units, read the Summary, check out, confirm."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.journeys.world import GPT, GROK, World, section, summary
from tests.site import Site


def test_alice_buys_the_worked_example_of_the_docs(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Add capacity").click()
    page.get_by_label("Model", exact=True).select_option(GROK)
    page.get_by_label("Input units", exact=True).fill("4")
    page.get_by_label("Output units", exact=True).fill("4")

    for figure in (
        "126,000",
        "50,000",
        "$80.00",
        "$2,400.00",
        "$1,760.00",
        "for 22 days, on the invoice of 2026-02-01",
        "every day from 2026-02-01 on",
        "for 30 days, to 2026-02-08 inclusive",
        "2026-01-10 → 2026-01-31",
        "2026-01-10 → 2026-02-08",
        "negotiated discounts appear on the invoice",
    ):
        expect(summary(page)).to_contain_text(figure)

    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("$1,760.00")
    dialog.get_by_role("button", name="Confirm purchase").click()

    page.wait_for_url(world.model(GROK))
    message = page.get_by_role("status").filter(has_text="Bought 4 input units and 4 output units")
    expect(message).to_be_visible()
    active = section(page, "Active")
    expect(active.get_by_role("row", name="4 input units")).to_contain_text("126,000")
    expect(active.get_by_role("row", name="4 output units")).to_contain_text("→ 2026-02-08")
    expect(section(page, "Prior transactions")).to_contain_text(
        "Last day of the first term 2026-01-31"
    )

    page.goto(world.scale_tier)
    expect(section(page, "Provisioned tokens").get_by_role("row", name=GROK)).to_contain_text(
        "$80.00"
    )


def test_the_number_and_the_slider_move_together(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    number = page.get_by_label("Input units", exact=True)
    slider = page.get_by_label("Input units slider")
    expect(slider).to_have_value("4")

    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(number).to_have_value("5")
    expect(summary(page)).to_contain_text("$50.00")

    number.fill("170")
    expect(slider).to_have_value("170")
    expect(summary(page)).to_contain_text("$1,700.00")


def test_alice_keeps_the_typed_units_when_she_changes_the_model(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    page.get_by_label("Model", exact=True).select_option(GPT)
    expect(summary(page)).to_contain_text("$440.00")
    expect(page.get_by_label("Input units", exact=True)).to_have_value("4")


def test_the_summary_updates_within_a_tenth_of_a_second(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=1)
    expect(summary(page)).to_contain_text("$300.00")
    durations = []
    for number in range(2, 8):
        with page.expect_response(lambda response: "/add/summary/" in response.url) as info:
            page.get_by_label("Input units", exact=True).fill(str(number))
        timing = info.value.request.timing
        info.value.finished()
        durations.append(timing["responseStart"] - timing["requestStart"])
    assert min(durations) < 100


def test_alice_buys_by_keyboard_alone(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.goto(f"{world.scale_tier}add/")
    page.get_by_label("Model", exact=True).focus()
    # People type so slowly that the page responds to the first letters before the last one.
    page.keyboard.type("grok", delay=120)
    expect(page.get_by_text("1 unit = 31,500 input TPM")).to_be_visible()
    expect(page.get_by_label("Input units", exact=True)).to_be_enabled()
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    page.keyboard.press("Tab")  # To the slider.
    page.keyboard.press("ArrowRight")
    expect(summary(page)).to_contain_text("$30.00")
    page.keyboard.press("Tab")  # To the output units.
    page.keyboard.press("Enter")  # Enter submits, as in any form.
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 input units")
    # The picture, once it is there, can be read by keyboard, too.
    expect(dialog.get_by_text("As a table")).to_be_visible()
    for _ in range(5):  # To Close, the picture, its table, Back, Confirm purchase.
        page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Confirm purchase")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Bought 3 input units")).to_be_visible()


def test_escape_closes_the_dialog_and_returns_the_focus_to_checkout(
    world: World, page: Page
) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=2)
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Checkout")).to_be_focused()
    expect(page.get_by_label("Input units", exact=True)).to_have_value("2")


def test_alice_cannot_confirm_a_purchase_without_units(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK)
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("Choose at least one unit")
    expect(dialog.get_by_role("button", name="Confirm purchase")).to_have_count(0)


def test_without_an_order_form_alice_reads_that_she_needs_one(site: Site, page: Page) -> None:
    world = World.at(site, "2026-01-10T15:20:00Z", "--no-order-form")
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    _expect_refusal(page, "order form")
    page.get_by_role("dialog").get_by_role("link", name="Close").click()
    expect(page.get_by_label("Input units", exact=True)).to_have_value("4")


def test_alice_reads_how_many_units_are_left_when_she_wants_more(world: World, page: Page) -> None:
    world.site.manage("supply", "o3-2025-04-16", "input", "3")
    try:
        world.signs_in(page, world.alice)
        world.chooses(page, "o3-2025-04-16")
        expect(page.get_by_text("3 units left")).to_be_visible()
        page.get_by_label("Input units", exact=True).fill("5")
        _expect_refusal(page, "Only 3 input units")
        page.get_by_role("dialog").get_by_role("link", name="Close").click()
        page.get_by_label("Input units", exact=True).fill("3")
        page.get_by_role("button", name="Checkout").click()
        page.get_by_role("button", name="Confirm purchase").click()
        expect(page.get_by_text("Bought 3 input units")).to_be_visible()
    finally:
        world.site.manage("supply", "o3-2025-04-16", "input", "none")


def test_alice_cannot_buy_a_model_that_retires_too_soon(
    world: World, page: Page, tmp_path: Path
) -> None:
    price = {"from": "2024-01-01", "amount": 1000, "currency": "usd"}
    retiring_model = {
        "id": "lynx-2024-01-01",
        "provider": "acme",
        "name": "Lynx",
        "cached_weight": "0.5",
        "output_weight": None,
        "retires_on": "2026-02-01",
        "units": [{"kind": "input", "tpm": 1000, "prices": [price]}],
        "source": "invented for a test",
    }
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps({"format": "scaletier-catalog-1", "models": [retiring_model]}))
    world.site.manage("catalog", "import", str(catalogue))
    world.signs_in(page, world.alice)
    world.chooses(page, "lynx-2024-01-01", input=1)
    _expect_refusal(page, "its last day is 2026-01-31")


def test_the_same_confirmation_sent_twice_buys_once(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("button", name="Confirm purchase")).to_be_visible()
    form = page.get_by_role("dialog").locator("form")
    fields = form.evaluate("form => Object.fromEntries(new FormData(form))")
    url = form.evaluate("form => form.action")
    for _ in range(2):
        response = page.request.post(url, form=fields, headers={"Referer": page.url})
        assert response.ok
        assert response.url == world.model(GROK)
    page.goto(world.model(GROK))
    cancel_buttons = section(page, "Active").get_by_role("button", name="Cancel", exact=True)
    expect(cancel_buttons).to_have_count(1)


def _expect_refusal(page: Page, reason: str) -> None:
    """Checkout shows the reason and offers nothing but to close the dialog."""
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text(reason)
    expect(dialog.get_by_role("button").or_(dialog.get_by_role("link"))).to_have_text(["Close"])
