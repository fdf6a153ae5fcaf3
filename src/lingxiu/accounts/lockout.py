"""Until when a name is locked after too many wrong passwords: what django-axes knows, as a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings


def locked_until(username: str, address: str, now: datetime) -> datetime:
    """When this name may try again from this address; each further try begins the time anew."""
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    attempts = AccessAttempt.objects.filter(username=username, ip_address=address or None)
    last: datetime | None = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    return (last or now) + cool_off
