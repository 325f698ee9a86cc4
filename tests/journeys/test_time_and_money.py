"""Time and money: days open, an invoice is issued, explained to the cent, and paid."""

import re
import time

from playwright.sync_api import Browser, Locator, Page, expect
from pypdf import PdfReader

from tests.journeys.world import GROK, World, hold_requests, section

FIRST_INVOICE = re.compile(r"Invoice [A-Z0-9]+-0001")
TIMEOUT_SECONDS = 90  # Invoices are synced every 20 seconds, and the machine may be busy.


def expect_clock(page: Page, text: str) -> None:
    expect(page.get_by_role("complementary", name="Sandbox clock")).to_contain_text(text)


def opens_the_first_invoice(world: World, page: Page) -> None:
    world.buys(page, GROK, input=4, output=2)
    page.get_by_role("button", name="To the end of the period").click()
    expect(page.get_by_text("22 days opened")).to_be_visible()
    page.get_by_role("link", name="Invoices").click()
    page.get_by_role("link", name=FIRST_INVOICE).click()
    expect(page.get_by_role("heading", level=1, name=FIRST_INVOICE)).to_be_visible()


def reloads_until_present(page: Page, element: Locator) -> None:
    """The worker and the provider work in the background, so their results appear later."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not element.count():
        assert time.monotonic() < deadline, page.content()
        page.wait_for_timeout(1000)
        page.reload()


def test_alice_moves_the_clock_and_follows_the_money(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, input=4, output=2)
    expect_clock(page, "2026-01-10 15:20 UTC")

    page.get_by_role("link", name="Invoices").click()
    upcoming = section(page, "Upcoming invoice")
    expect(upcoming).to_contain_text("$1,320.00")  # Six units, 22 days to the period's end.
    expect(upcoming).to_contain_text("2026-02-01")
    expect(page.get_by_text("No invoices yet")).to_be_visible()

    page.get_by_role("button", name="To the end of the period").click()
    expect(page.get_by_text("22 days opened, 2 charges, 1 invoice")).to_be_visible()
    expect(page).to_have_url(f"{world.settings}/invoices/")
    expect_clock(page, "2026-02-01 00:00 UTC")

    page.get_by_role("link", name=FIRST_INVOICE).click()
    expect(page.get_by_role("heading", level=1, name=FIRST_INVOICE)).to_be_visible()
    expect(page.get_by_role("row", name="Output units, first term")).to_contain_text("$440.00")
    expect(page.get_by_role("article")).to_contain_text("$1,320.00")

    page.get_by_role("link", name="Charges", exact=True).last.click()
    expect(page.get_by_role("heading", name="1 charge", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="2026-01-10")).to_contain_text("→ 2026-01-31")

    reads_the_history_of_the_lot(page)
    finds_unused_units_and_sets_alerts(world, page)


def reads_the_history_of_the_lot(page: Page) -> None:
    page.get_by_role("link", name=re.compile("^lot_")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 output units")
    charges = section(page, "Charges")
    expect(charges.get_by_role("row", name="First term")).to_contain_text("$440.00")
    expect(charges.get_by_role("row", name="Renewal")).to_contain_text("$20.00")
    expect(section(page, "Prior transactions")).to_contain_text("Purchase")


def finds_unused_units_and_sets_alerts(world: World, page: Page) -> None:
    page.goto(world.scale_tier)
    unused = section(page, "Unused and exhausted")
    expect(unused).to_contain_text(f"4 input units of {GROK} unused for 7 days: $40.00 a day")
    unused.get_by_role("link", name="Cancel 4 input").press("Enter")
    expect(page.get_by_label("Units to cancel", exact=True)).to_have_value("4")
    page.keyboard.press("Escape")
    unused.get_by_role("link", name="Usage alerts").click()
    page.get_by_role("button", name="Change rules").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Units unused for, days").fill("7 days")
    dialog.get_by_role("button", name="Set rules").click()
    expect(dialog.get_by_label("Units unused for, days")).to_have_accessible_description(
        re.compile("Enter a whole number of days from 1 to 30")
    )
    dialog.get_by_label("Units unused for, days").fill("7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The alert rules are set")
    expect(section(page, "Alert rules")).to_contain_text("Unused for 7 days")


def test_alice_pays_an_invoice_at_the_provider(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    opens_the_first_invoice(world, page)
    invoice_url = page.url
    expect(page.get_by_role("article")).to_contain_text("Open")

    pay_link = page.get_by_role("link", name="Pay $1,320.00")
    reloads_until_present(page, pay_link)
    pay_link.click()
    expect(page).not_to_have_url(re.compile(re.escape(world.site.url)))
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_text("This invoice is paid.")).to_be_visible()

    page.goto(invoice_url)
    reloads_until_present(page, page.get_by_role("article").get_by_text("Paid", exact=True))
    expect(pay_link).to_have_count(0)


def test_alice_enters_billing_details_and_downloads_her_invoice_as_pdf(
    world: World, page: Page
) -> None:
    world.signs_in(page, world.alice)
    page.get_by_role("link", name="Billing details").click()
    page.get_by_label("Name").fill("Acme Holding GmbH")
    page.get_by_label("Address").fill("Straße der Künste 12\n10115 Berlin")
    page.get_by_label("Country").select_option("Germany")
    page.get_by_label("Billing email").fill("nobody")
    page.get_by_label("Purchase order number").fill("PO-17")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Billing email")).to_have_accessible_description(
        re.compile("Enter a valid email address")
    )
    page.get_by_label("Billing email").fill("billing@acme.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The billing details are saved")

    opens_the_first_invoice(world, page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    number = re.search("[A-Z0-9]+-0001", page.title())
    assert number
    assert download.value.suggested_filename == f"invoice-{number[0]}.pdf"
    [sheet] = PdfReader(download.value.path()).pages
    lines = sheet.extract_text().splitlines()
    for line in (f"Invoice {number[0]}", "Acme Holding GmbH", "10115 Berlin", "Germany"):
        assert line in lines
    assert {"Purchase order PO-17", "Total USD $1,320.00"} <= set(lines)


def test_alice_reads_beside_the_clock_why_it_does_not_move(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.goto(world.scale_tier)
    page.get_by_label("Move to").fill("2026-01-05")
    page.get_by_role("button", name="Move clock").click()

    expect(page.get_by_role("alert")).to_contain_text("never goes back")
    expect(page).to_have_url(world.scale_tier)
    expect(page.get_by_label("Move to")).to_be_focused()
    expect(page.get_by_label("Move to")).to_have_value("2026-01-05")

    page.get_by_label("Move to").fill("2026-01-12")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 days opened")).to_be_visible()
    expect_clock(page, "2026-01-12 00:00 UTC")


def test_alice_sees_that_days_are_being_opened(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    held_requests = hold_requests(page, "**/settings/clock/")
    with page.expect_request("**/settings/clock/"):
        page.get_by_role("button", name="+7 days").click()

    expect_clock(page, "Opening days…")
    for button in ("+1 day", "+7 days", "To the end of the period", "Move clock"):
        expect(page.get_by_role("button", name=button)).to_be_disabled()
    expect(page.get_by_label("Move to")).to_be_disabled()
    held_requests.pop().abort()
    expect(page.get_by_text("could not be reached")).to_be_visible()
    expect(page.get_by_role("button", name="+7 days")).to_be_focused()

    with page.expect_request("**/settings/clock/"):
        page.keyboard.press("Enter")
    expect_clock(page, "Opening days…")
    held_requests.pop().continue_()
    expect(page.get_by_text("7 days opened")).to_be_visible()
    expect_clock(page, "2026-01-17 15:20 UTC")


def test_alice_moves_the_clock_without_javascript(world: World, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    world.signs_in(page, world.alice)
    page.goto(f"{world.settings}/invoices/")
    page.get_by_label("Move to").fill("2027-01-01")
    page.get_by_role("button", name="Move clock").click()
    expect(page.get_by_role("alert")).to_contain_text("at most 31 days")

    page.get_by_role("button", name="+1 day").click()
    expect(page).to_have_url(f"{world.settings}/invoices/")
    expect_clock(page, "2026-01-11 15:20 UTC")
    page.context.close()


def test_bob_reads_invoices_but_does_not_move_the_clock(world: World, page: Page) -> None:
    world.signs_in(page, world.bob)
    page.get_by_role("link", name="Invoices").click()
    expect(page.get_by_role("heading", level=1, name="Invoices")).to_be_visible()
    expect_clock(page, "2026-01-10 15:20 UTC")
    expect(page.get_by_role("button", name="Move clock")).to_have_count(0)


def test_an_invoice_prints_on_one_page_without_the_page_header(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    opens_the_first_invoice(world, page)

    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    page.emulate_media(media="print")
    for role in ("banner", "navigation", "complementary"):
        expect(page.get_by_role(role)).to_have_count(0)
    expect(page.get_by_role("button")).to_have_count(0)
