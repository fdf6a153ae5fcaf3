"""Whom a request counts for: the peer, or whom a proxy on this machine names; of IPv6 a customer, not an address."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from lingxiu.accounts.sessions import network_address


def asked_by(peer: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return network_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "10.0.0.1, 198.51.100.7", "198.51.100.7"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        ("127.0.0.1", "198.51.100.7:5678", "198.51.100.7"),
        ("127.0.0.1", "10.0.0.1, [2001:db8:1:2::9]:80", "2001:db8:1:2::"),
        ("127.0.0.1", "[2001:db8:1:2::9]", "2001:db8:1:2::"),
        ("127.0.0.1", "[::1]:80", "::"),
        ("", "198.51.100.7", "198.51.100.7"),
        ("", None, ""),
    ],
)
def test_a_proxy_on_this_machine_is_believed_and_nobody_else(peer: str, forwarded: str | None, found: str) -> None:
    assert asked_by(peer, forwarded) == found


@pytest.mark.parametrize(
    "forwarded", ["unknown", "203.0.113.9:x", "[203.0.113.9", "[]:80", "1.2.3:80", "x" * 5000, "1.2.3.4,"]
)
def test_what_is_no_address_counts_for_the_proxy(forwarded: str) -> None:
    assert asked_by("127.0.0.1", forwarded) == "127.0.0.1"


def test_neighbours_in_one_ipv6_network_are_one(db: None) -> None:
    assert len({asked_by(f"2001:db8:1:2::{n:x}") for n in range(200)}) == 1
    assert asked_by("2001:db8:1:3::1") != asked_by("2001:db8:1:2::1")


def test_signing_in_behind_a_proxy_that_adds_the_port_is_no_fault_of_ours(db: None) -> None:
    fields = {"username": "x", "password": "y"}
    answer = Client().post(
        "/sign-in/", fields, REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "203.0.113.9:5555"}
    )
    assert answer.status_code == 400
