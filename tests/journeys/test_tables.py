"""Tables fit every screen, and lists of many rows are searched, filtered and paged."""

import re
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.journeys.world import GROK, World, section
from tests.site import Site

WIDTHS = (1440, 1280, 1200, 1100, 1024, 768, 390)

# The longest texts and the largest amounts that people meet; more lots than fit on two pages.
POPULATE = """
from datetime import timedelta
from decimal import Decimal
from accounts.models import Organization, Role, User
from accounts.operations.audit import Actor
from django.utils import timezone
from accounts.operations.members import add_member
from capacity.models import GatewayRequest, Lot
from billing.domain.money import Money
from billing.models import OrderForm
from capacity.operations.approvals import decline_request, set_approval_threshold
from capacity.operations.cancellations import cancel_units
from capacity.operations.clock import advance_clock
from capacity.operations.quote_requests import (
    answer_quote_request,
    request_quote,
    withdraw_quote_request,
)
from capacity.queries.quote_requests import ExpectedTraffic
from capacity.operations.purchasers import set_purchaser_limit
from capacity.operations.purchases import buy_units
from capacity.usage.operations.events import UsageEvent, record_usage

acme = Organization.objects.get(public_id="{organization}")
alice = Actor("page", acme.memberships.get(role="owner").user)
User.objects.filter(pk=alice.user.pk).update(name="Alexandra Konstantinopolitanskaya")
change = dict(organization=acme, by=alice)
now = acme.clock_at
buy_units(**change, model="{model}", units=dict(input=900_000, output=1), now=now)
for _ in range(60):
    buy_units(**change, model="{model}", units=dict(input=4, output=4), now=now)
old, new = Lot.objects.filter(organization=acme, kind="output").order_by("pk")[:2]
cancel_units(**change, lot_id=new.public_id, units=2, now=now)
now += timedelta(days=31)
advance_clock(**change, to=now)
acme.refresh_from_db()
cancel_units(**change, lot_id=new.public_id, units=1, now=now)
person = User.objects.create_user(
    "somebody.with.a.rather.long.name-{organization}@subsidiary.of.a.company.example",
    name="Wolfeschlegelsteinhausenbergerdorff",
)
add_member(organization=acme, user=person, role=Role.PURCHASER, by=alice, now=now)
limit = Money(12_345_678_901, "usd")
set_purchaser_limit(**change, user_id=person.public_id, limit=limit, now=now)
set_approval_threshold(**change, threshold=Money(0, "usd"), now=now)
asked = [
    buy_units(
        organization=acme,
        by=Actor("page", person),
        model="{model}",
        units=dict(input=900_000, output=900_000),
        now=now,
    )
    for _ in range(2)
]
decline_request(**change, request_id=asked[0].public_id, reason="Too early. " * 20, now=now)
models = [ExpectedTraffic("{model}", 10**10, 10**10), ExpectedTraffic("gpt-5.4", 1, 0)]
asked = [
    request_quote(**change, models=models, note="From spring on. " * 20, now=now) for _ in range(2)
]
withdraw_quote_request(**change, request_id=asked[0].public_id, now=now)
terms = "Of this there is more than fits on one page.\\n\\n" * 40
form = OrderForm(starts_on=now.date(), terms=terms)
answer_quote_request(
    request=asked[1],
    form=form,
    model_discounts=dict.fromkeys(["{model}", "gpt-5.4"], Decimal("12.5")),
    reply="With our thanks. " * 20,
    by=alice,
    now=now,
)
record_usage(
    organization=acme,
    events=[UsageEvent("batch", now, "{model}", 10**12, 10**9)],
    now=now,
    received_on=now.date(),
)
GatewayRequest.objects.create(
    organization=acme,
    request_id="greq_of_acme",
    admitted_at=timezone.now(),
    at=now,
    model="{model}",
    project=acme.projects.get().public_id,
    key="key_of_nobody",
    served="refused",
    reason="window_exhausted",
    refusal="tokens_per_minute",
    estimate=dict(input=10**9, output=10**9),
    windows=[dict(pool="pt_1", kind="input", limit=10**12, used=10**12)],
)
print(new.public_id)
"""

