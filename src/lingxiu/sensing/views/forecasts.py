"""`/sensing/forecasts/`: what is expected, why, whose issue it is, and how often that was right. Never moves an issue itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import State
from lingxiu.issues.models import Issue, Source
from lingxiu.journal.actions import record
from lingxiu.merchants.views.asking import reader
from lingxiu.policy.schema.roles import Sight
from lingxiu.sensing import forecast_words
from lingxiu.sensing.exporting import Cell
from lingxiu.sensing.forecast_words import OUTCOMES
from lingxiu.sensing.hits import rates_by_quarter, rates_of, turned_out
from lingxiu.sensing.models import Device, Forecast
from lingxiu.sensing.views.files import sent
from lingxiu.territory.queries import town_names

PAGE_ROWS: Final = 50
MOST_ROWS: Final = 10_000
COUNTED: Final = timedelta(days=730)
LATELY: Final = timedelta(days=365)
WAITING, ALL = "waiting", "all"
SORTS: Final[dict[str, tuple[str, ...]]] = {"soonest": ("due_on", "pk"), "newest": ("-made_at", "-pk")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the list is asked for. `outcome`: one of Forecast.Outcome, `waiting` (its issue waits for a person) or `all`."""

    kind: str
    town: str
    outcome: str
    sort: str

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        kind, town, outcome, sort = (request.GET.get(name, "")[:20] for name in ("kind", "town", "outcome", "sort"))
        outcome = outcome if outcome in (*Forecast.Outcome.values, WAITING, ALL) else Forecast.Outcome.OPEN
        usual = "soonest" if outcome in (Forecast.Outcome.OPEN, WAITING) else "newest"
        return cls(kind if kind in Forecast.Kind.values else "", town, outcome, sort if sort in SORTS else usual)

    def rows(self, devices: QuerySet[Device]) -> QuerySet[Forecast]:
        """The forecasts of these devices that fit, in the order asked for."""
        found = Forecast.objects.filter(device__in=devices).select_related("device", "device__merchant")
        if self.outcome == WAITING:
            waiting = Issue.objects.filter(source=Source.FORECAST, state=State.PREDICTED)
            found = found.filter(outcome=Forecast.Outcome.OPEN, issue_number__in=waiting.values("number"))
        elif self.outcome != ALL:
            found = found.filter(outcome=self.outcome)
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.town:
            found = found.filter(device__merchant__town=self.town)
        return found.order_by(*SORTS[self.sort])

    def query(self, **changed: object) -> str:
        said = {"kind": self.kind, "town": self.town, "outcome": self.outcome, "sort": self.sort, **changed}
        return urlencode({name: value for name, value in said.items() if value})


