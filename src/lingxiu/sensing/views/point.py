"""The device's page of what is no fume monitor: a grease trap, a gas alarm, a power meter, a kitchen camera."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.sensing import point_charting, points
from lingxiu.sensing.models import Device
from lingxiu.sensing.other_readings import TABLES
from lingxiu.sensing.point_charting import DRAWINGS, Line
from lingxiu.ui import addresses

if TYPE_CHECKING:
    from lingxiu.sensing.views.device import Asked

Stat = dict[str, Any]
PARTS: Final = {"live": "sensing/point_live.html", "tiles": "sensing/point_tiles.html"}
WEB: Final = ("http://", "https://")
FULL_PCT, NEARLY_PCT = 95, 80

STATES: Final[dict[str, tuple[str | Promise, str]]] = {
    "normal": (gettext_lazy("normal"), "online"),
    "alarm": (gettext_lazy("alarm"), "alarm"),
    "fault": (gettext_lazy("fault"), "warning"),
    "online": (gettext_lazy("online"), "online"),
    "offline": (gettext_lazy("offline"), "dark"),
}
SEEN: Final[dict[str, str | Promise]] = {
    "no_hat": gettext_lazy("no cap"),
    "no_mask": gettext_lazy("no mask"),
    "no_uniform": gettext_lazy("no work clothes"),
    "smoking": gettext_lazy("smoking"),
    "phone": gettext_lazy("with a phone"),
    "rodent": gettext_lazy("rodent"),
    "bin_open": gettext_lazy("bin not covered"),
    "fire": gettext_lazy("fire"),
}
COLUMNS: Final[dict[str, tuple[str | Promise, int]]] = {
    "level_pct": (gettext_lazy("Level, percent"), 0),
    "oil_mm": (gettext_lazy("Grease, mm"), 0),
    "temperature_c": (gettext_lazy("Temperature, °C"), 1),
    "emptied_at": (gettext_lazy("Last emptied"), 0),
    "lel_pct": (gettext_lazy("Of the explosive limit, percent"), 1),
    "state": (gettext_lazy("State"), 0),
    "power_w": (gettext_lazy("Power, W"), 0),
    "energy_kwh": (gettext_lazy("Energy, kWh"), 1),
    "fan_a": (gettext_lazy("Fan, A"), 1),
    "purifier_a": (gettext_lazy("Purifier, A"), 1),
    "hls_url": (gettext_lazy("Stream"), 0),
}
"""Column → its heading, and how many decimals are shown."""


def point_page(
    request: HttpRequest, device: Device, at: datetime, since: datetime | None, asked: Asked, context: dict[str, Any]
) -> HttpResponse:
    """The page, or one of its PARTS. `since`: from when on this reader is told; `context`: the device's own."""
    context["live"] = f"{addresses.device(device.mn)}?part=live"
    context["live_tiles"] = f"{addresses.device(device.mn)}?part=tiles"
    if part := PARTS.get(request.GET.get("part", "")):
        return render(request, part, context | _live(device, at, since))
    return render(
        request, "sensing/point.html", context | _live(device, at, since) | _chart(device, since, asked, context)
    )


def _live(device: Device, at: datetime, since: datetime | None) -> dict[str, Any]:
    """Its last words, and what follows from them."""
    rows = points.last_rows(device, since)
    columns = [name for name in TABLES[device.kind].columns if any(row[name] is not None for row in rows)]
    seen = points.last_seen(device, since) if device.kind == "camera" else []
    return {
        "stats": _STATS[device.kind](device, rows, at, since),
        "last_columns": [{"label": _("Time")}, *({"label": COLUMNS[name][0], "numeric": True} for name in columns),
                         {"label": _("Arrived")}],
        "last_rows": [_shown(row, columns) for row in rows],
        "seen": [{**row, "word": SEEN.get(row["kind"], row["kind"]), "picture": _web(row["picture_url"]),
                  "sure": None if row["confidence"] is None else round(100 * row["confidence"])} for row in seen],
        "camera": device.kind == "camera",
    }  # fmt: skip


# ── the chart ────────────────────────────────────────────────────────────────────────────────────────────────────

STEP_WORDS: Final[dict[int, str | Promise]] = {
    10: gettext_lazy("ten-minute values"),
    60: gettext_lazy("hourly values"),
    1440: gettext_lazy("daily values"),
}


def _chart(device: Device, since: datetime | None, asked: Asked, context: dict[str, Any]) -> dict[str, Any]:
    """Which value is drawn, which others there are, and all of them as a table."""
    drawing, line = DRAWINGS[device.kind], point_charting.line_of(device.kind, asked.show)
    step = point_charting.STEP_MINUTES[point_charting.step_of(device, asked.span)]
    return {
        "chart_title": _("%(what)s, %(step)s") % {"what": line.label, "step": STEP_WORDS[step]},
        "shown": asked.show,
        "lines": [
            {"label": one.label, "url": f"?{asked.query(show=one.id)}", "on": one is line} for one in drawing.lines
        ]
        if len(drawing.lines) > 1
        else [],
        "row_columns": [{"label": _("From"), "numeric": True},
                        *({"label": f"{one.label}, {one.unit}", "numeric": True} for one in drawing.lines),
                        *({"label": f"{one.label}, min", "numeric": True} for one in drawing.strips)],
        "rows": [
            [f"{timezone.localtime(moment):{_FORMS.get(asked.span.name, '%m-%d %H:%M')}}",
             *(_figure(row[one.id], one) for one in drawing.lines),
             *("–" if row[one.id] is None else f"{row[one.id]:.0f}" for one in drawing.strips)]
            for moment, row in point_charting.rows_of(device, asked.span, since).items()
        ],
    }  # fmt: skip


