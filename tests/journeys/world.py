"""The people of the journeys. They find things by label and role, as everybody does."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from re import Pattern

from playwright.sync_api import Locator, Page, Route, expect

from tests.site import Site

SEND_EMAILS = """
from django.utils import timezone
from accounts.operations.emails import send_due_emails
send_due_emails(now=timezone.now())
"""
GROK = "grok-4-1-fast-reasoning"
GPT = "gpt-4.1-2025-04-14"


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    password: str
    role: str
    api_key: str

    @property
    def name(self) -> str:
        return self.email.split("-")[0].capitalize()

    def signs_in_here(self, page: Page) -> None:
        """Fill in the sign-in form on the present page."""
        expect(page).to_have_url(re.compile("/accounts/login/"))
        page.get_by_label("Email").fill(self.email)
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in").click()


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox organization and its people: Alice owns it, Bob may buy, Mallory is a member."""

    site: Site
    organization: str
    alice: Person
    bob: Person
    mallory: Person

    @classmethod
    def at(cls, site: Site, instant: str = "2026-01-10T15:20:00Z", *options: str) -> "World":
        sandbox = json.loads(site.manage("sandbox", "--at", instant, "--json", *options))
        people = {
            user["role"]: Person(user["email"], user["password"], user["role"], user["api_key"])
            for user in sandbox["users"]
        }
        return cls(
            site, sandbox["organization"], people["owner"], people["purchaser"], people["member"]
        )

    @property
    def settings(self) -> str:
        return f"{self.site.url}/organizations/{self.organization}/settings"

    @property
    def scale_tier(self) -> str:
        return f"{self.settings}/scale-tier/"

    def model(self, model: str) -> str:
        return f"{self.scale_tier}models/{model}/"

    def signs_in(self, page: Page, person: Person) -> None:
        page.goto(f"{self.site.url}/accounts/login/")
        person.signs_in_here(page)
        page.wait_for_url(re.compile("/organizations/"))

    def chooses(self, page: Page, model: str, **units: int) -> None:
        """Fill in the Add capacity page."""
        page.goto(f"{self.scale_tier}add/")
        page.get_by_label("Model", exact=True).select_option(model)
        for kind, number in units.items():
            page.get_by_label(f"{kind.capitalize()} units", exact=True).fill(str(number))

    def buys(self, page: Page, model: str, **units: int) -> None:
        self.chooses(page, model, **units)
        page.get_by_role("button", name="Checkout").click()
        self.confirms_purchase(page)

    def confirms_purchase(self, page: Page) -> None:
        """Confirm in the dialog, and wait for the page that follows, with its scripts."""
        page.get_by_role("dialog").get_by_role("button", name="Confirm purchase").click()
        expect(page.get_by_role("status").filter(has_text="active now")).to_be_visible()
        page.wait_for_load_state()

    def uses(self, page: Page, *events: tuple[str, int], model: str = GROK) -> None:
        """Send requests of Alice's application, each with its instant and its input tokens."""
        body = [
            {
                "id": f"request at {at} with {tokens}",
                "at": at,
                "model": model,
                "input_tokens": tokens,
                "output_tokens": 100,
            }
            for at, tokens in events
        ]
        response = page.request.post(
            f"{self.site.url}/api/v1/usage/events",
            data={"events": body},
            headers={"Authorization": f"Bearer {self.alice.api_key}"},
        )
        assert response.json()["accepted"] == len(events), response.text()

    def invitation_link(self, email: str) -> str:
        """The link in the newest invitation that was mailed to an address."""
        self.site.manage("shell", "--no-imports", "-c", SEND_EMAILS)
        messages = sorted(
            (self.site.home / "mail").iterdir(), key=lambda file: file.stat().st_mtime
        )
        texts = [text for file in messages if f"To: {email}" in (text := file.read_text())]
        link = re.search(r"http://\S+/invitations/\S+", texts[-1])
        assert link
        return link[0]


@contextmanager
def expect_new_dialog(dialog: Locator) -> Iterator[None]:
    """Expect the block to bring the same dialog again from the server.

    Each dialog that the server sends has an idempotency key of its own.
    """
    key = dialog.locator("[name=key]")
    key_before = key.input_value()
    yield
    expect(key).not_to_have_value(key_before)


def hold_requests(page: Page, url: str | Pattern[str]) -> list[Route]:
    """Return a list in which requests to a URL wait until the test lets them continue."""
    held_requests: list[Route] = []

    def hold(route: Route) -> None:
        held_requests.append(route)

    page.route(url, hold)
    return held_requests


def summary(page: Page) -> Locator:
    return page.get_by_role("region", name="Summary")


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)
