"""How devices did over some days: on line, valid, complete, purifier with fan, high values. Reads the statistics of days.

The formulas are those of the field (domain.md §3.2), in minutes:

- complete (数据完整率) = minutes with a reading ÷ minutes the device was installed in that time;
- on line (在线率) = minutes with a reading ÷ minutes it was due: installed, less maintenance and calibration, and less what no
  gateway could hear. Minutes in such times count on neither side. A device that was never heard was due, and is 0 % on line:
  going dark is never a relief;
- valid (有效率) = readings with a value ÷ readings;
- linked (净化器联动率) = minutes of fan with purifier ÷ minutes of fan;
- over (超标率, by minutes) = minutes with a reading above 2.0 mg/m³ (GB 18483-2001) ÷ minutes of fan.

A group's figure is made of its devices' sums, not of their figures. A reading above the limit is a high value, no finding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection

from lingxiu.sensing.models import DeviceQuerySet
from lingxiu.sensing.queries import day_bounds

LONGEST_DAYS: Final = 366
GROUPS: Final = ("device", "town", "vendor", "maintainer")

_FIGURES: Final = (Path(__file__).resolve().parent / "sql" / "figures.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of one or many devices; minutes but for `devices`, `readings` and `valid_readings`. Shares in per cent, or None."""

    devices: int = 0
    installed: int = 0
    due: int = 0
    received: int = 0
    received_due: int = 0
    readings: int = 0
    valid_readings: int = 0
    fan: int = 0
    alone: int = 0
    over_1: int = 0
    over_2: int = 0
    over_4: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Figures)))

    @property
    def online(self) -> float | None:
        return _share(self.received_due, self.due)

    @property
    def complete(self) -> float | None:
        return _share(self.received, self.installed)

    @property
    def valid(self) -> float | None:
        return _share(self.valid_readings, self.readings)

    @property
    def linked(self) -> float | None:
        return _share(self.fan - self.alone, self.fan)

    @property
    def over(self) -> float | None:
        return _share(self.over_2, self.fan)

    @property
    def offline(self) -> int:
        """Minutes it was due and nothing came."""
        return max(0, self.due - self.received_due)

    @property
    def bands(self) -> tuple[int, int, int, int]:
        """Minutes at 0–1, 1–2, 2–4 and above 4 mg/m³."""
        return (
            max(0, self.received - self.over_1),
            max(0, self.over_1 - self.over_2),
            max(0, self.over_2 - self.over_4),
            self.over_4,
        )


@dataclass(frozen=True, slots=True)
class OfDevice:
    """A device's figures, with what it may be grouped by. `maintainer`: its company's id."""

    device_id: int
    mn: str
    merchant: str
    town: str
    vendor: str
    maintainer: int | None
    figures: Figures


def _share(part: int, whole: int) -> float | None:
    return min(100.0, 100 * part / whole) if whole > 0 else None


def of_devices(devices: DeviceQuerySet, first: date, last: date, at: datetime) -> list[OfDevice]:
    """The figures of these devices from the first to the last day, as far as the time has passed. One statement.

    Devices that were put in later, or taken out of use before, are left out.
    """
    since, until = day_bounds(first)[0], min(day_bounds(last)[1], at)
    with connection.cursor() as cursor:
        cursor.execute(
            _FIGURES,
            {
                "devices": list(devices.filter(kind="fume_monitor").order_by().values_list("pk", flat=True)),
                "since": since,
                "until": max(since, until),
                "zone": settings.TIME_ZONE,
            },
        )
        return [
            OfDevice(device_id, mn, merchant, town, vendor, maintainer, Figures(1, *(int(one) for one in sums)))
            for device_id, mn, merchant, town, vendor, maintainer, *sums in cursor.fetchall()
        ]


def grouped(rows: Iterable[OfDevice], by: str) -> dict[Any, Figures]:
    """Sums by town, vendor or maintainer."""
    sums: dict[Any, Figures] = {}
    for row in rows:
        key = getattr(row, by)
        sums[key] = sums.get(key, Figures()) + row.figures
    return sums