@require_safe
def forecasts_page(request: HttpRequest) -> HttpResponse:
    """`kind`, `town` and `outcome` narrow the list (open ones unless told), `sort` one of SORTS."""
    user, at, asked = reader(request), timezone.now(), Asked.of(request)
    devices = Device.objects.visible_to(user)
    found = asked.rows(devices)
    total = found.count()
    page = request.GET.get("page", "")
    number = min(int(page) - 1 if page.isdecimal() and len(page) < 6 else 0, max(0, total - 1) // PAGE_ROWS)
    begins = max(0, number) * PAGE_ROWS
    towns = town_names()
    rows = _with_issues(list(found[begins : begins + PAGE_ROWS]), towns, user, at)
    turned = turned_out(devices, at - COUNTED)
    lately = timezone.localdate(at - LATELY)
    context = {
        "rows": rows,
        "columns": _columns(asked),
        "ticks": user.authority.may("issues.dispatch") and any(row["tick"] for row in rows),
        "rates": _labelled(rates_of(row for row in turned if row.said_on >= lately)),
        "quarters": [
            {"name": f"{year} Q{quarter}", "rates": [rate for rate in _labelled(rates) if rate["rate"].all]}
            for (year, quarter), rates in rates_by_quarter(turned)
        ],
        "kinds": Forecast.Kind.choices,
        "outcomes": [
            (WAITING, _("waits for a person")), *((value, word.word) for value, word in OUTCOMES.items()),
            (ALL, _("All forecasts")),
        ],
        "towns": towns if user.authority.farthest("merchants") == Sight.COUNTY else {},
        "asked": asked, "file": asked.query(), "total": total,
        "first": begins + 1 if total else 0, "last": begins + len(rows),
        "prev": f"?{asked.query(page=number)}" if number > 0 else "",
        "next": f"?{asked.query(page=number + 2)}" if begins + len(rows) < total else "",
    }  # fmt: skip
    return render(request, "sensing/forecasts.html", context)


@require_safe
def forecasts_file(request: HttpRequest, form: str) -> HttpResponseBase:
    """What the list shows, whole, as a file; noted in the journal."""
    user, at, asked = reader(request), timezone.now(), Asked.of(request)
    head = [
        _("Expected"), _("Merchant"), _("Town"), _("Device"), _("Said first"), _("Day"), _("Interval from"), _("Interval to"),
        f"{_('Chance')} (%)", _("Why"), _("How it turned out"), _("Because"), _("It came on"), _("Issue"),
    ]  # fmt: skip
    rows = list(_cells(asked.rows(Device.objects.visible_to(user))[:MOST_ROWS]))
    with transaction.atomic():
        record(
            "forecasts.exported", "forecasts", asked.outcome, at=at, actor_id=user.pk,
            reference={"kind": asked.kind, "town": asked.town, "rows": len(rows)},
        )  # fmt: skip
    return sent(f"forecasts-{timezone.localdate(at)}", form, head, rows)


def _cells(found: Iterable[Forecast]) -> Iterator[list[Cell]]:
    towns = town_names()
    for row in found:
        merchant = row.device.merchant
        yield [
            str(Forecast.Kind(row.kind).label), merchant.name, towns.get(merchant.town, ""), row.device.mn,
            row.inputs["said"]["on"], str(row.due_on), str(row.due_from), str(row.due_to), round(100 * row.inputs["chance"]),
            forecast_words.why(row), str(OUTCOMES[Forecast.Outcome(row.outcome)].word), forecast_words.ended(row),
            row.inputs.get("came_on") or "", row.issue_number,
        ]  # fmt: skip


def _with_issues(found: list[Forecast], towns: dict[str, str], user: User, at: datetime) -> list[dict[str, Any]]:
    """The rows in words. `tick`: what stands for a row in an order for many issues, while its own waits for a person."""
    numbers = {row.issue_number for row in found} - {""}
    issues = {issue.number: issue for issue in Issue.objects.visible_to(user).filter(number__in=numbers)}
    today, rows = timezone.localdate(at), []
    for row in found:
        issue = issues.get(row.issue_number)
        waits = issue is not None and issue.state == State.PREDICTED
        rows.append({
            **shown(row), "town": towns.get(row.device.merchant.town, ""), "issue": issue,
            "tick": f"{issue.number}.{issue.version}" if issue is not None and waits else "",
            "days_left": (row.due_on - today).days if row.outcome == Forecast.Outcome.OPEN else None,
        })  # fmt: skip
    return rows


def _columns(asked: Asked) -> list[dict[str, str]]:
    """The heads; two of them sort."""
    words = [
        (_("Expected"), ""), (_("Merchant"), ""), (_("Day"), "soonest"), (_("Why"), ""), (_("Issue"), ""),
        (_("Said first"), "newest"),
    ]  # fmt: skip
    directions = {"soonest": "ascending", "newest": "descending"}
    return [
        {
            "label": word,
            "url": f"?{asked.query(sort=sort)}" if sort else "",
            "sorted": directions[sort] if sort and sort == asked.sort else "",
        }
        for word, sort in words
    ]


def _labelled(rates: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"rate": rate, "label": Forecast.Kind(rate.kind).label} for rate in rates]


@require_safe
def forecast_page(request: HttpRequest, forecast_id: int) -> HttpResponse:
    """One forecast with its evidence, for officers who see its device."""
    user = reader(request)
    seen = Forecast.objects.filter(device__in=Device.objects.visible_to(user))
    row = get_object_or_404(seen.select_related("device", "device__merchant"), pk=forecast_id)
    context = {**shown(row), "merchant": row.device.merchant, "device": row.device, "plot": plot(row)}
    return render(request, "sensing/forecast.html", context)


