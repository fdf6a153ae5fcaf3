"""How long somebody stays signed in, and what counts as using the program. Never decides what they may do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address

from django.contrib.auth import login
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from lingxiu.accounts.actions import Way, record_sign_in
from lingxiu.accounts.models import User

# An owner comes twice a month, by a code that costs a message and, for the elderly, patience; the phone is their own and
# shows their own shop alone. Officers see the county: they are signed out when idle (`LINGXIU_IDLE_MINUTES`).
OWNER_STAYS = timedelta(days=30)
WRITE_EVERY = timedelta(minutes=1)
SEEN = "seen"
BACKEND = "django.contrib.auth.backends.ModelBackend"

WITH_PORT = re.compile(r"\[(?P<six>[^\[\]]+)\](?::[0-9]+)?|(?P<four>[0-9.]+):[0-9]+")
LOOPBACK_64 = "::"  # ::1, cut to its /64

# What a page left open asks for by itself: nobody need be sitting in front of it.
BY_ITSELF = ("/pulse", "/files/")
BY_ITSELF_SUFFIXES = ("json",)


def begin(request: HttpRequest, user: User, way: Way, *, at: datetime) -> None:
    """Sign this person in, on a fresh session."""
    login(request, user, backend=BACKEND)
    if not user.is_official:
        request.session.set_expiry(int(OWNER_STAYS.total_seconds()))
    keep(request.session, at)
    record_sign_in(user, way, at=at)


def is_use(request: HttpRequest) -> bool:
    """Whether a person asked for this, not a page that was left open."""
    path = request.path
    return not (path.startswith(BY_ITSELF) or path.endswith(BY_ITSELF_SUFFIXES) or "part" in request.GET)


def keep(session: SessionBase, at: datetime) -> None:
    """Let the session's time begin anew: written once a minute, not at every request."""
    if at.timestamp() - session.get(SEEN, 0) >= WRITE_EVERY.total_seconds():
        session[SEEN] = int(at.timestamp())


def own_address(request: HttpRequest, wanted: str) -> str:
    """The address asked for, if it is one of ours; else the person's front door."""
    if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    user = request.user
    return user.authority.front_door if isinstance(user, User) else "/"


def network_address(request: HttpRequest) -> str:
    """Who asks, as the network knows them; of IPv6 the /64, which is one customer's. Empty if nobody can tell.

    A proxy on this machine is believed, and nobody else's claim; one that writes no address there is itself the asker.
    """
    peer = _address(str(request.META.get("REMOTE_ADDR", "")))
    if peer in ("", "127.0.0.1", LOOPBACK_64):
        return _address(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()) or peer
    return peer


def _address(text: str) -> str:
    """In one spelling, without the port some proxies add, IPv6 cut to its /64; empty for what is no address."""
    with_port = WITH_PORT.fullmatch(text)
    try:
        found = ip_address(with_port["six"] or with_port["four"] if with_port else text)
    except ValueError:
        return ""
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found.packed, 64), strict=False).network_address)
