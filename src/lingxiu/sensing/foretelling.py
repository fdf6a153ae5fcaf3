"""A forecast as it is said: made, revised, told to a person by a predicted issue, each with what it was made from.

Never sends anybody: its issue waits until a person confirms it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid5

import numpy as np
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.models import Issue, Source
from lingxiu.journal.actions import Scope, record
from lingxiu.sensing.foresight import Expected
from lingxiu.sensing.models import Device, Forecast, Mute
from lingxiu.sensing.past import Past

SUBMISSIONS: Final = UUID("7b5ac2de-5c9b-4c55-9d62-2f5a4a1b9e0c")
Json: TypeAlias = dict[str, Any]
Kind = Forecast.Kind


def make(device: Device, kind: Forecast.Kind, expected: Expected, past: Past, at: datetime) -> Forecast:
    said = {"on": str(past.today), "due_on": str(expected.due_on), "due_from": str(expected.due_from),
            "due_to": str(expected.due_to)}  # fmt: skip
    made = Forecast.objects.create(
        device=device, kind=kind, made_at=at, revised_at=at, due_on=expected.due_on, due_from=expected.due_from,
        due_to=expected.due_to, inputs={"said": said, **inputs(device, kind, expected, past)}, edition=past.policy.id,
        synthetic=device.synthetic,
    )  # fmt: skip
    tell("forecast.made", made, at)
    return made


def revise(forecast: Forecast, expected: Expected, past: Past, at: datetime) -> None:
    """The newer expectation takes the place of the older; what was first said stays."""
    newer = (expected.due_on, expected.due_from, expected.due_to)
    changed = newer != (forecast.due_on, forecast.due_from, forecast.due_to)
    forecast.due_on, forecast.due_from, forecast.due_to = newer
    forecast.inputs = {
        "said": forecast.inputs["said"],
        **inputs(forecast.device, Kind(forecast.kind), expected, past),
    }
    forecast.edition = past.policy.id
    if changed:
        forecast.revised_at = at
        tell("forecast.revised", forecast, at)
    forecast.save(update_fields=["due_on", "due_from", "due_to", "inputs", "edition", "revised_at"])


def inputs(device: Device, kind: Forecast.Kind, expected: Expected, past: Past) -> Json:
    """What it was made from, so that it can be shown and asked after: the reasons, and the days of the first of them."""
    days = past.rule(kind).look_back_days
    values, limit = past.figures(device.pk, kind)[expected.reasons[0].what]
    points = [
        [str(past.day(place)), round(float(values[place]), 3)]
        for place in range(max(0, past.days - days), past.days)
        if not np.isnan(values[place])
    ]
    return {
        "chance": round(expected.chance, 3),
        "since": str(expected.since),
        "last": str(max((day for day in past.anew[device.pk, kind] if day <= past.today), default="")),
        "days": expected.days,
        "limit": limit,
        "points": points,
        "reasons": [
            {
                "what": reason.what, "now": round(reason.now, 3), "per_day": round(reason.per_day, 4),
                "limit": reason.limit, "chance": round(reason.chance, 3), "due_on": str(reason.due_on),
            }
            for reason in expected.reasons
        ],
    }  # fmt: skip


def ask_somebody(forecast: Forecast, expected: Expected, past: Past, at: datetime) -> None:
    """A predicted issue, unless there is one, or nobody is to be told of this device now."""
    device = forecast.device
    if forecast.issue_number or Mute.objects.filter(device=device, code="", since__lte=at, until__gt=at).exists():
        return
    violation = past.rule(forecast.kind).violation
    same = Issue.objects.open().filter(merchant_id=device.merchant_id, violation=violation, source=Source.FORECAST)
    number = same.order_by("id").values_list("number", flat=True).first()
    if number is None:
        found = Found(
            Source.FORECAST, violation, summary(forecast), at, device.merchant,
            data={"forecast": forecast.pk, "device": device.mn},
        )  # fmt: skip
        number = report(found, at=at, submission=submission_of(forecast.pk)).number
    forecast.issue_number = number
    forecast.save(update_fields=["issue_number"])


def submission_of(forecast_id: int) -> UUID:
    """The UUID under which a forecast asks somebody: once, however many nights it is told."""
    return uuid5(SUBMISSIONS, str(forecast_id))


def summary(forecast: Forecast) -> str:
    """What is expected, in the installation's language: an expectation, no accusation."""
    with translation.override(settings.LANGUAGE_CODE):
        said = {
            "day": f"{forecast.due_on:%m-%d}",
            "first": f"{forecast.due_from:%m-%d}",
            "last": f"{forecast.due_to:%m-%d}",
            "limit": f"{forecast.inputs['limit']:g}",
        }
        if forecast.kind == Kind.FOULING:
            return _(
                "If it goes on like this the busiest hour is expected to reach %(limit)s mg/m³ about %(day)s"
                " (%(first)s to %(last)s): look whether the purifier wants cleaning."
            ) % said  # fmt: skip
        if forecast.kind == Kind.TRAP_FULL:
            return (
                _("At its present pace the grease trap is expected to be full about %(day)s (%(first)s to %(last)s).")
                % said
            )
        return _("The monitor shows signs of failing, about %(day)s (%(first)s to %(last)s): have it looked at.") % said


def tell(kind: str, forecast: Forecast, at: datetime, actor_id: int | None = None) -> None:
    merchant = forecast.device.merchant
    scope = Scope(town=merchant.town, grid=merchant.grid)  # an expectation is for officers: the shop is not told
    reference = {"device": forecast.device.mn, "kind": forecast.kind, "due_on": str(forecast.due_on)}
    if forecast.outcome != Forecast.Outcome.OPEN:
        reference["outcome"] = forecast.outcome
    record(kind, "forecast", forecast.pk, at=at, actor_id=actor_id, scope=scope, reference=reference)
