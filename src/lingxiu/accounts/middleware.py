"""Deny by default: every address is for people who are signed in, except those the contract opens to anyone."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import urlencode

from lingxiu.accounts.models import User
from lingxiu.accounts.sessions import is_use, keep

OPEN_TO_ANYONE = (
    "/m/",
    "/complain/",
    "/r/",
    "/n/",
    "/sensing/self-test/",
    "/sign-in/",
    "/sign-out/",
    "/language/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/",
    "/pulse",
    "/files/",
    "/favicon.ico",
)
DEMO_ONLY = ("/demo/",)
BY_KEY = ("/api/v1/", "/open311/v2/")
"""For programs: what they may, their key says. Whoever is signed in in this browser is nobody there."""
# What somebody may open who still owes a second factor or a password of their own: the way there, the way out, and what
# says nothing of anybody.
TO_DEBTORS = ("/sign-in/", "/sign-out/", "/language/", "/static/", "/healthz", "/readyz", "/metrics", "/favicon.ico")
ADMIN = "/admin/"
PASSWORD = "/account/password/"  # noqa: S105 (an address)


def is_open(path: str) -> bool:
    """Whether the address answers strangers. Files and `/pulse` decide for themselves what a stranger may have."""
    return path == "/" or path.startswith(OPEN_TO_ANYONE) or (settings.DEMO and path.startswith(DEMO_ONLY))


class SignedInUnlessOpen:
    """Sends strangers to sign in, officers who owe a second factor to give it, new people to choose a password.

    Debts come first: until they are paid, an address that is open to anyone would answer as that person, not as a stranger.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(BY_KEY):
            request.user = AnonymousUser()
            return self.get_response(request)
        user = request.user
        if isinstance(user, User) and is_use(request):
            keep(request.session, timezone.now())
        if not isinstance(user, User):
            return self.get_response(request) if is_open(request.path) else _via("/sign-in/", request)
        if not request.path.startswith(TO_DEBTORS):
            if owes_second_factor(user):
                return _via("/sign-in/second-factor/", request)
            if user.must_change_password and request.path != PASSWORD:
                return _via(PASSWORD, request)
        if request.path.startswith(ADMIN) and not user.administers:
            raise PermissionDenied
        return _not_stored(self.get_response(request))


def owes_second_factor(user: User) -> bool:
    """Whether this person, who works for the county, still has to show a second factor in this session."""
    verified: bool = user.is_verified()  # type: ignore[attr-defined]  # django-otp's middleware adds it
    return bool(settings.OFFICER_TOTP and user.is_official and not verified)


def _not_stored(response: HttpResponse) -> HttpResponse:
    """What a signed-in reader sees stays in no cache, on a shared computer least of all, unless its view says otherwise."""
    if not (response.has_header("Cache-Control") or response.has_header("ETag")):
        response["Cache-Control"] = "no-store"
    return response


def _via(address: str, request: HttpRequest) -> HttpResponseRedirect:
    """To that page first, and then where they were going."""
    return HttpResponseRedirect(f"{address}?{urlencode({'next': request.get_full_path()})}")
