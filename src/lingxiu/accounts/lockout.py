"""Wrong passwords: who is kept out for how long, and what of it is kept.

A name is locked from one network address after `AXES_FAILURE_LIMIT` (5) wrong passwords, until `AXES_COOLOFF_TIME`
(15 minutes) after the last. Whoever tries one password on many names is stopped by `MOST_NAMES`: so many different names
may fail from one address within those 15 minutes. A whole county office may stand behind one address; of 300 people there
no 30 mistype in one quarter of an hour. If somebody sprays from within, a device on which a name signed in before still
opens for that name, and the others wait until the oldest failures are 15 minutes old.

django-axes counts; names and addresses reach its tables only as keyed hashes. Never decides what a password is worth.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from lingxiu.accounts.sessions import network_address
from lingxiu.privacy.cipher import blind_index

MOST_NAMES = 30
DEVICE = "device"
DEVICE_KNOWN_FOR = timedelta(days=180)


def name_index(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The name that is tried, as axes keeps it."""
    return blind_index(str((credentials or {}).get("username") or request.POST.get("username", "")))


def address_index(request: HttpRequest) -> str | None:
    """Where it is tried from, as axes keeps it: a keyed hash in the form of an address, for the column takes no other."""
    hashed = blind_index(network_address(request))
    return str(IPv6Address(bytes.fromhex(hashed))) if hashed else None


def locked_until(request: HttpRequest, credentials: dict[str, Any] | None, now: datetime) -> datetime:
    """When this name may try again from this address; each further try begins the time anew."""
    attempts = _attempts(request).filter(username=name_index(request, credentials))
    last: datetime | None = attempts.aggregate(last=Max("attempt_time"))["last"]
    return (last or now) + _cool_off()


def sprayed_until(request: HttpRequest, now: datetime) -> datetime | None:
    """When the next name may fail from this address, if too many have; None for a device that knows the name, too."""
    failed = _attempts(request).filter(attempt_time__gt=now - _cool_off())
    last_of_each = failed.values("username").annotate(last=Max("attempt_time")).order_by("-last")
    times: list[datetime] = list(last_of_each.values_list("last", flat=True)[:MOST_NAMES])
    if len(times) < MOST_NAMES or _is_known(request):
        return None
    return times[-1] + _cool_off()


def know_device(response: HttpResponse, username: str) -> None:
    """Let this device be one on which this name signed in."""
    response.set_signed_cookie(
        DEVICE,
        blind_index(username),
        max_age=int(DEVICE_KNOWN_FOR.total_seconds()),
        path="/sign-in/",
        samesite="Lax",
        secure=settings.SECURE,
        httponly=True,
    )


def forget_attempts(at: datetime) -> int:
    """Attempts that lock nobody any more. Returns how many rows went."""
    rows: int = AccessAttempt.objects.filter(attempt_time__lt=at - _cool_off()).delete()[0]
    return rows


def _is_known(request: HttpRequest) -> bool:
    known = request.get_signed_cookie(DEVICE, default="", max_age=DEVICE_KNOWN_FOR) or ""
    return known != "" and constant_time_compare(known, name_index(request))


def _attempts(request: HttpRequest) -> QuerySet[AccessAttempt]:
    attempts: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(ip_address=address_index(request))
    return attempts


def _cool_off() -> timedelta:
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    return cool_off
