"""Traps, gas alarms, meters and cameras as a chart and as a table: a day, a week, a month or a year of their stored statistics.

What each kind has to draw is one table below. The spans, what is beside them and the marks are those of charting.py; a day of a
device that speaks once in an hour is drawn in hours. Of several channels the highest is drawn; of meters their sum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from lingxiu.accounts.models import User
from lingxiu.policy.alarm_rules import PointLevel
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.sensing import charting
from lingxiu.sensing.charting import Span
from lingxiu.sensing.models import Device
from lingxiu.sensing.point_statistics import Step

Words: TypeAlias = str | Promise
Drawn: TypeAlias = dict[datetime, dict[str, float | None]]
STEP_MINUTES: Final[dict[Step, int]] = {"window": 10, "hour": 60, "day": 1440}
PEER_STEPS: Final[dict[str, Step]] = {"day": "hour", "week": "hour", "month": "day", "year": "day"}
"""In which steps the median of many devices is taken, but of what is counted: that is compared in steps of the same length."""
LOOKS_BACK: Final = {"window": timedelta(hours=6), "hour": timedelta(days=1), "day": timedelta(days=7)}
"""So far back the count of a meter is looked for from which a step's use is reckoned."""


@dataclass(frozen=True, slots=True)
class Line:
    """A value that can be drawn: its columns of Drawing.select. `column`: that of the readings, by which rules set limits.

    `counted`: it grows with the length of a step.
    """

    id: str
    label: Words
    unit: str
    decimals: int = 1
    highest: str = ""
    column: str = ""
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """Minutes of a step in which something was so, and a colour of the chart's palette."""

    id: str
    label: Words
    colour: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a kind of device has to draw. `select`: a row a device and step; `{step}` stands for one of STEP_MINUTES,
    `{of}` for the devices and the span."""

    lines: tuple[Line, ...]
    select: str
    strips: tuple[Strip, ...] = ()


_OF: Final = "device_id = ANY (%(devices)s) AND at >= %(since)s AND at < %(until)s"

DRAWINGS: Final[dict[str, Drawing]] = {
    "grease_trap": Drawing(
        (
            Line("level", gettext_lazy("Filled to"), "%", 0, "level_highest", "level_pct"),
            Line("oil", gettext_lazy("Grease layer"), "mm", 0, "oil_highest", "oil_mm"),
            Line("temperature", gettext_lazy("Temperature"), "°C", 1, "temperature_highest", "temperature_c"),
        ),
        "SELECT device_id, at, max(level_mean) AS level, max(level_max) AS level_highest, max(oil_mean) AS oil,"
        " max(oil_max) AS oil_highest, max(temperature_mean) AS temperature, max(temperature_max) AS temperature_highest"
        " FROM {step}_grease WHERE {of} GROUP BY device_id, at",
    ),
    "gas_alarm": Drawing(
        (Line("lel", gettext_lazy("Combustible gas"), "%LEL", 1, "lel_highest", "lel_pct"),),
        "SELECT device_id, at, max(lel_mean) AS lel, max(lel_max) AS lel_highest, max(minutes_over_20) AS over_20,"
        " max(minutes_over_50) AS over_50 FROM {step}_gas WHERE {of} GROUP BY device_id, at",
        (
            Strip("over_20", "≥20 %", "fan"),
            Strip("over_50", "≥50 %", "threshold"),
        ),
    ),
    "power_meter": Drawing(
        (
            Line("used", gettext_lazy("Used"), "kWh", 2, counted=True),
            Line("power", gettext_lazy("Power"), "W", 0, "power_highest", "power_w"),
            Line("fan", gettext_lazy("Fan"), "A", 1, "fan_highest"),
            Line("purifier", gettext_lazy("Purifier"), "A", 1, "purifier_highest"),
        ),
        "SELECT device_id, at, sum(used) AS used, sum(power_mean) AS power, sum(power_max) AS power_highest, sum(fan_mean) AS fan,"
        " sum(fan_max) AS fan_highest, sum(purifier_mean) AS purifier, sum(purifier_max) AS purifier_highest"
        " FROM (SELECT *, CASE WHEN first_kwh IS NOT NULL THEN used_kwh + greatest(0, first_kwh - lag(last_kwh)"
        " OVER (PARTITION BY device_id, channel, first_kwh IS NULL ORDER BY at)) END AS used"
        " FROM {step}_power WHERE device_id = ANY (%(devices)s) AND at >= %(earlier)s AND at < %(until)s) s"
        " WHERE at >= %(since)s GROUP BY device_id, at",
    ),
    "camera": Drawing(
        (Line("seen", gettext_lazy("Recognised"), "×", 0, counted=True),),
        "SELECT device_id, at, sum(seen) AS seen, max(online) AS online FROM ("
        " SELECT device_id, at, 0 AS seen, seconds_online / 60 AS online FROM {step}_camera WHERE {of}"
        " UNION ALL SELECT device_id, at, count, NULL FROM {step}_seen WHERE {of}"
        ") s GROUP BY device_id, at",
        (Strip("online", gettext_lazy("Online"), "purifier"),),
    ),
}


def step_of(device: Device, span: Span) -> Step:
    """In which steps this span of the device is drawn."""
    if span.step is charting.DAYS:
        return "day"
    return "window" if span.step is charting.WINDOWS and _speaks_in_every_window(device) else "hour"


def _speaks_in_every_window(device: Device) -> bool:
    every = {row.id: row.sends_every_seconds for row in in_force().catalogues.json_mappings}
    return every.get(device.profile, 60) <= STEP_MINUTES["window"] * 60


def line_of(kind: str, name: str) -> Line:
    """The line of this name, else the first."""
    lines = DRAWINGS[kind].lines
    return next((line for line in lines if line.id == name), lines[0])


def rows_of(device: Device, span: Span, since: datetime | None = None) -> Drawn:
    """The steps of a device in this span that have anything, in order; nothing before `since`."""
    step = step_of(device, span)
    begins = max(span.since, since or span.since)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_select(device.kind, step)} ORDER BY at",
            {
                "devices": [device.pk],
                "since": begins,
                "until": span.until,
                "earlier": max(begins - LOOKS_BACK[step], since or begins - LOOKS_BACK[step]),
            },
        )
        names = [column.name for column in cursor.description or ()]
        return {
            row[1]: {name: _number(value) for name, value in zip(names[2:], row[2:], strict=True)} for row in cursor
        }


def _select(kind: str, step: Step) -> str:
    return DRAWINGS[kind].select.replace("{step}", step).replace("{of}", _OF)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def moments(device: Device, span: Span, until: datetime) -> Iterator[datetime]:
    """The beginnings of the steps of this span before `until`."""
    every = STEP_MINUTES[step_of(device, span)] // span.step.minutes
    return (moment for n, moment in enumerate(span.moments(until)) if n % every == 0)


def chart(
    device: Device,
    span: Span,
    at: datetime,
    language: str,
    line: Line,
    *,
    user: User | None = None,
    beside: Collection[str] = (),
    since: datetime | None = None,
) -> dict[str, Any]:
    """What the chart island draws of one line (docs/frontend.md); the arguments are those of charting.chart."""
    drawing, rows = DRAWINGS[device.kind], rows_of(device, span, since)
    return {
        "unit": line.unit,
        "label": str(line.label),
        "step": STEP_MINUTES[step_of(device, span)],
        "from": charting.local(span.since),
        "until": charting.local(span.until),
        "strips": [{"label": str(strip.label), "colour": strip.colour} for strip in drawing.strips],
        "thresholds": charting.thresholds(limits(device.kind, line), language),
        "windows": [
            [charting.local(moment), *_values(rows.get(moment), line, drawing)]
            for moment in (moments(device, span, at) if rows else ())
        ],
        "beside": [
            one
            for which in charting.BESIDE
            if which in beside and (one := _beside(device, span, which, line, since)) is not None
        ],
        **charting.marks(device, span, at, language, user=user, since=since),
    }


def limits(kind: str, line: Line) -> dict[float, Label]:
    """The values of this line the alarm rules look at, lowest first, each with what its rule is called."""
    rules = in_force().catalogues.alarms.rules
    mine = (rule for rule in rules if isinstance(rule, PointLevel) and rule.device_kind == kind)
    return charting.first_named((rule.at_least, rule.label) for rule in mine if rule.column == line.column)


def _values(row: Mapping[str, float | None] | None, line: Line, drawing: Drawing) -> list[float | None]:
    if row is None:
        return [None] * (2 + len(drawing.strips))
    return [_short(row[line.id]), _short(row.get(line.highest)), *(row[strip.id] or 0 for strip in drawing.strips)]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _beside(device: Device, span: Span, which: str, line: Line, since: datetime | None) -> dict[str, Any] | None:
    words = charting.beside_words(span)
    if which not in words:
        return None
    if which == "kind":
        return _median(device, span, line, words[which])
    earlier = span.earlier(which)
    shift = span.since - earlier.since
    points = [
        [charting.local(moment), _short(row[line.id])]
        for at, row in rows_of(device, earlier, since).items()
        if (moment := at + shift) < span.until
    ]
    return {"name": which, "label": words[which], "step": STEP_MINUTES[step_of(device, span)], "points": points}


_MEDIANS: Final = """
    SELECT at, percentile_cont(0.5) WITHIN GROUP (ORDER BY {line}), count(*) FROM ({select}) s
    WHERE {line} IS NOT NULL GROUP BY at HAVING count(*) >= %(fewest)s ORDER BY at
"""


def _median(device: Device, span: Span, line: Line, word: str) -> dict[str, Any]:
    """The median of this value of the other devices at merchants of the same kind; nothing of fewer than FEWEST_PEERS."""
    step = step_of(device, span) if line.counted else PEER_STEPS[span.name]
    with connection.cursor() as cursor:
        cursor.execute(
            _MEDIANS.replace("{select}", _select(device.kind, step)).replace("{line}", line.id),
            {
                "devices": charting.peers(device),
                "since": span.since,
                "until": span.until,
                "earlier": span.since - LOOKS_BACK[step],
                "fewest": charting.FEWEST_PEERS,
            },
        )
        found = cursor.fetchall()
    return {
        "name": "kind",
        "label": charting.of_so_many(word, max((n for _at, _value, n in found), default=0)),
        "step": STEP_MINUTES[step],
        "points": [[charting.local(at), _short(value)] for at, value, _n in found],
    }
