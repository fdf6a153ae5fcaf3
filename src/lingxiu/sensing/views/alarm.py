"""`/sensing/alarms/<id>/`: what raised an alarm, how it went on, which issue it opened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Json
from lingxiu.merchants.views.asking import Refused, reader_who_may, write_once
from lingxiu.policy.alarm_rules import (
    AnyAlarm,
    CleaningDue,
    FanOff,
    FanWithoutPurifier,
    FlatValue,
    LinkageRate,
    LowDay,
    RepeatedAlarm,
    Silence,
    SuddenChange,
    SustainedValue,
)
from lingxiu.sensing import muting
from lingxiu.sensing.models import Alarm, Device, Mute
from lingxiu.sensing.points import what_a_point_says
from lingxiu.sensing.watch import rule_of
from lingxiu.sensing.words import MILLIGRAMS, SEVERITIES
from lingxiu.ui import addresses

WINDOW = timedelta(minutes=10)
VERBS = {"acknowledge": "issues.dispatch", "mute": "sensing.manage", "unmute": "sensing.manage"}
DAYS = ("1", "3", "7", "30")


@require_safe
def alarm_page(request: HttpRequest, alarm_id: int) -> HttpResponse:
    """An alarm, for whoever sees its device."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    alarm = get_object_or_404(Alarm.objects.visible_to(user).select_related("device", "device__merchant"), pk=alarm_id)
    rule, at = rule_of(alarm), timezone.now()
    context = {
        "alarm": alarm,
        "mute": muting.mute_of(alarm, at),
        "manages": user.authority.may("sensing.manage"),
        "may_acknowledge": user.authority.may("issues.dispatch") and alarm.acknowledged_at is None,
        "device": alarm.device,
        "merchant": alarm.device.merchant,
        "rule": rule,
        "severity": SEVERITIES[alarm.severity],
        "says": what_it_says(rule),
        "measures_value": isinstance(rule, SustainedValue),
        "evidence": evidence(alarm),
        "columns": [
            {"label": word, "numeric": word != _("Window")}
            for word in (_("Window"), _("Mean"), _("Fan on"), _("Without purifier"))
        ],
        "day": timezone.localdate(alarm.raised_at),
        "officer": user.authority.is_officer,
        "unit": MILLIGRAMS,
    }
    return render(request, "sensing/alarm.html", context)


@require_http_methods(["POST"])
def alarm_move(request: HttpRequest, alarm_id: int, verb: str) -> HttpResponse:
    """`acknowledge`, for dispatchers; for `sensing.manage`: `mute` its device's alarms of this code (`what=device`: all of
    them) for some days, or `unmute` them."""
    user = reader_who_may(request, VERBS.get(verb, ""))
    alarm = get_object_or_404(Alarm.objects.visible_to(user).select_related("device__merchant"), pk=alarm_id)
    why = request.POST.get("why", "").strip()[:200]
    days = request.POST.get("days", "1")

    def do(at: datetime) -> Json:
        try:
            if verb == "acknowledge":
                muting.acknowledge(alarm, words=why, at=at, actor_id=user.pk)
            elif verb == "mute":
                until = at + timedelta(days=int(days) if days in DAYS else 1)
                code = "" if request.POST.get("what") == "device" else alarm.code
                muting.mute(alarm.device, code=code, until=until, reason=why, at=at, actor_id=user.pk)
            else:
                muting.unmute(alarm.device, code=alarm.code, at=at, actor_id=user.pk)
        except muting.SaysNothing:
            messages.error(request, _("Say why: others will ask."))
            raise Refused from None
        return {}

    write_once(request, user, do)
    return redirect(f"/sensing/alarms/{alarm.pk}/")


@require_http_methods(["POST"])
def end_mute(request: HttpRequest, mute_id: int) -> HttpResponse:
    """A device's alarms are told again; for `sensing.manage`."""
    user = reader_who_may(request, "sensing.manage")
    mutes = Mute.objects.filter(device__in=Device.objects.visible_to(user)).select_related("device__merchant")
    row = get_object_or_404(mutes, pk=mute_id)

    def do(at: datetime) -> Json:
        muting.end(row, at=at, actor_id=user.pk)
        return {}

    write_once(request, user, do)
    return redirect(addresses.device(row.device.mn))


