"""`/sensing/devices/<mn>/`: a day of a device, its alarms, its last words; and what may be done with it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Json
from lingxiu.journal.queries import head
from lingxiu.merchants.views.asking import reader_who_may, write_once
from lingxiu.policy.queries import in_force
from lingxiu.sensing import actions, queries
from lingxiu.sensing.forms import MaintenanceForm
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.words import MILLIGRAMS, SEVERITIES, STATES, why_odd
from lingxiu.ui import addresses

ALARMS_SHOWN = 12
DRIFT = timedelta(minutes=3)
"""A clock further off than this is worth a word."""


def device_of(request: HttpRequest, mn: str) -> tuple[User, Device]:
    """Who asks, and the device as far as they may see it, with its state. Raises Http404."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    found = queries.with_state(Device.objects.visible_to(user), timezone.now()).select_related("merchant")
    return user, get_object_or_404(found, mn=mn)


@require_safe
def device_page(request: HttpRequest, mn: str) -> HttpResponse:
    """A day of the device (`day`, today unless told); `part=live` answers with the live part alone."""
    user, device = device_of(request, mn)
    at = timezone.now()
    day = asked_day(request, at)
    since, until = queries.day_bounds(day)
    found = queries.windows(device.pk, since, until)
    readings = queries.last_readings(device.pk, at)
    manages = user.authority.may("sensing.manage")
    context = {
        "device": device,
        "merchant": device.merchant,
        "state": STATES[queries.state_of(device, at)],
        "day": day,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1) if day < timezone.localdate(at) else None,
        "sum": queries.DaySum.of(found, int((min(until, at) - since).total_seconds() // 60)),
        "windows": [(timezone.localtime(row.at), row) for row in found],
        "window_columns": [
            {"label": word, "numeric": True} for word in (_("From"), _("Mean"), _("Highest"), _("Fan"), _("Purifier"))
        ],
        "readings": readings,
        "reading_columns": [{"label": word, "numeric": number} for word, number in _reading_words()],
        "drift": drift(readings),
        "alarms": alarms_of(device),
        "alarm_columns": [{"label": word} for word in (_("Alarm"), _("Raised"), _("Cleared"), _("Issue"))],
        "profile": next((row for row in in_force().catalogues.devices if row.id == device.profile), None),
        "frames": [(row, why_odd(row.why) if row.why else "") for row in queries.raw_frames(device.pk)]
        if manages
        else None,
        "form": MaintenanceForm() if manages else None,
        "live": f"{addresses.device(mn)}?day={day}&part=live",
        "pulse": str(head()),
    }
    part = request.GET.get("part") == "live"
    return render(request, "sensing/device_live.html" if part else "sensing/device.html", context)


@require_safe
def device_chart(request: HttpRequest, mn: str) -> JsonResponse:
    """The data of the chart island for a day."""
    _user, device = device_of(request, mn)
    at = timezone.now()
    data = queries.chart(device, asked_day(request, at), at, get_language() or "zh-hans")
    return JsonResponse({"unit": MILLIGRAMS, "label": _("Fume"), **data})


@require_http_methods(["POST"])
def device_move(request: HttpRequest, mn: str, verb: str) -> HttpResponse:
    """Begin or end maintenance, or take the device out of use; for `sensing.manage`."""
    user = reader_who_may(request, "sensing.manage")
    _user, device = device_of(request, mn)
    form = MaintenanceForm(request.POST)
    if verb == "maintain" and not form.is_valid():
        messages.error(request, _("Say what is done, so that others know why there are no alarms."))
        return redirect(addresses.device(mn))

    def do(at: datetime) -> Json:
        try:
            _move(device, verb, form, at, user.pk)
        except actions.NotActive:
            messages.error(request, _("Somebody else was faster: look at how it is with the device now."))
        return {}

    write_once(request, user, do)
    return redirect(addresses.device(mn))


def _move(device: Device, verb: str, form: MaintenanceForm, at: datetime, actor_id: int) -> None:
    if verb == "maintain":
        said = form.cleaned_data
        actions.begin_maintenance(device, note=said["note"], until=said["until"], at=at, actor_id=actor_id)
    elif verb == "resume":
        actions.end_maintenance(device, at=at, actor_id=actor_id)
    elif verb == "retire":
        actions.retire(device, at=at, actor_id=actor_id)
    else:
        raise Http404


def asked_day(request: HttpRequest, at: datetime) -> date:
    """The county day the address asks for; today if it asks for none that has been."""
    today = timezone.localdate(at)
    try:
        return min(date.fromisoformat(request.GET.get("day", "")), today)
    except ValueError:
        return today


def alarms_of(device: Device) -> list[dict[str, Any]]:
    """The newest alarms of a device, each with its rule and severity in words."""
    rules = {rule.id: rule for rule in in_force().catalogues.alarms.rules}
    newest = Alarm.objects.filter(device=device, withdrawn_at=None).order_by("-raised_at")[:ALARMS_SHOWN]
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
