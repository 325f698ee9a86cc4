"""A person sees where they are signed in, and ends it one by one or all others at once."""

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from tests.cast import Acme, signed_in

pytestmark = pytest.mark.django_db

SESSIONS = "/accounts/sessions/"


def is_in(browser: Client) -> bool:
    return browser.get("/").headers["Location"].startswith("/organizations/")


def test_alice_signs_out_of_one_browser_and_then_of_all_others(acme: Acme) -> None:
    here, lost, work, other = (signed_in(acme.alice) for _ in range(4))
    keys: dict[Client, str] = {}
    for browser in (here, lost, work, other):
        browser.defaults["HTTP_USER_AGENT"] = f"Browser {len(keys)}"
        browser.get("/")
        keys[browser] = str(browser.session.session_key)
    row = UserSession.objects.get(session_key=keys[lost])
    assert f'action="{reverse("end_session", args=[row.pk])}"' in here.get(SESSIONS).text
    own = UserSession.objects.get(session_key=keys[here])
    assert reverse("end_session", args=[own.pk]) not in here.get(SESSIONS).text

    ended = here.post(reverse("end_session", args=[row.pk]), follow=True)

    assert "That session has ended" in ended.text
    assert not is_in(lost)
    assert is_in(work)
    assert here.post(reverse("end_session", args=[row.pk])).status_code == 404
    here.post(SESSIONS)
    assert [is_in(browser) for browser in (here, work, other)] == [True, False, False]
    entries = acme.organization.audit_entries.filter(action="session.ended").order_by("pk")
    browsers = [(entry.after or {})["browser"] for entry in entries]
    assert browsers == ["Browser 1", "Browser 2", "Browser 3"]
    assert {entry.actor for entry in entries} == {acme.alice.person}


def test_nobody_ends_the_session_of_somebody_else(acme: Acme) -> None:
    alice, bob = signed_in(acme.alice), signed_in(acme.bob)
    for browser in (alice, bob):
        browser.get("/")
    row = UserSession.objects.get(user=acme.alice.person)

    assert bob.post(reverse("end_session", args=[row.pk])).status_code == 404
    assert bob.post(f"/accounts/sessions/{10**30}/end/").status_code == 404
    assert is_in(alice)
