"""What those may cost of whom no known device has spoken, by the address they dial from: connections, bytes and names a minute.

A county's NATs put hundreds of devices behind one address, so a connection counts only until a known device has spoken on it.
Decides; never touches a socket and never reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

MINUTE: Final = 60.0
ORIGINS_KEPT: Final = 20_000
"""Addresses remembered; beyond that those without an open connection are forgotten."""


@dataclass(slots=True)
class Origin:
    """One address: open connections nobody known has spoken on, and what was spent in a minute."""

    open: int = 0
    minute: int = -1
    spent: int = 0  # bytes
    named: int = 0  # MNs nobody registered

    def at(self, now: float) -> Origin:
        """Itself, with what was spent in another minute forgotten. `now` in seconds."""
        minute = int(now // MINUTE)
        if minute != self.minute:
            self.minute, self.spent, self.named = minute, 0, 0
        return self


class Strangers:
    """All addresses. An address is "" where nothing is to be counted."""

    def __init__(self, connections: int, spent: int, named: int) -> None:
        """How many connections an address may hold, and how many bytes and unknown MNs are taken from it in a minute."""
        self._connections, self._spent, self._named = connections, spent, named
        self._origins: dict[str, Origin] = {}

    def __len__(self) -> int:
        return len(self._origins)

    def came(self, address: str) -> bool:
        """Somebody dials in. Returns: whether there is room; if so, `left` is to follow."""
        if not address:
            return True
        origin = self._origin(address)
        if origin.open >= self._connections:
            return False
        origin.open += 1
        return True

    def left(self, address: str) -> None:
        """They hung up, or a known device has spoken."""
        origin = self._origins.get(address)
        if origin is not None:
            origin.open = max(0, origin.open - 1)

    def may_say(self, address: str, size: int, now: float) -> bool:
        """So many bytes more have come; whether the minute has room for them."""
        if not address:
            return True
        origin = self._origin(address).at(now)
        origin.spent += size
        return origin.spent <= self._spent

    def may_name(self, address: str, now: float) -> bool:
        """Another MN nobody registered; whether the minute has room for it."""
        if not address:
            return True
        origin = self._origin(address).at(now)
        origin.named += 1
        return origin.named <= self._named

    def forget(self, now: float) -> None:
        """Those that hold no connection and have spent nothing this minute."""
        minute = int(now // MINUTE)
        self._origins = {name: one for name, one in self._origins.items() if one.open or one.minute == minute}

    def _origin(self, address: str) -> Origin:
        origin = self._origins.get(address)
        if origin is None:
            if len(self._origins) >= ORIGINS_KEPT:
                self._origins = {name: one for name, one in self._origins.items() if one.open}
            origin = self._origins[address] = Origin()
        return origin


def origin_of(host: str, *, spare_loopback: bool) -> str:
    """The address strangers are counted by: IPv4 whole, IPv6 by its /64, which is what one line is given.

    "" for this machine's own with `spare_loopback`: who comes by way of a forwarder here cannot be told from another.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if spare_loopback and address.is_loopback:
        return ""
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