# What is wrong with the page as it is laid out now, as a list of sentences.
FAULTS = r"""() => {
  const width = document.documentElement.clientWidth, faults = [];
  const boxOf = (element) => element.getBoundingClientRect();
  const isShown = (element) => element.checkVisibility() && boxOf(element).width > 1
    && !element.closest(".visually-hidden, caption, [hidden]");
  const isOut = (box, frame) => box.left < frame.left - 1 || box.right > frame.right + 1;
  const name = (element) => (element.innerText || element.name || element.outerHTML).slice(0, 60);
  if (document.documentElement.scrollWidth > width) faults.push("the page scrolls sideways");
  for (const control of document.querySelectorAll("main :is(button, .btn, input, select)")) {
    if (isShown(control) && isOut(boxOf(control), {left: 0, right: width}))
      faults.push(`out of the window: ${name(control)}`);
  }
  const cells = [...document.querySelectorAll(".rows :is(th, td)")].filter(
    (cell) => isShown(cell) && boxOf(cell.closest("thead, tbody")).width > 1
  );
  for (const cell of cells) {
    if (cell.scrollWidth > cell.clientWidth + 1) faults.push(`clipped: ${name(cell)}`);
    if (isOut(boxOf(cell), boxOf(cell.closest(".scroll"))))
      faults.push(`out of its table: ${name(cell)}`);
  }
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode());) {
    if (!isShown(text.parentElement) || text.parentElement.closest(".breaks")) continue;
    for (const word of text.data.matchAll(/\S+/g)) {
      const range = new Range();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) faults.push(`broken: ${word[0]}`);
    }
  }
  return [...new Set(faults)];
}"""


@pytest.fixture(scope="module")
def big(site: Site) -> World:
    """A sandbox with 122 lots, one of them large, cancelled and expired units, and an invoice."""
    world = World.at(site)
    script = POPULATE.format(organization=world.organization, model=GROK)
    site.manage("shell", "--no-imports", "-c", script)
    return world


def test_no_table_leaves_the_screen_at_any_width(big: World, page: Page) -> None:
    big.signs_in(page, big.alice)
    page.goto(f"{big.settings}/invoices/")
    invoice = page.get_by_role("link", name="-0001").get_attribute("href") or ""
    page.goto(f"{big.site.url}{invoice}")
    line = page.get_by_role("link", name="Charges", exact=True).first.get_attribute("href") or ""
    page.goto(f"{big.settings}/usage/")
    window = page.get_by_role("link", name="Why").first.get_attribute("href") or ""
    page.goto(f"{big.model(GROK)}?lots-state=ending")
    lot = section(page, "Active").get_by_role("link", name="output unit").get_attribute("href")
    paths = [
        f"/organizations/{big.organization}/settings/{path}"
        for path in (
            "scale-tier/",
            f"scale-tier/models/{GROK}/",
            f"scale-tier/models/{GROK}/?lots=2&lots-kind=x&lots-q=zzz&expired-q=zzz",
            f"scale-tier/models/{GROK}/timeline/",
            "purchase-requests/",
            "order-form/",
            "limits/",
            "forecast/",
            "usage/",
            "usage/?window=1d",
            "showback/",
            f"usage/landing/?model={GROK}&input_tokens=1000000000&request=greq_of_acme",
            "usage/alerts/",
            f"plan-capacity/?model={GROK}&input_tpm=10000000000",
            "invoices/",
            "invoices/upcoming/",
            "projects/",
            "members/",
            "api-keys/",
            "audit-log/",
        )
    ]
    faults: list[str] = []
    for path in (*paths, invoice, line, lot, window, "/accounts/sessions/"):
        page.goto(f"{big.site.url}{path}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            faults += [f"{path} at {width}: {fault}" for fault in page.evaluate(FAULTS)]
    assert not faults, "\n".join(faults)


def test_long_terms_flow_to_a_second_page_and_the_signature_stays_whole(
    big: World, page: Page
) -> None:
    big.signs_in(page, big.alice)
    page.goto(f"{big.settings}/order-form/")
    page.get_by_role("link", name="Read and sign").click()
    for width in (WIDTHS[0], WIDTHS[-1]):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(FAULTS) == []
    first, second = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True))).pages
    assert "Of this there is more" in first.extract_text()
    text = second.extract_text()
    assert text.index("Of this there is more") < text.index("Signature") < text.index("Name, date")