_FORMS: Final = {"day": "%H:%M", "year": "%Y-%m-%d"}


def _figure(value: float | None, line: Line) -> str:
    return "–" if value is None else f"{value:.{line.decimals}f}"


# ── the last readings ────────────────────────────────────────────────────────────────────────────────────────────


def _shown(row: dict[str, Any], columns: list[str]) -> dict[str, Any]:
    cells = [(COLUMNS[name][0], _cell(name, row[name])) for name in columns]
    return {"at": row["at"], "channel": row["channel"], "received_at": row["received_at"], "cells": cells}


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    if name == "state":
        return str(STATES[value][0])
    return f"{value:.{COLUMNS[name][1]}f}" if isinstance(value, float) else str(value)


def _newest(rows: list[dict[str, Any]], column: str) -> Any:
    return next((row[column] for row in rows if row[column] is not None), None)


def _web(address: str | None) -> str:
    """An address a browser may open; none for a camera's own protocol."""
    return address if address and address.startswith(WEB) else ""


# ── the big numbers, a kind of device each ───────────────────────────────────────────────────────────────────────


def _grease(device: Device, rows: list[dict[str, Any]], at: datetime, since: datetime | None) -> list[Stat]:
    level, emptied = _newest(rows, "level_pct"), points.last_emptied(device, at, since)
    tone = "neutral" if level is None or level < NEARLY_PCT else "alarm" if level >= FULL_PCT else "warning"
    trend = points.highest_by_day(device, "level", at, since)
    days = (timezone.localdate(at) - emptied).days if emptied else None
    return [
        _stat(_("Filled to"), _cell("level_pct", level), "%", "droplet", tone, trend, _("a fortnight, by day")),
        _stat(_("Grease layer"), _cell("oil_mm", _newest(rows, "oil_mm")), "mm", "droplet"),
        _stat(
            _("Days since it was emptied"), "–" if days is None else str(days), "", "calendar", note=str(emptied or "")
        ),
    ]


def _gas(device: Device, rows: list[dict[str, Any]], at: datetime, since: datetime | None) -> list[Stat]:
    lel, state = _newest(rows, "lel_pct"), _newest(rows, "state")
    trend = points.highest_by_day(device, "lel", at, since)
    word, tone = STATES.get(state, ("–", "neutral"))
    return [
        _stat(_("Combustible gas"), _cell("lel_pct", lel), "%LEL", "flame", "neutral", trend, _("highest of each day")),
        _stat(_("It says of itself"), str(word), "", "sensor", tone),
    ]


def _power(device: Device, rows: list[dict[str, Any]], at: datetime, since: datetime | None) -> list[Stat]:
    trend = points.highest_by_day(device, "power", at, since)
    return [
        _stat(_("Power"), _cell("power_w", _newest(rows, "power_w")), "W", "activity", "neutral", trend, _("highest of each day")),
        _stat(_("Meter reading"), _cell("energy_kwh", _newest(rows, "energy_kwh")), "kWh", "activity"),
        _stat(_("Fan"), _cell("fan_a", _newest(rows, "fan_a")), "A", "wind"),
        _stat(_("Purifier"), _cell("purifier_a", _newest(rows, "purifier_a")), "A", "wash"),
    ]  # fmt: skip


def _camera(device: Device, rows: list[dict[str, Any]], at: datetime, since: datetime | None) -> list[Stat]:
    word, tone = STATES.get(_newest(rows, "state"), ("–", "neutral"))
    stream = _web(_newest(rows, "hls_url"))
    return [
        _stat(_("Camera"), str(word), "", "camera", tone),
        _stat(_("Live picture"), _("look") if stream else "–", "", "eye", url=stream, note=_("of the camera’s own platform")),
    ]  # fmt: skip


def _stat(
    label: str, value: str, unit: str, icon: str, tone: str = "neutral",
    trend: list[float] | None = None, note: str = "", url: str = "",
) -> Stat:  # fmt: skip
    return {
        "label": label, "value": value, "unit": unit, "icon": icon, "tone": tone, "trend": trend, "note": note, "url": url
    }  # fmt: skip


_STATS: Final[dict[str, Callable[[Device, list[dict[str, Any]], datetime, datetime | None], list[Stat]]]] = {
    "grease_trap": _grease,
    "gas_alarm": _gas,
    "power_meter": _power,
    "camera": _camera,
}
