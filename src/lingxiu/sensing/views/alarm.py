"""`/sensing/alarms/<id>/`: what raised an alarm, how it went on, which issue it opened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.policy.alarm_rules import AnyAlarm, PointRule, SustainedValue
from lingxiu.sensing.models import Alarm
from lingxiu.sensing.points import what_a_point_says
from lingxiu.sensing.watch import rule_of
from lingxiu.sensing.words import MILLIGRAMS, SEVERITIES

WINDOW = timedelta(minutes=10)


@require_safe
def alarm_page(request: HttpRequest, alarm_id: int) -> HttpResponse:
    """An alarm, for whoever sees its device."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    alarm = get_object_or_404(Alarm.objects.visible_to(user).select_related("device", "device__merchant"), pk=alarm_id)
    rule = rule_of(alarm)
    context = {
        "alarm": alarm,
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


def what_it_says(rule: AnyAlarm) -> str:
    """The rule in one sentence, with its numbers."""
    if isinstance(rule, PointRule):
        return what_a_point_says(rule)
    if rule.type == "sustained_value":
        return _(
            "Raised when the ten-minute mean lies above %(limit)s mg/m³ %(windows)s times in a row, or once above %(single)s,"
            " while the fan runs; cleared after %(clear)s means at or below it."
        ) % {
            "limit": f"{rule.limit:g}",
            "windows": rule.windows,
            "single": f"{rule.single_limit:g}",
            "clear": rule.clear_windows,
        }
    if rule.type == "fan_without_purifier":
        return _(
            "Raised when the fan runs without the purifier for %(minutes)s minutes within %(within)s;"
            " cleared by ten minutes without that."
        ) % {"minutes": rule.minutes, "within": rule.windows * 10}
    return _(
        "Raised when nothing has come for %(minutes)s minutes; it opens an issue after %(hours)s hours; cleared when data are back."
    ) % {"minutes": rule.minutes, "hours": rule.issue_after_minutes // 60}


def evidence(alarm: Alarm) -> list[dict[str, Any]]:
    """The windows that raised it, as they were then."""
    return [
        {**window, "from": timezone.localtime(start), "to": timezone.localtime(start + WINDOW)}
        for window in alarm.evidence.get("windows", [])
        if (start := datetime.fromisoformat(window["at"]))
    ]
