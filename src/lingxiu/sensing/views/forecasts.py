"""`/sensing/forecasts/`: what is expected, on what evidence, and how often that was right."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from lingxiu.merchants.views.asking import reader
from lingxiu.policy.schema import Sight
from lingxiu.sensing.forecasting import hit_rates
from lingxiu.sensing.models import Device, Forecast
from lingxiu.sensing.words import MILLIGRAMS, Word
from lingxiu.territory.queries import town_names

PAGE_ROWS: Final = 50
COUNTED: Final = timedelta(days=365)
OUTCOMES: Final = {
    Forecast.Outcome.OPEN: Word(gettext_lazy("expected"), "predicted"),
    Forecast.Outcome.RIGHT: Word(gettext_lazy("came true"), "cleared"),
    Forecast.Outcome.WRONG: Word(gettext_lazy("did not come true"), "warning"),
    Forecast.Outcome.LAPSED: Word(gettext_lazy("beside the point"), "neutral"),
}
WHY: Final[dict[str, str | Promise]] = {
    "passed": gettext_lazy("the value reached its limit"),
    "alarm": gettext_lazy("its alarm was raised"),
    "anew": gettext_lazy("it was cleaned, emptied or serviced first"),
    "nothing_came": gettext_lazy("its days are over and nothing came"),
    "nothing_heard": gettext_lazy("too little was heard to tell"),
    "confirmed": gettext_lazy("a person found it worth going"),
    "dismissed": gettext_lazy("a person found it was not so"),
    "closed": gettext_lazy("a person was there and found out"),
}
FIGURES: Final[dict[str, tuple[str | Promise, str]]] = {
    "cooking": (gettext_lazy("Mean of the busiest hour"), MILLIGRAMS),
    "level": (gettext_lazy("Level of the trap"), "%"),
    "drift": (gettext_lazy("Value with the fan off"), MILLIGRAMS),
    "flat": (gettext_lazy("How much values move, share of the usual"), ""),
    "gaps": (gettext_lazy("Minutes missing a day"), ""),
}


@require_safe
def forecasts_page(request: HttpRequest) -> HttpResponse:
    """`kind`, `town` and `outcome` narrow the list; open ones unless told."""
    user, at = reader(request), timezone.now()
    devices = Device.objects.visible_to(user)
    kind, town, outcome = (request.GET.get(name, "")[:20] for name in ("kind", "town", "outcome"))
    outcome = outcome if outcome in (*Forecast.Outcome.values, "all") else Forecast.Outcome.OPEN
    found = Forecast.objects.filter(device__in=devices).select_related("device", "device__merchant")
    if outcome != "all":
        found = found.filter(outcome=outcome)
    if kind in Forecast.Kind.values:
        found = found.filter(kind=kind)
    if town:
        found = found.filter(device__merchant__town=town)
    total = found.count()
    asked = request.GET.get("page", "")
    number = min(int(asked) - 1 if asked.isdecimal() and len(asked) < 6 else 0, max(0, total - 1) // PAGE_ROWS)
    begins = max(0, number) * PAGE_ROWS
    order = ("due_on", "pk") if outcome == Forecast.Outcome.OPEN else ("-made_at", "-pk")
    towns = town_names()
    rows = [
        {**shown(row), "town": towns.get(row.device.merchant.town, "")}
        for row in found.order_by(*order)[begins : begins + PAGE_ROWS]
    ]

    def page(to: int) -> str:
        return "?" + urlencode({"kind": kind, "town": town, "outcome": outcome, "page": to})

    words = [_("Expected"), _("Merchant"), _("Day"), _("Interval"), _("Issue"), _("Town")]
    context = {
        "rows": rows,
        "columns": [{"label": word} for word in words],
        "rates": [{"rate": rate, "label": Forecast.Kind(rate.kind).label} for rate in hit_rates(devices, at - COUNTED)],
        "kinds": Forecast.Kind.choices,
        "outcomes": [(value, word.word) for value, word in OUTCOMES.items()],
        "towns": towns if user.authority.farthest("merchants") == Sight.COUNTY else {},
        "kind": kind, "town": town, "outcome": outcome, "total": total,
        "first": begins + 1 if total else 0, "last": begins + len(rows),
        "prev": page(number) if number > 0 else "", "next": page(number + 2) if begins + len(rows) < total else "",
    }  # fmt: skip
    return render(request, "sensing/forecasts.html", context)


@require_safe
def forecast_page(request: HttpRequest, forecast_id: int) -> HttpResponse:
    """One forecast with its evidence, for officers who see its device."""
    user = reader(request)
    seen = Forecast.objects.filter(device__in=Device.objects.visible_to(user))
    row = get_object_or_404(seen.select_related("device", "device__merchant"), pk=forecast_id)
    said = {key: date.fromisoformat(value) for key, value in row.inputs["said"].items()}
    context = {**shown(row), "merchant": row.device.merchant, "device": row.device, "said": said, "plot": plot(row)}
    return render(request, "sensing/forecast.html", context)


def shown(row: Forecast) -> dict[str, Any]:
    """A forecast in words."""
    return {
        "forecast": row,
        "outcome_word": OUTCOMES[Forecast.Outcome(row.outcome)],
        "why": WHY.get(row.inputs.get("why", ""), ""),
        "chance": round(100 * row.inputs["chance"]),
        "reasons": [
            {**reason, "label": FIGURES[reason["what"]][0], "unit": FIGURES[reason["what"]][1],
             "now": abs(reason["now"]), "limit": abs(reason["limit"])}
            for reason in row.inputs["reasons"]
        ],
    }  # fmt: skip


def expected_of(device: Device) -> list[dict[str, Any]]:
    """The open forecasts of a device, for its page."""
    found = Forecast.objects.filter(device=device, outcome=Forecast.Outcome.OPEN).order_by("due_on")
    return [shown(row) for row in found.select_related("device", "device__merchant")]


WIDE, HIGH = 640, 200


def plot(row: Forecast) -> dict[str, Any]:
    """The evidence as a drawing of WIDE × HIGH: days as points, the limit, the line carried on, the interval."""
    points = [(date.fromisoformat(day), abs(value)) for day, value in row.inputs["points"]]
    reason = row.inputs["reasons"][0]
    limit, now = abs(reason["limit"]), abs(reason["now"])
    first, last = points[0][0], max(row.due_to, points[-1][0])
    days = max(1, (last - first).days)
    top = 1.1 * max(limit, now, *(value for _day, value in points)) or 1.0

    def x(day: date) -> float:
        return round((day - first).days / days * WIDE, 1)

    def y(value: float) -> float:
        return round(HIGH - value / top * HIGH, 1)

    return {
        "wide": WIDE, "high": HIGH, "limit": y(limit),
        "points": [(x(day), y(value)) for day, value in points],
        "line": f"{x(points[-1][0])},{y(now)} {x(row.due_on)},{y(limit)}",
        "from": x(row.due_from), "width": max(2.0, round(x(row.due_to) - x(row.due_from), 1)),
        "values": points,
    }  # fmt: skip
