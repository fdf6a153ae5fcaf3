"""`/sensing/observing/`: what new devices would have raised, and the decision that one begins to raise single alarms."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.issues.digest import last_end_of_work
from lingxiu.journal.actions import Json
from lingxiu.merchants.views.asking import Refused, reader, reader_who_may, write_once
from lingxiu.policy.alarm_rules import AnyAlarm
from lingxiu.policy.queries import in_force
from lingxiu.sensing import observed
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.words import HEARERS, SEVERITIES, how_high
from lingxiu.territory.queries import town_names

DEVICES: Final = 20
DECIDES: Final = {"begin": observed.begin, "prolong": observed.prolong}


@require_safe
def observing_page(request: HttpRequest) -> HttpResponse:
    """Devices that only observe, those that saw most first, each with what it would have raised."""
    user, at = reader(request), timezone.now()
    since = last_end_of_work(at)
    found = observed.observers(Device.objects.visible_to(user), since, at)
    asked = request.GET.get("page", "")
    total = found.count()
    number = int(asked) - 1 if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    number = max(0, min(number, (total - 1) // DEVICES))
    first = number * DEVICES
    devices = list(found.select_related("merchant")[first : first + DEVICES])
    policy, towns = in_force(), town_names()
    rules = {rule.id: rule for rule in policy.catalogues.alarms.rules}
    context = {
        "rows": [
            {
                "device": one.device,
                "merchant": one.device.merchant,
                "town": towns.get(one.device.merchant.town, ""),
                "observes": one.device.observe_until is not None and at < one.device.observe_until,
                "seen": one,
                "alarms": [what_it_would_have_done(alarm, rules.get(alarm.code), since) for alarm in one.newest],
            }
            for one in observed.what_they_saw(devices)
        ],
        "columns": [
            {"label": word, "numeric": word == _("How high")}
            for word in (_("Alarm"), _("Raised"), _("Cleared"), _("How high"), _("Would have"))
        ],
        "manages": user.authority.may("sensing.manage"),
        "days": policy.catalogues.alarms.observe_days,
        "since": since,
        "total": total,
        "first": first + 1 if total else 0,
        "last": first + len(devices),
        "prev": f"?page={number}" if number else "",
        "next": f"?page={number + 2}" if first + DEVICES < total else "",
    }
    return render(request, "sensing/observing.html", context)


def what_it_would_have_done(alarm: Alarm, rule: AnyAlarm | None, since: datetime) -> dict[str, Any]:
    """An alarm of a device that only observes, in words: how high, who would have been told, whether it opens an issue."""
    return {
        "alarm": alarm,
        "rule": rule,
        "severity": SEVERITIES[alarm.severity],
        "new": alarm.noticed_at > since,
        "high": how_high(rule, alarm.peak) if rule else "",
        "tells": [HEARERS[one] for one in rule.tells] if rule else [],
        "opens": rule is not None and rule.violation is not None,
    }


@require_http_methods(["POST"])
def decide(request: HttpRequest, mn: str) -> HttpResponse:
    """`wish`: one of DECIDES; for `sensing.manage`."""
    user = reader_who_may(request, "sensing.manage")
    device = get_object_or_404(Device.objects.visible_to(user), mn=mn)
    do_it = DECIDES.get(request.POST.get("wish", ""))

    def do(at: datetime) -> Json:
        if do_it is None or not do_it(in_force(), device, at=at, actor_id=user.pk):
            messages.error(request, _("Somebody else was faster: look at how it is with the device now."))
            raise Refused
        return {}

    write_once(request, user, do)
    return redirect("sensing:observing")
