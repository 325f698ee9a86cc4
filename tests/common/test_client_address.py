"""The client's address behind proxies, which a client can write nothing to."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from common.client_address import TrustedProxies
from tests.api_client import ApiCast

CLIENT = "203.0.113.9"
FORGED = "198.51.100.66"
PROXY, INNER_PROXY = "10.0.0.2", "10.0.0.3"
NETWORKS = "10.0.0.0/8, 2001:db8::/32"


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded_for", "client"),
    [
        # Without proxies the header is ignored.
        ("", CLIENT, FORGED, CLIENT),
        ("0", CLIENT, FORGED, CLIENT),
        ("1", PROXY, CLIENT, CLIENT),
        ("1", PROXY, f"{FORGED}, {CLIENT}", CLIENT),
        ("1", PROXY, f"{FORGED},{FORGED} ,{CLIENT}", CLIENT),
        ("2", INNER_PROXY, f"{FORGED}, {CLIENT}, {PROXY}", CLIENT),
        # A request of the inner proxy itself has one address less.
        ("2", INNER_PROXY, PROXY, PROXY),
        ("1", CLIENT, "", CLIENT),
        # What the proxy could not name is not what the client claims to be.
        ("1", PROXY, f"{FORGED}, unknown", PROXY),
        ("1", PROXY, f"{CLIENT}:4711", CLIENT),
        ("1", PROXY, "[2001:db9::7]:443", "2001:db9::7"),
        ("1", PROXY, f"::ffff:{CLIENT}", CLIENT),
        ("1", "", CLIENT, CLIENT),
        # With networks, a client that connects to us directly is believed nothing.
        (NETWORKS, CLIENT, FORGED, CLIENT),
        (NETWORKS, INNER_PROXY, f"{FORGED}, {CLIENT}, {PROXY}", CLIENT),
        (NETWORKS, "2001:db8::1", f"{FORGED}, {CLIENT}", CLIENT),
        (NETWORKS, PROXY, f"{FORGED}, unknown, {INNER_PROXY}", INNER_PROXY),
        (NETWORKS, PROXY, "", PROXY),
        # A local socket, which only this machine can connect to.
        (NETWORKS, "", f"{FORGED}, {CLIENT}", CLIENT),
        (NETWORKS, "", "", None),
        ("", "", FORGED, None),
    ],
)
def test_only_what_trusted_proxies_add_counts(
    proxies: str, peer: str, forwarded_for: str, client: str | None
) -> None:
    trusted = TrustedProxies.parse(proxies)
    assert trusted.client_of(peer=peer, forwarded_for=forwarded_for) == client


@pytest.mark.parametrize("text", ["-1", "one", "10.0.0.0/33", "10.0.0.1,", "1000000"])
def test_a_setting_that_is_neither_number_nor_network_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SCALETIER_TRUSTED_PROXIES"):
        TrustedProxies.parse(text)


@pytest.mark.django_db
@pytest.mark.parametrize(("proxies", "address"), [("", "127.0.0.1"), ("1", CLIENT)])
def test_the_audit_log_names_the_client_behind_the_proxy(
    api: ApiCast, proxies: str, address: str
) -> None:
    api.alice.headers["X-Forwarded-For"] = f"{FORGED}, {CLIENT}"
    with override_settings(TRUSTED_PROXIES=TrustedProxies.parse(proxies)):
        api.alice.post("projects", {"name": "Chat"})
    [entry] = api.acme.organization.audit_entries.filter(action="project.created")
    assert entry.address == address
