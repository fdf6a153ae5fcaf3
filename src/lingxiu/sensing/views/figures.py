"""`/sensing/figures/`: how devices did, each and by town, maker and company; and what a device measured, as a file."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.actions import scope_of
from lingxiu.merchants.views.asking import reader
from lingxiu.sensing import exporting, figures
from lingxiu.sensing.exporting import Cell
from lingxiu.sensing.figures import Figures, OfDevice
from lingxiu.sensing.models import Device, Maintainer
from lingxiu.sensing.queries import day_bounds
from lingxiu.sensing.views.device import device_of, told_from
from lingxiu.sensing.views.files import sent
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses
from lingxiu.ui.days import day_of

PAGE_ROWS: Final = 100
USUAL_DAYS: Final = 7
SORTS: Final = ("name", "online", "complete", "valid", "linked", "over", "over_2")


@require_safe
def figures_page(request: HttpRequest) -> HttpResponse:
    """`by` one of figures.GROUPS, `from` and `to` days, `sort` one of SORTS, `-` before it turns it."""
    user = reader(request)
    at = timezone.now()
    by, first, last = _asked(request, at)
    lines = _lines(user, by, first, last, at)
    sort = request.GET.get("sort", "online")
    key = sort.removeprefix("-")
    sort, key = (sort, key) if key in SORTS else ("online", "online")
    shown = sorted(lines, key=lambda line: _order(line, key), reverse=sort.startswith("-"))
    whole = sum((line["figures"] for line in lines), Figures())
    context = {
        "by": by,
        "first": first,
        "last": last,
        "rows": shown[:PAGE_ROWS],
        "left_out": max(0, len(shown) - PAGE_ROWS),
        "whole": whole,
        "bands": _bands(whole),
        "columns": _columns(request, sort),
        "tabs": [
            {"label": label, "url": _with(request, by=group, sort=""), "active": group == by}
            for group, label in _groups().items()
        ],
        "query": urlencode({"by": by, "from": first, "to": last}),
    }
    return render(request, "sensing/figures.html", context)


@require_safe
def figures_file(request: HttpRequest, form: str) -> HttpResponseBase:
    """The same figures as a file; noted in the journal."""
    user = reader(request)
    at = timezone.now()
    by, first, last = _asked(request, at)
    shares_of = (_("On line"), _("Complete"), _("Valid"), _("Purifier with the fan"), _("High values"))
    head = [
        _groups()[by], _("Merchant"), _("Devices"), *(f"{word} (%)" for word in shares_of), _("Minutes due"),
        _("Minutes offline"), _("Minutes of fan"), _("Minutes at 0–1"), _("Minutes at 1–2"), _("Minutes at 2–4"),
        _("Minutes above 4"),
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for line in _lines(user, by, first, last, at):
        sums: Figures = line["figures"]
        shares = (sums.online, sums.complete, sums.valid, sums.linked, sums.over)
        rows.append([
            line["name"], line.get("merchant", ""), sums.devices, *(None if one is None else round(one, 1) for one in shares),
            sums.due, sums.offline, sums.fan, *sums.bands,
        ])  # fmt: skip
    _note(
        "figures.exported", "figures", by, user, at, Scope(), {"from": str(first), "to": str(last), "rows": len(rows)}
    )
    return sent(f"figures-{by}-{first}-{last}", form, head, rows)


@require_safe
def readings_file(request: HttpRequest, mn: str, form: str) -> HttpResponseBase:
    """What a device measured between two days (`from`, `to`), in `step`s of exporting.STEPS; noted in the journal."""
    user, device = device_of(request, mn)
    at = timezone.now()
    step = request.GET.get("step", "10m")
    if step not in exporting.STEPS:
        raise Http404
    _by, first, last = _asked(request, at)
    since, until = day_bounds(first)[0], day_bounds(last)[1]
    since = max(since, told_from(user, device) or since)
    sheet = exporting.sheet_of(device.kind, step)
    rows = exporting.rows_of(device.pk, sheet, since, until)
    scope = scope_of(device.merchant)
    reference = {"step": step, "from": str(first), "to": str(last)}
    _note("device.readings_exported", "device", mn, user, at, scope, reference)
    return sent(f"{mn}-{step}-{first}-{last}", form, sheet.columns, rows)


def _note(
    kind: str, subject: str, subject_id: str, user: User, at: datetime, scope: Scope, reference: dict[str, Any]
) -> None:
    with transaction.atomic():
        record(kind, subject, subject_id, at=at, actor_id=user.pk, scope=scope, reference=reference)


# ── what is asked for, and what is shown ──


def _asked(request: HttpRequest, at: datetime) -> tuple[str, date, date]:
    """The grouping, the first and the last day: the seven days before today unless told, a year and a day at most."""
    by, today = request.GET.get("by", ""), timezone.localdate(at)
    last = min(day_of(request.GET.get("to", "")) or today - timedelta(days=1), today)
    first = min(day_of(request.GET.get("from", "")) or last - timedelta(days=USUAL_DAYS - 1), last)
    return by if by in figures.GROUPS else "device", max(first, last - timedelta(days=figures.LONGEST_DAYS - 1)), last


def _lines(user: User, by: str, first: date, last: date, at: datetime) -> list[dict[str, Any]]:
    """A line a device or a group: its name, where it leads, its figures."""
    rows = figures.of_devices(Device.objects.visible_to(user), first, last, at)
    if by == "device":
        towns = town_names()
        return [_of_device(row, towns) for row in rows]
    names: dict[Any, str] = dict(Maintainer.objects.values_list("pk", "name")) if by == "maintainer" else {}
    names |= town_names() if by == "town" else {}
    return [
        {
            "name": names.get(key) or (str(key) if key else _("nobody") if by == "maintainer" else _("not said")),
            "url": f"/sensing/?{urlencode({by: key or 0})}" if key or by == "maintainer" else "",
            "figures": sums,
            "bands": _bands(sums),
        }
        for key, sums in figures.grouped(rows, by).items()
    ]


def _of_device(row: OfDevice, towns: dict[str, str]) -> dict[str, Any]:
    return {
        "name": row.mn,
        "merchant": row.merchant,
        "town": towns.get(row.town, ""),
        "url": f"{addresses.device(row.mn)}?span=week",
        "figures": row.figures,
        "bands": _bands(row.figures),
    }


def _bands(sums: Figures) -> list[tuple[str, int]]:
    """Hours in each band of mg/m³."""
    return [(word, round(minutes / 60)) for word, minutes in zip(("0–1", "1–2", "2–4", "> 4"), sums.bands, strict=True)]


def _order(line: dict[str, Any], key: str) -> tuple[bool, Any]:
    """What cannot be said comes last going up."""
    value = line["name"] if key == "name" else getattr(line["figures"], key)
    return (value is None, value if value is not None else 0)


def _groups() -> dict[str, str]:
    return {"device": _("Device"), "town": _("Town"), "vendor": _("Maker"), "maintainer": _("Company")}


def _columns(request: HttpRequest, sort: str) -> list[dict[str, Any]]:
    words = {
        "name": _("Name or MN"), "online": _("On line"), "complete": _("Complete"), "valid": _("Valid"),
        "linked": _("Purifier with the fan"), "over": _("High values"), "over_2": _("Minutes above 2.0"),
    }  # fmt: skip
    columns: list[dict[str, Any]] = []
    for key, label in words.items():
        here = sort.removeprefix("-") == key
        url = _with(request, sort=f"-{key}" if sort == key else key)
        column: dict[str, Any] = {"label": label, "numeric": key != "name", "url": url}
        if here:
            column["sorted"] = "descending" if sort.startswith("-") else "ascending"
        columns.append(column)
    return [*columns, {"label": _("Hours at 0–1 · 1–2 · 2–4 · above 4"), "numeric": True}]


def _with(request: HttpRequest, **changed: str) -> str:
    kept = {key: value for key, value in request.GET.items() if value}
    said = {key: value for key, value in {**kept, **changed}.items() if value}
    return f"?{urlencode(said)}"