def what_it_says(rule: AnyAlarm) -> str:
    """The rule in one sentence, with its numbers."""
    match rule:
        case SustainedValue():
            return _sustained(rule)
        case RepeatedAlarm():
            return _(
                "Raised when %(of)s was raised on %(days)s of %(within)s days;"
                " cleared after %(clear)s windows of cooking without it."
            ) % {"of": rule.of, "days": rule.days, "within": rule.within_days, "clear": rule.clear_windows}
        case FanWithoutPurifier():
            return _(
                "Raised when the fan runs without the purifier for %(minutes)s minutes within %(within)s;"
                " cleared by ten minutes without that in which the purifier runs."
            ) % {"minutes": rule.minutes, "within": rule.windows * 10}
        case FanOff():
            return _(
                "Raised when in business hours the fan is off for %(minutes)s minutes while the mean rises by %(rise)s mg/m³;"
                " cleared when the fan runs."
            ) % {"minutes": rule.windows * 10, "rise": f"{rule.rise_mg_m3:g}"}
        case FlatValue():
            return _(
                "Raised when for %(minutes)s minutes with the fan on the value moves by no more than %(spread)s mg/m³:"
                " the device is to be checked; cleared when it moves."
            ) % {"minutes": rule.windows * 10, "spread": f"{rule.spread_mg_m3:g}"}
        case SuddenChange():
            return _("Raised when two means in a row differ %(times)s-fold; it stands for %(minutes)s minutes.") % {
                "times": f"{rule.times:g}", "minutes": rule.clear_windows * 10
            }  # fmt: skip
        case LowDay():
            return _(
                "Raised by a day on which the fan ran for %(minutes)s minutes and no value passed %(limit)s mg/m³:"
                " the device is to be checked; cleared by a day on which one does."
            ) % {"minutes": rule.fan_on_minutes, "limit": f"{rule.limit:g}"}
        case LinkageRate():
            return _(
                "Raised at the end of a month in which the purifier ran for less than %(percent)s of the fan’s minutes;"
                " cleared by a month in which it did."
            ) % {"percent": f"{rule.at_least_percent:g} %"}
        case CleaningDue():
            return _(
                "Raised on the day after the purifier’s cleaning was due; it opens an issue after %(days)s days;"
                " cleared by the next cleaning on record."
            ) % {"days": rule.issue_after_days}
        case Silence():
            return _(
                "Raised when nothing has come for %(minutes)s minutes; it opens an issue after %(hours)s hours;"
                " cleared when data are back."
            ) % {"minutes": rule.minutes, "hours": rule.issue_after_minutes // 60}
        case _:
            return what_a_point_says(rule)


def _sustained(rule: SustainedValue) -> str:
    said = {"limit": f"{rule.limit:g}", "windows": rule.windows, "clear": rule.clear_windows}
    if rule.reaches:
        return (
            _(
                "Raised when the ten-minute mean reaches %(limit)s mg/m³ while the fan runs; cleared after %(clear)s means below it."
            )
            % said
        )
    if rule.single_limit is None:
        return (
            _(
                "Raised when the ten-minute mean lies above %(limit)s mg/m³ while the fan runs;"
                " cleared after %(clear)s means at or below it."
            )
            % said
        )
    return _(
        "Raised when the ten-minute mean lies above %(limit)s mg/m³ %(windows)s times in a row, or once above %(single)s,"
        " while the fan runs; cleared after %(clear)s means at or below it."
    ) % {**said, "single": f"{rule.single_limit:g}"}


def evidence(alarm: Alarm) -> list[dict[str, Any]]:
    """The windows that raised it, as they were then."""
    return [
        {**window, "from": timezone.localtime(start), "to": timezone.localtime(start + WINDOW)}
        for window in alarm.evidence.get("windows", [])
        if (start := datetime.fromisoformat(window["at"]))
    ]
