"""`/sensing/devices/<mn>/`: a span of a device, its alarms, its last words, what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.queries import head
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.privacy.masks import mask_phone
from lingxiu.sensing import answers, asking, charting, noted, point_charting, queries
from lingxiu.sensing.charting import Span
from lingxiu.sensing.models import Alarm, Device, DeviceEvent, Mute
from lingxiu.sensing.queries import Window
from lingxiu.sensing.views.forecasts import expected_of
from lingxiu.sensing.views.point import point_page
from lingxiu.sensing.words import MILLIGRAMS, SEVERITIES, STATES, why_odd
from lingxiu.ui import addresses
from lingxiu.ui.days import day_of

ALARMS_SHOWN = 12
TOLD_SHOWN = 4
EVENTS_SHOWN = 30
SPANS: Final[dict[str, str | Promise]] = {
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
    "year": gettext_lazy("Year"),
}
BEFORE: Final[dict[str, str | Promise]] = {
    "day": gettext_lazy("Day before"),
    "week": gettext_lazy("Week before"),
    "month": gettext_lazy("Month before"),
    "year": gettext_lazy("Year before"),
}
AFTER: Final[dict[str, str | Promise]] = {
    "day": gettext_lazy("Day after"),
    "week": gettext_lazy("Week after"),
    "month": gettext_lazy("Month after"),
    "year": gettext_lazy("Year after"),
}
FILE_STEPS: Final = {"day": "10m", "week": "1h", "month": "1h", "year": "1d"}
CHART_TITLES: Final[dict[str, str | Promise]] = {
    "day": gettext_lazy("Fume, ten-minute means"),
    "week": gettext_lazy("Fume, hourly means"),
    "month": gettext_lazy("Fume, hourly means"),
    "year": gettext_lazy("Fume, daily means"),
}
PARTS: Final = {"live": "sensing/device_live.html", "tiles": "sensing/device_tiles.html"}
DRIFT = timedelta(minutes=3)
"""A clock further off than this is worth a word."""


def device_of(request: HttpRequest, mn: str) -> tuple[User, Device]:
    """Who asks, and the device as far as they may see it, with its state. Raises Http404."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    found = queries.with_state(Device.objects.visible_to(user), timezone.now()).select_related("merchant", "maintainer")
    return user, get_object_or_404(found, mn=mn)


@require_safe
def device_page(request: HttpRequest, mn: str) -> HttpResponse:
    """A span of the device (`span`, a day unless told, with `day` in it); `part` one of PARTS answers with that alone."""
    user, device = device_of(request, mn)
    at = timezone.now()
    asked = Asked.of(request, at)
    since = told_from(user, device)
    context = about(user, device, asked, at, since)
    if device.kind != "fume_monitor":
        return point_page(request, device, at, since, asked, context)
    template = PARTS.get(request.GET.get("part", ""), "sensing/device.html")
    return render(request, template, context | measured(user, device, asked, at, since))


def about(user: User, device: Device, asked: Asked, at: datetime, since: datetime | None) -> dict[str, Any]:
    """What the page of any device shows."""
    address = addresses.device(device.mn)
    return {
        "device": device,
        "merchant": device.merchant,
        "state": STATES[queries.state_of(device, at)],
        **asked.around(at),
        "alarms": (alarms := alarms_of(device, since)),
        "storm": next((row["alarm"].storm for row in alarms if lasts_in_storm(row["alarm"])), None),
        "alarm_columns": [{"label": word} for word in (_("Alarm"), _("Raised"), _("Cleared"), _("Issue"))],
        "profile": next((row for row in in_force().catalogues.dialects if row.id == device.profile), None),
        "manages": user.authority.may("sensing.manage"),
        **card_of(device, at),
        "live": f"{address}?{asked.query()}&part=live",
        "live_tiles": f"{address}?{asked.query()}&part=tiles",
        "heard_on": heard_on(device, asked, since),
        "pulse": str(head()),
    }


