"""What new devices said that only observe so far: for the morning of whoever dispatches, before single alarms begin."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.issues.digest import Figure
from lingxiu.sensing.models import Alarm


def figures(user: User, since: datetime, now: datetime) -> list[Figure]:
    """Alarms of observing devices that came since then, and the list they stand in."""
    seen = Alarm.objects.visible_to(user).filter(
        observing=True, withdrawn_at=None, noticed_at__gt=since, noticed_at__lte=now
    )
    count = seen.count()
    url = "/sensing/?tab=alarms&open=observing"
    return [
        Figure(
            _("Alarms of devices that only observe"), count, url, "bell-ringing", "observing" if count else "neutral"
        )
    ]