def test_a_list_follows_what_is_typed_and_chosen(big: World, page: Page) -> None:
    big.signs_in(page, big.alice)
    page.goto(big.model(GROK))
    active, history = section(page, "Active"), section(page, "Prior transactions")
    expect(active).to_contain_text("1–50 of 122")
    active.get_by_label("Kind of active lots").select_option("Output")
    expect(active).to_contain_text("1–50 of 61")
    history.get_by_label("Type of prior transactions").select_option("Expiry")
    expect(history.get_by_role("row")).to_have_count(2)
    search = active.get_by_role("searchbox")
    search.press_sequentially("nobody")
    expect(active).to_contain_text("No active lot matches")
    expect(search).to_be_focused()
    expect(search).to_have_value("nobody")
    expect(history.get_by_role("row")).to_have_count(2)
    active.get_by_role("link", name="Clear filters").click()
    expect(active).to_contain_text("1–50 of 122")
    expect(page).to_have_url(re.compile(r"\?transactions-type=expiry#lots$"))
    expect(search).to_have_value("")


def test_the_pages_of_a_list_keep_its_filters_and_the_focus(big: World, page: Page) -> None:
    big.signs_in(page, big.alice)
    page.goto(big.model(GROK))
    active, history = section(page, "Active"), section(page, "Prior transactions")
    history.get_by_label("Type of prior transactions").select_option("Expiry")
    expect(history.get_by_role("row")).to_have_count(2)
    active.get_by_role("link", name="Next").click()
    expect(active).to_contain_text("51–100 of 122")
    expect(active.get_by_role("link", name="Next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(active).to_contain_text("101–122 of 122")
    expect(active.get_by_role("heading", name="Active")).to_be_focused()
    expect(page).to_have_url(re.compile("transactions-type=expiry&lots=3$"))
    active.get_by_label("Page", exact=True).fill("2")
    active.get_by_role("button", name="Go").click()
    expect(active).to_contain_text("51–100 of 122")
    page.go_back()
    expect(active).to_contain_text("101–122 of 122")


def test_whoever_is_signed_out_meanwhile_signs_in_and_sees_what_was_chosen(
    big: World, page: Page
) -> None:
    big.signs_in(page, big.alice)
    page.goto(big.model(GROK))
    page.context.clear_cookies()
    section(page, "Active").get_by_label("Kind of active lots").select_option("Output")
    big.alice.signs_in_here(page)
    expect(section(page, "Active")).to_contain_text("1–50 of 61")


def test_an_id_is_copied_whole(big: World, browser: Browser) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    big.signs_in(page, big.alice)
    page.goto(big.model(GROK))
    row = section(page, "Active").get_by_role("row").nth(1)
    button = row.get_by_role("button", name="Copy lot_")
    button.focus()
    page.keyboard.press("Enter")
    expect(row.get_by_role("status")).to_have_text("Copied")
    expect(button).to_be_focused()
    copied: Any = page.evaluate("navigator.clipboard.readText()")
    assert copied == row.get_attribute("id")
    context.close()


def test_lists_are_searched_without_javascript(big: World, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    big.signs_in(page, big.alice)
    page.goto(f"{big.model(GROK)}?transactions-type=expiry")
    active = section(page, "Active")
    active.get_by_label("Kind of active lots").select_option("Output")
    active.get_by_label("Order of active lots").select_option("Oldest first")
    active.get_by_role("button", name="Apply").click()
    expect(active).to_contain_text("1–50 of 61")
    active.get_by_role("link", name="Next").click()
    expect(active).to_contain_text("51–61 of 61")
    expect(section(page, "Prior transactions").get_by_role("row")).to_have_count(2)
    context.close()
