"""`Standing` from the truth, for all merchants at once: what each room would have written of them, counted anew."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import connection

from lingxiu.merchants.models import Standing
from lingxiu.policy.alarm_rules import Silence
from lingxiu.policy.queries import in_force

_REFRESH = Path(__file__).with_name("refresh_standings.sql").read_text(encoding="utf-8")


def refresh_standings(at: datetime) -> int:
    """Count everything anew but the level, which `rating` keeps. Returns: how many merchants."""
    silences = [rule.id for rule in in_force().catalogues.alarms.rules if isinstance(rule, Silence)]
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, {"at": at, "silences": silences})
    return Standing.objects.count()
