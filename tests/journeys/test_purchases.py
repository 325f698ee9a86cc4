"""Adding capacity: choose, watch the Summary, check out, confirm."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.journeys.world import GPT, GROK, World, another_showing, section, summary
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
        "22 days",
        "2026-01-10 to 2026-02-01",
        "2026-02-09",
        "negotiated discounts appear on the invoice",
    ):
        expect(summary(page)).to_contain_text(figure)

    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("$1,760.00")
    dialog.get_by_role("button", name="Confirm purchase").click()

    page.wait_for_url(world.model(GROK))
    told = page.get_by_role("status").filter(has_text="Bought 4 input and 4 output units")
    expect(told).to_be_visible()
    active = section(page, "Active")
    expect(active.get_by_role("row", name="4 input units")).to_contain_text("126,000")
    expect(active.get_by_role("row", name="4 output units")).to_contain_text("2026-02-09")
    expect(section(page, "Prior transactions")).to_contain_text("First term to 2026-02-01")

    page.goto(world.scale_tier)
    expect(section(page, "Provisioned tokens").get_by_role("row", name=GROK)).to_contain_text(
        "$80.00"
    )


def test_number_and_slider_move_together(world: World, page: Page) -> None:
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


def test_what_was_typed_survives_another_model(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    page.get_by_label("Model", exact=True).select_option(GPT)
    expect(summary(page)).to_contain_text("$440.00")
    expect(page.get_by_label("Input units", exact=True)).to_have_value("4")


def test_the_summary_follows_within_a_tenth_of_a_second(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=1)
    expect(summary(page)).to_contain_text("$300.00")
    took = []
    for number in range(2, 8):
        with page.expect_response(lambda response: "/add/summary/" in response.url) as answer:
            page.get_by_label("Input units", exact=True).fill(str(number))
        timing = answer.value.request.timing
        answer.value.finished()
        took.append(timing["responseStart"] - timing["requestStart"])
    assert min(took) < 100


def test_alice_buys_by_keyboard_alone(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.goto(f"{world.scale_tier}add/")
    page.get_by_label("Model", exact=True).focus()
    page.keyboard.type("grok", delay=120)  # As people do: the first letters are answered between.
    expect(page.get_by_text("1 unit = 31,500 input TPM")).to_be_visible()
    expect(page.get_by_label("Input units", exact=True)).to_be_enabled()
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    page.keyboard.press("Tab")  # The slider.
    page.keyboard.press("ArrowRight")
    expect(summary(page)).to_contain_text("$30.00")
    page.keyboard.press("Tab")  # Output units.
    page.keyboard.press("Enter")  # As in any form.
    expect(page.get_by_role("dialog")).to_contain_text("3 input units")
    for _ in range(3):  # Close, Back, Confirm purchase.
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Bought 3 input units")).to_be_visible()


def test_escape_leaves_the_dialog_and_returns_to_checkout(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=2)
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Checkout")).to_be_focused()
    expect(page.get_by_label("Input units", exact=True)).to_have_value("2")


def test_without_a_unit_there_is_nothing_to_confirm(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK)
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("Choose at least one unit")
    expect(dialog.get_by_role("button", name="Confirm purchase")).to_have_count(0)


def test_without_an_order_form_alice_is_told_to_get_one(site: Site, page: Page) -> None:
    world = World.at(site, "2026-01-10T15:20:00Z", "--no-order-form")
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    _is_refused(page, "order form")
    page.get_by_role("dialog").get_by_role("link", name="Back").click()
    expect(page.get_by_label("Input units", exact=True)).to_have_value("4")


def test_beyond_the_supply_alice_is_told_how_many_are_left(world: World, page: Page) -> None:
    world.site.manage("supply", "o3-2025-04-16", "input", "3")
    try:
        world.signs_in(page, world.alice)
        world.chooses(page, "o3-2025-04-16", input=5)
        expect(page.get_by_text("3 units left")).to_be_visible()
        _is_refused(page, "Only 3 input units")
        page.get_by_role("dialog").get_by_role("link", name="Back").click()
        page.get_by_label("Input units", exact=True).fill("3")
        page.get_by_role("button", name="Checkout").click()
        page.get_by_role("button", name="Confirm purchase").click()
        expect(page.get_by_text("Bought 3 input units")).to_be_visible()
    finally:
        world.site.manage("supply", "o3-2025-04-16", "input", "none")


def test_a_model_that_retires_too_soon_is_refused(world: World, page: Page, tmp_path: Path) -> None:
    price = {"from": "2024-01-01", "amount": 1000, "currency": "usd"}
    retiring = {
        "id": "lynx-2024-01-01",
        "provider": "acme",
        "name": "Lynx",
        "cached_weight": "0.5",
        "output_weight": None,
        "retires_on": "2026-02-01",
        "units": [{"kind": "input", "tpm": 1000, "prices": [price]}],
        "source": "made up for a test",
    }
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps({"format": "scaletier-catalog-1", "models": [retiring]}))
    world.site.manage("catalog", "import", str(catalogue))
    world.signs_in(page, world.alice)
    world.chooses(page, "lynx-2024-01-01", input=1)
    _is_refused(page, "retires on 2026-02-01")


def test_the_same_confirmation_sent_twice_buys_once(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, input=4)
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("button", name="Confirm purchase")).to_be_visible()
    form = page.get_by_role("dialog").locator("form")
    fields = form.evaluate("form => Object.fromEntries(new FormData(form))")
    address = form.evaluate("form => form.action")
    for _ in range(2):
        answer = page.request.post(address, form=fields, headers={"Referer": page.url})
        assert answer.ok
        assert answer.url == world.model(GROK)
    page.goto(world.model(GROK))
    cancel = section(page, "Active").get_by_role("button", name="Cancel", exact=True)
    expect(cancel).to_have_count(1)


def _is_refused(page: Page, reason: str) -> None:
    """At checkout and again on confirming; the dialog stays and says why."""
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text(reason)
    with another_showing(dialog):
        dialog.get_by_role("button", name="Confirm purchase").click()
    expect(dialog.get_by_role("alert")).to_contain_text(reason)