def measured(user: User, device: Device, asked: Asked, at: datetime, since: datetime | None) -> dict[str, Any]:
    """What the page of a fume monitor shows besides: what it measured, its frames, what it was asked."""
    found = charting.rows_of(device.pk, asked.span, since)
    readings = queries.last_readings(device.pk, at, since)
    shown: dict[str, Any] = {
        "sum": queries.Sum.of(found, int((min(asked.span.until, at) - asked.span.since).total_seconds() // 60)),
        "rows": steps_in_words(found, asked.span),
        "row_columns": _numeric(_("From"), _("Mean"), _("Highest"), _("Fan"), _("Purifier")),
        "readings": readings,
        "reading_columns": [{"label": word, "numeric": number} for word, number in _reading_words()],
        "drift": drift(readings),
        "frames": None,
        "line": None,
        "told": (),
    }
    if user.authority.may("sensing.manage"):
        shown["frames"] = [(row, why_odd(row.why) if row.why else "") for row in queries.raw_frames(device.pk)]
        shown["line"] = asking.line_of(device, at)
        shown["told"] = answers.last_told(device, TOLD_SHOWN)
    return shown


@require_safe
def device_chart(request: HttpRequest, mn: str) -> JsonResponse:
    """The data of the chart island: the same `span`, `day`, `with` and `show` as the page."""
    user, device = device_of(request, mn)
    at = timezone.now()
    asked = Asked.of(request, at)
    language, since = get_language() or "zh-hans", told_from(user, device)
    if device.kind != "fume_monitor":
        line = point_charting.line_of(device.kind, asked.show)
        drawn = point_charting.chart(
            device, asked.span, at, language, line, user=user, beside=asked.beside, since=since
        )
        return JsonResponse(drawn)
    data = charting.chart(device, asked.span, at, language, user=user, beside=asked.beside, since=since)
    return JsonResponse({"unit": MILLIGRAMS, "label": _("Fume"), **data})


@dataclass(frozen=True, slots=True)
class Asked:
    """Which span of a device, holding which day, beside what. `show`: which of its values, where there are several."""

    span: Span
    day: date
    beside: tuple[str, ...]
    show: str = ""

    @classmethod
    def of(cls, request: HttpRequest, at: datetime) -> Asked:
        name, day = request.GET.get("span", ""), asked_day(request, at)
        span = Span.of(name if name in charting.STEPS else "day", day)
        offered = charting.beside_words(span)
        beside = tuple(which for which in offered if which in request.GET.getlist("with"))
        return cls(span, day, beside, request.GET.get("show", ""))

    @property
    def last_day(self) -> date:
        return self.span.after - timedelta(days=1)

    def query(self, **changed: Any) -> str:
        """The address of this, with some of it changed."""
        said = {"span": self.span.name, "day": self.day, "with": self.beside, "show": self.show or (), **changed}
        return urlencode(said, doseq=True)

    def around(self, at: datetime) -> dict[str, Any]:
        """What the page shows around the chart: the spans, what it may be compared with, the spans before and after."""
        today, offered = timezone.localdate(at), charting.beside_words(self.span)
        toggled = {which: tuple(one for one in offered if (one in self.beside) != (one == which)) for which in offered}
        return {
            "span": self.span,
            "day": self.day,
            "last": self.last_day,
            "query": self.query(),
            "export": urlencode({"step": FILE_STEPS[self.span.name], "from": self.span.first, "to": self.last_day}),
            "export_raw": urlencode({"step": "raw", "from": self.span.first, "to": self.last_day}),
            "asked_beside": self.beside,
            "chart_title": CHART_TITLES[self.span.name],
            "spans": [
                {"label": label, "url": f"?{self.query(span=name)}", "active": name == self.span.name}
                for name, label in SPANS.items()
            ],
            "beside": [
                {"label": label, "url": f"?{self.query(**{'with': toggled[which]})}", "on": which in self.beside}
                for which, label in offered.items()
            ],
            "before_word": BEFORE[self.span.name],
            "after_word": AFTER[self.span.name],
            "before": f"?{self.query(day=self.span.previous.first)}",
            "after": f"?{self.query(day=self.span.after)}" if self.span.after <= today else "",
        }


def told_from(user: User, device: Device) -> datetime | None:
    """From when on this person is told what the device measured: a shop's owner since it stands there, officers all of it."""
    return None if user.authority.is_officer else queries.stands_there_since(device)


def heard_on(device: Device, asked: Asked, since: datetime | None) -> date | None:
    """The county day it was last heard, where the span asked for lies wholly after it: there is nothing to be drawn."""
    last = device.last_frame_at
    if last is None or (since is not None and last < since) or last >= asked.span.since:
        return None
    return timezone.localdate(last)


def steps_in_words(found: list[Window], span: Span) -> list[list[str]]:
    """The rows of the table: the chart's numbers."""
    form = {"day": "%H:%M", "year": "%Y-%m-%d"}.get(span.name, "%m-%d %H:%M")
    return [
        [
            timezone.localtime(row.at).strftime(form),
            *("–" if value is None else f"{value:.2f}" for value in (row.fume_mean, row.fume_max)),
            str(row.fan_on_minutes),
            str(row.purifier_on_minutes),
        ]
        for row in found
    ]


def asked_day(request: HttpRequest, at: datetime) -> date:
    """The county day the address asks for; today if it asks for none that has been."""
    today = timezone.localdate(at)
    return min(day_of(request.GET.get("day", "")) or today, today)


def card_of(device: Device, at: datetime) -> dict[str, Any]:
    """What the device's page says of it beside its readings: who looks after it, what is planned, what became of it."""
    events = list(
        DeviceEvent.objects.filter(device=device)
        .select_related("merchant", "other")
        .order_by("-at", "-id")[:EVENTS_SHOWN]
    )
    planned = queries.planned(device, at)
    mutes = noted.mutes_of([device.pk], at)[device.pk]
    by = {one for rows in (events, planned) for one in (row.recorded_by for row in rows) if one is not None}
    by |= {row.muted_by for row in mutes}
    names = dict(User.objects.filter(pk__in=by).values_list("pk", "name")) if by else {}
    maintainer = device.maintainer
    return {
        "expected": expected_of(device),
        "mutes": [(row, labels_of(row), names.get(row.muted_by, "")) for row in mutes],
        "maintainer": maintainer,
        "phone": mask_phone(maintainer.phone) if maintainer and maintainer.phone else "",
        "planned": [(row, names.get(row.recorded_by or 0, "")) for row in planned],
        "events": [(row, names.get(row.recorded_by or 0, "")) for row in events],
    }


def lasts_in_storm(alarm: Alarm) -> bool:
    """Whether it is one of many that still go the same way."""
    return alarm.cleared_at is None and alarm.storm is not None and alarm.storm.until is None


def labels_of(mute: Mute) -> Label | None:
    """What is muted; None: every alarm of the device."""
    return next((rule.label for rule in in_force().catalogues.alarms.rules if rule.id == mute.code), None)


def alarms_of(device: Device, since: datetime | None) -> list[dict[str, Any]]:
    """The newest alarms of a device, raised since then, each with its rule and severity in words."""
    rules = {rule.id: rule for rule in in_force().catalogues.alarms.rules}
    found = Alarm.objects.filter(device=device, withdrawn_at=None)
    told = found if since is None else found.filter(raised_at__gte=since)
    newest = told.select_related("storm").order_by("-raised_at")[:ALARMS_SHOWN]
    return [{"alarm": row, "rule": rules.get(row.code), "severity": SEVERITIES[row.severity]} for row in newest]


def drift(readings: list[dict[str, Any]]) -> int | None:
    """By how many minutes its clock seems ahead (negative: behind), of the newest reading; None while it is near enough.

    A re-send of old data looks late too: only what arrived newest of all is asked.
    """
    newest = max(readings, key=lambda row: row["received_at"], default=None)
    if newest is None:
        return None
    ahead = newest["at"] - newest["received_at"]
    return round(ahead.total_seconds() / 60) if DRIFT < abs(ahead) < timedelta(hours=6) else None


def _numeric(*words: str) -> list[dict[str, Any]]:
    return [{"label": word, "numeric": True} for word in words]


def _reading_words() -> list[tuple[str, bool]]:
    return [
        (_("Time"), False),
        (_("Fume"), True),
        (_("PM"), True),
        (_("NMHC"), True),
        (_("Temperature"), True),
        (_("Fan"), False),
        (_("Purifier"), False),
        (_("Arrived"), False),
    ]
