"""The night's work of forecasting: every device is looked at once a day; what was said is revised, or ended, or said anew.

What is expected is decided in foresight.py, from what past.py knows; foretelling.py says it, verdicts.py tells how it turned out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, TypeAlias

import structlog
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from lingxiu.journal.actions import record
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import InForce, in_force
from lingxiu.sensing.foresight import Expected
from lingxiu.sensing.foretelling import ask_somebody, make, revise
from lingxiu.sensing.models import Device, Forecast
from lingxiu.sensing.past import KINDS_OF, Past
from lingxiu.sensing.verdicts import end, listen, verdict_of

log = structlog.get_logger(__name__)

DEVICES_AT_ONCE: Final = 200
LOOKED: Final = "forecasts.looked"
NIGHT_FROM: Final = time(3)  # yesterday has been summed up by then

Ask: TypeAlias = Callable[[Forecast, Expected, Past, datetime], None]
"""How a person is asked, that night, of a forecast whose day is near."""


def look_ahead(at: datetime) -> bool:
    """Look at every device once a county day, from NIGHT_FROM on. Returns: whether there was anything to do.

    May run twice, and side by side: whoever comes second finds the day done, or revises what says the same.
    """
    local = timezone.localtime(at)
    day = local.date()
    if local.time() < NIGHT_FROM or in_force().catalogues.foresight is None or looked_on(day):
        return False
    listen(at)
    devices = look_at_all(at)
    with transaction.atomic():
        record(LOOKED, "forecasts", day, at=at, reference={"devices": devices})
    log.info("forecasts.looked", day=str(day), devices=devices)
    return True


def looked_on(day: date) -> bool:
    """Whether the night's work of this county day is done."""
    return Entry.objects.filter(subject_kind="forecasts", subject_id=str(day), kind=LOOKED).exists()


def look_at_all(at: datetime) -> int:
    """Revise the forecasts of all devices, some at a time, each time a transaction. Returns: how many devices."""
    policy, done, last = in_force(), 0, 0
    while devices := _devices_after(last, at):
        _look_at(devices, policy, at)
        done, last = done + len(devices), devices[-1].pk
    return done


def _devices_after(last: int, at: datetime) -> list[Device]:
    """The next devices that are in use and no longer only observing, and those with an open forecast whatever they do."""
    open_ones = Forecast.objects.filter(outcome=Forecast.Outcome.OPEN).values("device_id")
    serving = Q(state=Device.State.ACTIVE) & (Q(observe_until=None) | Q(observe_until__lte=at))
    found = Device.objects.filter(serving | Q(pk__in=open_ones), kind__in=KINDS_OF, pk__gt=last)
    return list(found.select_related("merchant").order_by("pk")[:DEVICES_AT_ONCE])


def _look_at(devices: Sequence[Device], policy: InForce, at: datetime) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('sensing_forecasting'))")
        _look_with(Past.of(devices, policy, at), devices, at, ask_somebody)


def look_back(devices: Sequence[Device], policy: InForce, nights: Sequence[datetime], ask: Ask) -> None:
    """The work of nights gone by, oldest first, each with what was known by then: for a county that is loaded with its past.

    Args:
        ask: what is done instead of asking a person that night.
    """
    if not nights:
        return
    known = Past.of(devices, policy, nights[-1], since=nights[0])
    for at in nights:
        _look_with(known.as_it_was(at), devices, at, ask)


def _look_with(past: Past, devices: Sequence[Device], at: datetime, ask: Ask) -> None:
    of_device: dict[tuple[int, str], Forecast] = {}
    ids = [device.pk for device in devices]
    for row in Forecast.objects.filter(device_id__in=ids).order_by("made_at"):
        of_device[row.device_id, row.kind] = row  # the newest; an open one is always that
    for device in devices:
        for kind in KINDS_OF[device.kind]:
            _look_at_one(device, kind, of_device.get((device.pk, kind)), past, at, ask)


def _look_at_one(
    device: Device, kind: Forecast.Kind, newest: Forecast | None, past: Past, at: datetime, ask: Ask
) -> None:
    """Judge what is open, then say what is expected now."""
    if newest is not None and newest.outcome == Forecast.Outcome.OPEN:
        verdict = verdict_of(newest, past)
        if verdict is not None:
            end(newest, Forecast.Outcome(verdict.outcome), at=at, on=verdict.on, why=verdict.why)
    if device.state != Device.State.ACTIVE or (device.observe_until is not None and at < device.observe_until):
        return
    expected = past.expect(device, kind)
    if expected is None or (newest is not None and _keeps_quiet(newest, expected, past, at)):
        return
    if newest is None or newest.outcome != Forecast.Outcome.OPEN:
        newest = make(device, kind, expected, past, at)
    else:
        revise(newest, expected, past, at)
    if expected.due_on <= past.today + timedelta(days=past.rule(kind).issue_within_days):
        ask(newest, expected, past, at)


def _keeps_quiet(last: Forecast, expected: Expected, past: Past, at: datetime) -> bool:
    """After an answer nothing is said of the same again for a while, unless the evidence has begun anew."""
    if last.outcome == Forecast.Outcome.OPEN or last.outcome_at is None:
        return False
    quiet = timedelta(days=past.rule(last.kind).quiet_days)
    return expected.since <= timezone.localdate(last.outcome_at) and at < last.outcome_at + quiet