def shown(row: Forecast) -> dict[str, Any]:
    """A forecast in words."""
    return {
        "forecast": row,
        "outcome_word": OUTCOMES[Forecast.Outcome(row.outcome)],
        "ended": forecast_words.ended(row),
        "chance": round(100 * row.inputs["chance"]),
        "why": forecast_words.why(row),
        "said": {key: date.fromisoformat(value) for key, value in row.inputs["said"].items()},
        "reasons": forecast_words.reasons(row),
        "last_done": forecast_words.last_done(row),
    }


def expected_of(device: Device) -> list[dict[str, Any]]:
    """The open forecasts of a device, for its page."""
    found = Forecast.objects.filter(device=device, outcome=Forecast.Outcome.OPEN).order_by("due_on")
    return [shown(row) for row in found.select_related("device", "device__merchant")]


def behind_issue(number: str, user: User) -> list[dict[str, Any]]:
    """The forecasts an issue was made from, drawn, as far as this reader sees their devices; for its page."""
    seen = Forecast.objects.filter(issue_number=number, device__in=Device.objects.visible_to(user))
    return [
        {**shown(row), "plot": plot(row)}
        for row in seen.select_related("device", "device__merchant").order_by("due_on", "pk")
    ]


@require_safe
def forecast_chart(request: HttpRequest, forecast_id: int) -> JsonResponse:
    """The data of the chart island for one forecast (docs/frontend.md, a trend)."""
    seen = Forecast.objects.filter(device__in=Device.objects.visible_to(reader(request)))
    return JsonResponse(trend(get_object_or_404(seen, pk=forecast_id)))


def trend(row: Forecast) -> dict[str, Any]:
    """What was measured each day, the limit, the line carried on to it, and the days between which it is expected."""
    reason, points = row.inputs["reasons"][0], points_of(row)
    label, unit = forecast_words.FIGURES[reason["what"]]
    limit, now = abs(reason["limit"]), abs(reason["now"])
    last = points[-1][0]
    done = row.inputs.get("last")
    until = max(row.due_to, last) + timedelta(days=2)
    return {
        "kind": "trend", "unit": unit, "label": str(label), "from": str(points[0][0]), "until": str(until),
        "today": {"day": str(last), "label": _("last figure")},
        "limit": {"value": limit, "label": _("limit %(limit)s") % {"limit": f"{limit:g}"}},
        "points": [[str(day), value] for day, value in points],
        "line": {"label": _("The trend carried on"), "points": [[str(last), now], [str(row.due_on), limit]]},
        "edges": [[[str(last), now], [str(day), limit]] for day in (row.due_from, row.due_to)],
        "expected": {"from": str(row.due_from), "until": str(row.due_to), "label": _("Interval")},
        "done": [{"day": done, "label": forecast_words.last_done(row)}] if done and done >= str(points[0][0]) else [],
    }  # fmt: skip


def points_of(row: Forecast) -> list[tuple[date, float]]:
    """The figure of each day that has one; falling figures are kept as negative ones."""
    return [(date.fromisoformat(day), abs(value)) for day, value in row.inputs["points"]]


WIDE, HIGH = 640, 200


def plot(row: Forecast) -> dict[str, Any]:
    """The evidence as a drawing of WIDE × HIGH: days as points, the limit, the line carried on, the interval."""
    points, reason = points_of(row), row.inputs["reasons"][0]
    limit, now = abs(reason["limit"]), abs(reason["now"])
    first, last = points[0][0], max(row.due_to, points[-1][0])
    days = max(1, (last - first).days)
    top = 1.1 * max(limit, now, *(value for _day, value in points)) or 1.0

    def x(day: date) -> float:
        return round((day - first).days / days * WIDE, 1)

    def y(value: float) -> float:
        return round(HIGH - value / top * HIGH, 1)

    return {
        "wide": WIDE, "high": HIGH, "limit": y(limit), "begins": first, "ends": last, "at_limit": limit,
        "unit": forecast_words.FIGURES[reason["what"]][1],
        "points": [(x(day), y(value)) for day, value in points],
        "line": f"{x(points[-1][0])},{y(now)} {x(row.due_on)},{y(limit)}",
        "from": x(row.due_from), "width": max(2.0, round(x(row.due_to) - x(row.due_from), 1)),
        "values": points,
    }  # fmt: skip
