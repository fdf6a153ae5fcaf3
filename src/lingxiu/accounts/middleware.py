"""Deny by default: every address is for people who are signed in, except those the contract opens to anyone."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode

OPEN_TO_ANYONE = (
    "/m/",
    "/complain/",
    "/r/",
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


def is_open(path: str) -> bool:
    """Whether the address answers strangers. Files and `/pulse` decide for themselves what a stranger may have."""
    return path == "/" or path.startswith(OPEN_TO_ANYONE) or (settings.DEMO and path.startswith(DEMO_ONLY))


class SignedInUnlessOpen:
    """Sends strangers to sign in; sends officers who need a second factor to give it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_open(request.path):
            return self.get_response(request)
        if not request.user.is_authenticated:
            return HttpResponseRedirect(f"/sign-in/?{urlencode({'next': request.get_full_path()})}")
        if self._needs_second_factor(request):
            return HttpResponseRedirect(f"/sign-in/second-factor/?{urlencode({'next': request.get_full_path()})}")
        return self.get_response(request)

    @staticmethod
    def _needs_second_factor(request: HttpRequest) -> bool:
        user = request.user
        return bool(settings.OFFICER_TOTP and user.authority.is_officer and not user.is_verified())  # type: ignore[union-attr]  # django-otp adds is_verified
