"""By which address strangers are counted, and that what is remembered of them is bounded."""

from __future__ import annotations

import pytest

from lingxiu.sensing.strangers import ORIGINS_KEPT, Strangers, origin_of


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
    ],
)
def test_an_address_is_an_ipv4_or_a_64_of_ipv6(host: str, origin: str) -> None:
    assert origin_of(host, spare_loopback=True) == origin


def test_what_was_spent_is_forgotten_with_its_minute() -> None:
    strangers = Strangers(connections=1, spent=100, named=1)
    assert strangers.may_say("a", 100, 0.0)
    assert not strangers.may_say("a", 1, 59.0)
    assert strangers.may_say("b", 100, 59.0)
    assert strangers.may_say("a", 100, 60.0)
    assert (strangers.may_name("a", 60.0), strangers.may_name("a", 61.0)) == (True, False)


def test_addresses_without_a_connection_are_forgotten() -> None:
    strangers = Strangers(connections=1, spent=100, named=1)
    assert strangers.came("stays")
    for n in range(ORIGINS_KEPT + 10):
        strangers.may_say(str(n), 1, 0.0)
    assert len(strangers) <= ORIGINS_KEPT
    assert not strangers.came("stays")
    strangers.forget(60.0)
    assert len(strangers) == 1
    strangers.left("stays")
    strangers.forget(120.0)
    assert len(strangers) == 0
