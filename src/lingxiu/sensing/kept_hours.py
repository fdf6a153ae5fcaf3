"""Hours of a shop's monitors as an issue freezes them into a move: figures only. What they prove, nobody here decides."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import connection

from lingxiu.issues.evidence import Reading
from lingxiu.sensing.places import MERCHANT_THEN

_HOURS: Final = f"""
    SELECT d.mn, hour.begins, w.at, w.fume_mean, w.fan_on_minutes, w.fan_without_purifier_minutes
    FROM sensing_device d CROSS JOIN unnest(%(hours)s::timestamptz[]) AS hour (begins)
    JOIN window_fume w ON w.device_id = d.id AND w.at >= hour.begins AND w.at < hour.begins + interval '1 hour'
    WHERE (d.merchant_id = %(merchant)s OR d.id IN (
            SELECT device_id FROM sensing_deviceevent WHERE merchant_id = %(merchant)s))
      AND {MERCHANT_THEN.format(device="d", moment="w.at")} = %(merchant)s
    ORDER BY hour.begins DESC, d.mn, w.at
"""  # noqa: S608 (our own words)


def hours_of(merchant_id: int, hours: Collection[datetime]) -> list[Reading]:
    """What each monitor said that stood at the merchant in these hours, the newest first; one query. Hours without a value are
    left out."""
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, {"hours": sorted(hours), "merchant": merchant_id})
        found: dict[tuple[str, datetime], list[tuple[datetime, float | None, int, int]]] = {}
        for mn, begins, *window in cursor.fetchall():
            found.setdefault((mn, begins), []).append(tuple(window))
    readings = [_reading(mn, begins, windows) for (mn, begins), windows in found.items()]
    return [reading for reading in readings if reading.means]


def _reading(mn: str, begins: datetime, windows: list[tuple[datetime, float | None, int, int]]) -> Reading:
    means = tuple((at, round(value, 3)) for at, value, _fan, _alone in windows if value is not None)
    return Reading(mn, begins, means, sum(row[2] for row in windows), sum(row[3] for row in windows))
