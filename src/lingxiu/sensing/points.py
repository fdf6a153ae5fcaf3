"""What pages say of grease traps, gas alarms, meters and cameras: their rules in words, their last readings. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from lingxiu.merchants.models import CareRecord
from lingxiu.policy.alarm_rules import CameraOffline, CameraSees, NotEmptied, PointLevel, PointRule
from lingxiu.sensing.models import Device
from lingxiu.sensing.other_readings import SEEN, TABLES, Table
from lingxiu.sensing.point_statistics import KEPT

FORTNIGHT: Final = timedelta(days=14)


def what_a_point_says(rule: PointRule) -> str:
    """A rule over single readings in one sentence, with its numbers."""
    if isinstance(rule, PointLevel):
        return _("Raised by a reading of %(high)s or more; cleared after %(count)s below %(low)s.") % {
            "high": f"{rule.at_least:g} {rule.unit}".strip(),
            "count": rule.clear_readings,
            "low": f"{rule.clear_below:g} {rule.unit}".strip(),
        }
    if isinstance(rule, NotEmptied):
        return _("Raised when the grease trap was not emptied for %(days)s days; cleared by emptying it.") % {
            "days": rule.days
        }
    if isinstance(rule, CameraOffline):
        return _("Raised when the camera was not online for %(hours)s hours; cleared when it is back.") % {
            "hours": rule.hours
        }
    assert isinstance(rule, CameraSees)
    return _("Raised by what the camera recognises; cleared after %(minutes)s minutes without it.") % {
        "minutes": rule.quiet_minutes
    }


# ── last words and last weeks ────────────────────────────────────────────────────────────────────────────────────


def last_rows(device: Device, since: datetime | None, limit: int = 20) -> list[dict[str, Any]]:
    """The newest readings of a device, newest first: columns by name."""
    table = TABLES[device.kind]
    return _rows(table, ("at", "channel", "received_at", *table.columns), device, since, limit)


def last_seen(device: Device, since: datetime | None, limit: int = 20) -> list[dict[str, Any]]:
    """What a camera recognised, newest first."""
    return _rows(SEEN, ("at", "channel", SEEN.event, *SEEN.columns), device, since, limit)


def highest_by_day(device: Device, name: str, at: datetime, since: datetime | None) -> list[float]:
    """The highest value of each county day of the last fortnight that has one, oldest first; `name`: of the statistics."""
    begins = max(filter(None, [at - FORTNIGHT, since]))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT max({name}_max) FROM {KEPT[device.kind][0].table('day')}"  # noqa: S608 (our own names)
            f" WHERE device_id = %s AND at >= %s AND {name}_max IS NOT NULL GROUP BY at ORDER BY at",
            [device.pk, begins],
        )
        return [float(value) for (value,) in cursor.fetchall()]


def last_emptied(device: Device, at: datetime, since: datetime | None) -> date | None:
    """The county day on which the grease trap was emptied last, as the device or the shop's record has it."""
    rows = _rows(TABLES[device.kind], ("emptied_at",), device, since, 1, "emptied_at IS NOT NULL")
    said = timezone.localdate(rows[0]["emptied_at"]) if rows else None
    kept = CareRecord.objects.filter(merchant=device.merchant_id, kind=CareRecord.Kind.TRAP).order_by("-on")
    recorded = kept.values_list("on", flat=True).first()
    return max(filter(None, [said, recorded]), default=None)


def _rows(
    table: Table, columns: Sequence[str], device: Device, since: datetime | None, limit: int, where: str = "true"
) -> list[dict[str, Any]]:
    """Of the last partitions first: nobody reads two years for twenty rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(columns)} FROM {table.name}"  # noqa: S608 (our own names)
            f" WHERE device_id = %s AND (%s::timestamptz IS NULL OR at >= %s) AND {where} ORDER BY at DESC LIMIT %s",
            [device.pk, since, since, limit],
        )
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
