"""Forecasts as they are kept: made and revised every night, told to a person by a predicted issue, and how they turned out.

What is expected is decided in foresight.py. What people find wins over what readings say; a forecast is judged by what it
first said, however it was revised since. Never sends anybody: its issue waits until a person confirms it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid5

import numpy as np
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from lingxiu.issues.actions.moving import move_by_itself
from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.lifecycle import Move, Result, State
from lingxiu.issues.models import Issue, Source
from lingxiu.issues.writing import Brought
from lingxiu.journal.actions import Scope, record
from lingxiu.journal.models import Entry
from lingxiu.journal.queries import follow
from lingxiu.merchants.models import CareRecord
from lingxiu.policy.alarm_rules import FlatValue, LowDay, Silence
from lingxiu.policy.foresight import Foresight, ForesightRule
from lingxiu.policy.queries import InForce, in_force
from lingxiu.sensing import foresight, hearing
from lingxiu.sensing.foresight import Expected, Hours, Numbers, Verdict
from lingxiu.sensing.models import Alarm, Device, DeviceEvent, Forecast, Maintenance, Mute, Storm, Way
from lingxiu.sensing.places import stands_since
from lingxiu.sensing.storms import COUNTY

log = structlog.get_logger(__name__)

READER: Final = "sensing.forecasts"
SUBMISSIONS: Final = UUID("7b5ac2de-5c9b-4c55-9d62-2f5a4a1b9e0c")
DEVICES_AT_ONCE: Final = 200
LOOKED: Final = "forecasts.looked"
NIGHT_FROM: Final = time(3)  # yesterday has been summed up by then
DARK: Final = timedelta(hours=24)
Json: TypeAlias = dict[str, Any]
Kind = Forecast.Kind

_SQL: Final = Path(__file__).resolve().parent / "sql"
_HOURS: Final = (_SQL / "foresight_hours.sql").read_text(encoding="utf-8")
_LEVELS: Final = (_SQL / "foresight_levels.sql").read_text(encoding="utf-8")
_KINDS_OF: Final[Mapping[str, tuple[Forecast.Kind, ...]]] = {
    "fume_monitor": (Kind.FOULING, Kind.DEVICE_FAILING),
    "grease_trap": (Kind.TRAP_FULL,),
}
_CARE: Final = {CareRecord.Kind.PURIFIER: Kind.FOULING, CareRecord.Kind.TRAP: Kind.TRAP_FULL}
_SERVICES: Final = (DeviceEvent.Kind.CALIBRATED, DeviceEvent.Kind.MAINTAINED, DeviceEvent.Kind.REPLACES)
_NOT_SO: Final = frozenset({Result.NOT_FOUND, Result.DEVICE_FAULT})


def rule_of(policy: Foresight, kind: str) -> ForesightRule:
    """The rule of a kind of forecasts."""
    return {Kind.FOULING: policy.fouling, Kind.TRAP_FULL: policy.trap, Kind.DEVICE_FAILING: policy.device}[Kind(kind)]


# ── the night's work ─────────────────────────────────────────────────────────────────────────────────────────────


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
    found = Device.objects.filter(serving | Q(pk__in=open_ones), kind__in=_KINDS_OF, pk__gt=last)
    return list(found.select_related("merchant").order_by("pk")[:DEVICES_AT_ONCE])


def _look_at(devices: Sequence[Device], policy: InForce, at: datetime) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('sensing_forecasting'))")
        _look_with(Past.of(devices, policy, at), devices, at, _ask_somebody)


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
        for kind in _KINDS_OF[device.kind]:
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
        newest = _make(device, kind, expected, past, at)
    else:
        _revise(newest, expected, past, at)
    if expected.due_on <= past.today + timedelta(days=past.rule(kind).issue_within_days):
        ask(newest, expected, past, at)


def _keeps_quiet(last: Forecast, expected: Expected, past: Past, at: datetime) -> bool:
    """After an answer nothing is said of the same again for a while, unless the evidence has begun anew."""
    if last.outcome == Forecast.Outcome.OPEN or last.outcome_at is None:
        return False
    quiet = timedelta(days=past.rule(last.kind).quiet_days)
    return expected.since <= timezone.localdate(last.outcome_at) and at < last.outcome_at + quiet


# ── what is known of some devices ────────────────────────────────────────────────────────────────────────────────


@dataclass
class Past:
    """What foresight needs to know of some devices, up to yesterday; read in a few statements for all of them.

    Of a device that was moved only what it measured since, from the day after on: another shop's stoves say nothing of these.
    """

    policy: InForce
    ahead: Foresight
    today: date
    first: date
    hours: dict[int, Hours] = field(default_factory=dict)
    levels: dict[int, Numbers] = field(default_factory=dict)
    anew: dict[tuple[int, str], list[date]] = field(default_factory=lambda: defaultdict(list))
    excused: dict[int, set[date]] = field(default_factory=lambda: defaultdict(set))
    alarms: dict[int, list[Alarm]] = field(default_factory=lambda: defaultdict(list))
    arrived: dict[int, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, devices: Sequence[Device], policy: InForce, at: datetime, *, since: datetime | None = None) -> Past:
        """Read it. Raises ValueError where the policy foresees nothing.

        Args:
            since: the earliest night that will be asked for (`as_it_was`).
        """
        ahead = policy.catalogues.foresight
        if ahead is None:
            raise ValueError("the policy in force has no foresight")
        past = cls(policy, ahead, timezone.localdate(at), timezone.localdate(since or at) - _reach(ahead))
        past.arrived = stands_since([device.pk for device in devices])
        past._read_hours([device.pk for device in devices if device.kind == "fume_monitor"])
        past._read_levels([device.pk for device in devices if device.kind == "grease_trap"])
        past._read_care(devices)
        past._read_services(devices, at)
        past._read_alarms(devices)
        return past

    def as_it_was(self, at: datetime) -> Past:
        """What was known on an earlier night: of its own day and all after it nothing."""
        today = timezone.localdate(at)
        was = Past(self.policy, self.ahead, today, today - _reach(self.ahead))
        begins, ends = (was.first - self.first).days, (today - self.first).days
        was.arrived = {pk: arrived for pk, arrived in self.arrived.items() if arrived < at}
        was.hours = {pk: hours.part(begins, ends) for pk, hours in self.hours.items()}
        was.levels = {pk: levels[begins:ends] for pk, levels in self.levels.items()}
        for key, days in self.anew.items():
            was.anew[key] = [day for day in days if day < today]
        for device_id, days_excused in self.excused.items():
            was.excused[device_id] = {day for day in days_excused if day < today}
        for device_id, alarms in self.alarms.items():
            was.alarms[device_id] = [_as_it_was(alarm, at) for alarm in alarms if alarm.raised_at < at]
        return was

    def rule(self, kind: str) -> ForesightRule:
        return rule_of(self.ahead, kind)

    @property
    def days(self) -> int:
        return (self.today - self.first).days

    def expect(self, device: Device, kind: str) -> Expected | None:
        """What is to be expected of this device."""
        rules, days = self.ahead, self.rule(kind).look_back_days
        if not self.rule(kind).holds(self.today):
            return None
        if kind == Kind.TRAP_FULL:
            levels = self.levels.get(device.pk)
            first = self.today - timedelta(days=days)
            return None if levels is None else foresight.expect_full(
                first, levels[-days:], rules.trap, emptied=self.anew[device.pk, kind]
            )  # fmt: skip
        hours = self.hours.get(device.pk)
        if hours is None:
            return None
        if kind == Kind.DEVICE_FAILING:
            return foresight.expect_failure(
                hours.newest(days), rules.device, serviced=self.anew[device.pk, kind], excused=self.excused[device.pk]
            )
        limit = self.limit(device)
        return None if limit is None else foresight.expect_fouling(
            hours.newest(days), limit, rules.fouling, cleaned=self.anew[device.pk, kind]
        )  # fmt: skip

    def limit(self, device: Device) -> float | None:
        """The limit of the alarm a clogged purifier would raise, mg/m³; None where that rule does not bind."""
        for row in self.policy.catalogues.alarms.rules:
            if row.id == self.ahead.fouling.alarm and row.type == "sustained_value" and row.holds(self.today):
                return row.limit if device.merchant.in_built_up or not row.only_in_built_up else None
        return None

    def figures(self, device_id: int, kind: str) -> dict[str, tuple[Numbers, float]]:
        """The daily figures of a forecast from `first` on, each with its limit."""
        if kind == Kind.TRAP_FULL:
            levels = self.levels.get(device_id, np.full(self.days, np.nan))
            return {"level": (levels, self.ahead.trap.full_pct)}
        hours = self.hours.get(device_id)
        if hours is None:
            return {}
        if kind == Kind.DEVICE_FAILING:
            return foresight.failing_figures(hours, self.ahead.device, self.excused[device_id])
        limit = next(
            row.limit
            for row in self.policy.catalogues.alarms.rules
            if row.id == self.ahead.fouling.alarm and row.type == "sustained_value"
        )
        return {"cooking": (foresight.cooking_levels(hours), limit)}

    def day(self, place: int) -> date:
        return self.first + timedelta(days=place)

    # reading

    def _span(self, devices: list[int]) -> Json:
        zone = timezone.get_default_timezone()
        since, until = (datetime.combine(day, time(), zone) for day in (self.first, self.today))
        return {"zone": settings.TIME_ZONE, "devices": devices, "since": since, "until": until}

    def _read_hours(self, devices: list[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_HOURS, self._span(devices))
            for device_id, day, hour, mean, lowest, highest, minutes, fan, alone in cursor.fetchall():
                if not self._was_here(device_id, day):
                    continue
                if device_id not in self.hours:
                    self.hours[device_id] = foresight.blank(self.first, self.days)
                one, place = self.hours[device_id], ((day - self.first).days, hour)
                if mean is not None:
                    one.mean[place], one.lowest[place], one.highest[place] = mean, lowest, highest
                one.minutes[place], one.fan[place], one.alone[place] = minutes, fan, alone

    def _read_levels(self, devices: list[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_LEVELS, self._span(devices))
            for device_id, day, level, emptied in cursor.fetchall():
                if not self._was_here(device_id, day):
                    continue
                levels = self.levels.setdefault(device_id, np.full(self.days, np.nan))
                if level is not None:
                    levels[(day - self.first).days] = level
                if emptied is not None and emptied >= self.first and self._was_here(device_id, emptied):
                    self.anew[device_id, Kind.TRAP_FULL].append(emptied)

    def _was_here(self, device_id: int, day: date) -> bool:
        """Whether all of that day it stood where it does."""
        arrived = self.arrived.get(device_id)
        return arrived is None or day > timezone.localdate(arrived)

    def _read_care(self, devices: Sequence[Device]) -> None:
        """What a shop's records say was cleaned or emptied, for all its devices of that kind."""
        of_merchant: dict[int, list[Device]] = defaultdict(list)
        for device in devices:
            of_merchant[device.merchant_id].append(device)
        rows = CareRecord.objects.filter(merchant_id__in=of_merchant, kind__in=list(_CARE), on__gte=self.first)
        for merchant_id, care, on in rows.values_list("merchant_id", "kind", "on"):
            kind = _CARE[CareRecord.Kind(care)]
            for device in of_merchant[merchant_id]:
                if kind in _KINDS_OF[device.kind]:
                    self.anew[device.pk, kind].append(on)

    def _read_services(self, devices: Sequence[Device], at: datetime) -> None:
        """Calibrations and maintenance begin a monitor's evidence anew; days nobody could hear it are not its gaps."""
        ids, since = [device.pk for device in devices], self._span([])["since"]
        begun = Maintenance.objects.filter(Q(until=None) | Q(until__gte=since), since__lte=at, device_id__in=ids)
        for row in begun:
            days = _days(row.since, row.until or at)
            self.excused[row.device_id].update(days)
            self.anew[row.device_id, Kind.DEVICE_FAILING].append(days[-1])
        events = DeviceEvent.objects.filter(device_id__in=ids, kind__in=_SERVICES, at__gte=since)
        for device_id, moment in events.values_list("device_id", "at"):
            self.anew[device_id, Kind.DEVICE_FAILING].append(timezone.localdate(moment))
        deaf, ways = hearing.deaf(since, at), hearing.ways_of(ids)
        unheard = {
            way: {day for one in spans for day in _days(one.since, one.until or at)} for way, spans in deaf.items()
        }
        storms = [(row.town, _days(row.since, row.until or at)) for row in Storm.objects.filter(
            Q(until=None) | Q(until__gte=since))]  # fmt: skip
        for device in devices:
            self.excused[device.pk].update(
                unheard[ways.get(device.pk, Way.HJ212)],
                *(days for town, days in storms if town in (COUNTY, device.merchant.town)),
            )

    def _read_alarms(self, devices: Sequence[Device]) -> None:
        rules = self.policy.catalogues.alarms.rules
        codes = [row.id for row in rules if isinstance(row, Silence | FlatValue | LowDay)]
        raised = Alarm.objects.filter(
            device__in=devices, code__in=[self.ahead.fouling.alarm, *codes], withdrawn_at=None,
            raised_at__gte=self._span([])["since"],
        )  # fmt: skip
        for alarm in raised:
            if self._was_here(alarm.device_id, timezone.localdate(alarm.raised_at)):
                self.alarms[alarm.device_id].append(alarm)

    def alarm_days(self, device_id: int, kind: str) -> list[date]:
        """The days on which the alarm this kind foretells was raised; a silence counts when it lasts."""
        rules = {row.id: row for row in self.policy.catalogues.alarms.rules}
        found = []
        for alarm in self.alarms[device_id]:
            rule = rules.get(alarm.code)
            if kind == Kind.FOULING:
                found += [timezone.localdate(alarm.raised_at)] * (alarm.code == self.ahead.fouling.alarm)
            elif isinstance(rule, FlatValue | LowDay):
                found.append(timezone.localdate(alarm.raised_at))
            elif isinstance(rule, Silence):
                until = alarm.cleared_at or datetime.combine(self.today, time(), timezone.get_default_timezone())
                if until - alarm.raised_at >= DARK:
                    found += _days(alarm.raised_at, until)[1:]
        return found


def _reach(ahead: Foresight) -> timedelta:
    """How far back is read: to where the evidence of the oldest open forecast began."""
    return timedelta(
        days=max(2 * rule.horizon_days + rule.grace_days + rule.look_back_days for rule in ahead.rules)
    )  # fmt: skip


def _as_it_was(alarm: Alarm, at: datetime) -> Alarm:
    """An alarm as it stood then: what was cleared later was not yet."""
    if alarm.cleared_at is None or alarm.cleared_at <= at:
        return alarm
    was = copy(alarm)
    was.cleared_at = None
    return was


def _days(since: datetime, until: datetime) -> list[date]:
    """The county days a time touches."""
    first, last = timezone.localdate(since), timezone.localdate(until)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


Ask: TypeAlias = Callable[[Forecast, Expected, Past, datetime], None]
"""How a person is asked, that night, of a forecast whose day is near."""


# ── saying ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _make(device: Device, kind: Forecast.Kind, expected: Expected, past: Past, at: datetime) -> Forecast:
    said = {"on": str(past.today), "due_on": str(expected.due_on), "due_from": str(expected.due_from),
            "due_to": str(expected.due_to)}  # fmt: skip
    made = Forecast.objects.create(
        device=device, kind=kind, made_at=at, revised_at=at, due_on=expected.due_on, due_from=expected.due_from,
        due_to=expected.due_to, inputs={"said": said, **inputs(device, kind, expected, past)}, edition=past.policy.id,
        synthetic=device.synthetic,
    )  # fmt: skip
    _tell("forecast.made", made, at)
    return made


def _revise(forecast: Forecast, expected: Expected, past: Past, at: datetime) -> None:
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
        _tell("forecast.revised", forecast, at)
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


def _ask_somebody(forecast: Forecast, expected: Expected, past: Past, at: datetime) -> None:
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


# ── how it turned out ────────────────────────────────────────────────────────────────────────────────────────────


def verdict_of(forecast: Forecast, past: Past) -> Verdict | None:
    """What readings and records say of an open forecast. It is judged by what it first said."""
    said, rule, device = forecast.inputs["said"], past.rule(forecast.kind), forecast.device
    said_on = date.fromisoformat(said["on"])
    until = date.fromisoformat(said["due_to"]) + timedelta(days=rule.grace_days)
    figures = past.figures(device.pk, forecast.kind)
    passed = {
        past.day(int(place))
        for values, limit in figures.values()
        for place in np.flatnonzero(np.nan_to_num(values, nan=-np.inf) >= limit)
    }
    heard = {past.day(int(place)) for values, _limit in figures.values() for place in np.flatnonzero(~np.isnan(values))}
    alarms = past.alarm_days(device.pk, forecast.kind)
    if forecast.kind == Kind.DEVICE_FAILING:
        passed |= set(alarms)  # each of them is a failure by itself
    anew = {*past.anew[device.pk, forecast.kind], *_falls(forecast, past, figures)}
    if device.pk in past.arrived:
        anew.add(timezone.localdate(past.arrived[device.pk]))
    if device.state == Device.State.RETIRED:
        anew.add(past.today - timedelta(days=1))
    return foresight.judge(said_on, until, past.today, passed=passed, alarms=alarms, anew=anew, heard=heard)


def _falls(forecast: Forecast, past: Past, figures: Mapping[str, tuple[Numbers, float]]) -> Iterator[date]:
    """Cleanings and emptyings nobody wrote down, as the figures show them."""
    if "cooking" in figures:
        place = foresight.last_fall(figures["cooking"][0], past.ahead.fouling.drop_share)
    elif "level" in figures:
        drop = past.ahead.trap.emptied_drop_pct
        place = foresight.last_step_down(foresight.without_spikes(figures["level"][0], drop), drop)
    else:
        place = 0
    if place:
        yield past.day(place)


def end(
    forecast: Forecast,
    outcome: Forecast.Outcome,
    *,
    at: datetime,
    on: date | None = None,
    why: str,
    by: int | None = None,
) -> None:
    """It turned out so. Its issue, if nobody has looked at it yet and there is nothing left to look at, is let go."""
    with transaction.atomic():
        forecast.outcome, forecast.outcome_at, forecast.outcome_by = outcome, at, by
        forecast.inputs = {**forecast.inputs, "why": why, "came_on": str(on) if on else None}
        forecast.save(update_fields=["outcome", "outcome_at", "outcome_by", "inputs"])
        _tell("forecast.ended", forecast, at, by)
        if by is None and outcome != Forecast.Outcome.RIGHT:
            _let_go(forecast, at)


def _let_go(forecast: Forecast, at: datetime) -> None:
    """The predicted issue is dismissed by itself when no other open forecast stands behind it."""
    others = Forecast.objects.filter(issue_number=forecast.issue_number, outcome=Forecast.Outcome.OPEN)
    if not forecast.issue_number or others.exists():
        return
    waiting = Issue.objects.filter(number=forecast.issue_number, state=State.PREDICTED)
    issue = waiting.select_for_update().first()
    if issue is not None:
        with translation.override(settings.LANGUAGE_CODE):
            words = _("The forecast is over: what was expected did not come, or was seen to first.")
        move_by_itself(issue, Move.DISMISS, at=at, brought=Brought(words=words))


def listen(at: datetime) -> int:
    """Read from the journal what people did with predicted issues. Returns: how many forecasts that settled. May run twice."""
    settled = 0

    def hear(entries: list[Entry]) -> None:
        nonlocal settled
        settled += settle(entries, at)

    while follow(READER, hear):
        pass
    return settled


def settle(entries: Iterable[Entry], at: datetime) -> int:
    """What these entries of the journal mean for forecasts. The person on the spot has the last word, after the desk's."""
    moves = [entry for entry in entries if entry.kind in _HEARD]
    numbers = {entry.subject_id for entry in moves}
    of_issue: dict[str, list[Forecast]] = defaultdict(list)
    for forecast in Forecast.objects.select_related("device", "device__merchant").filter(
        issue_number__in=numbers - {""}
    ):
        of_issue[forecast.issue_number].append(forecast)
    results = dict(Issue.objects.filter(number__in=of_issue).values_list("number", "result"))
    settled = 0
    for entry in moves:
        for forecast in of_issue[entry.subject_id]:
            outcome = _answer(entry.kind, forecast, results.get(entry.subject_id))
            if entry.actor_id is None or forecast.outcome == outcome:
                continue  # the system's own move is no answer
            if entry.kind != CLOSED and _was_over(forecast, entry.at):
                continue
            end(forecast, outcome, at=entry.at, why=entry.kind.removeprefix("issue."), by=entry.actor_id)
            settled += 1
    return settled


def _was_over(forecast: Forecast, at: datetime) -> bool:
    """Whether it had been settled by then: an answer given before readings ended it counts, however late it is heard of."""
    if forecast.outcome_at is None:
        return False
    return forecast.outcome_by is not None or forecast.outcome_at <= at


def _answer(kind: str, forecast: Forecast, result: str | None) -> Forecast.Outcome:
    """What a person's move says of a forecast; a closed issue by its result: a monitor that is ill was foretold by one kind only."""
    if kind == CLOSED and result in _NOT_SO and (forecast.kind, result) != (Kind.DEVICE_FAILING, Result.DEVICE_FAULT):
        return Forecast.Outcome.WRONG
    return _HEARD[kind]


CLOSED: Final = "issue.closed"
_HEARD: Final = {
    "issue.confirmed": Forecast.Outcome.RIGHT,
    "issue.dismissed": Forecast.Outcome.WRONG,
    CLOSED: Forecast.Outcome.RIGHT,
}
"""The moves of people that settle a forecast; a closed issue by its result."""


def _tell(kind: str, forecast: Forecast, at: datetime, actor_id: int | None = None) -> None:
    merchant = forecast.device.merchant
    scope = Scope(town=merchant.town, grid=merchant.grid)  # an expectation is for officers: the shop is not told
    reference = {"device": forecast.device.mn, "kind": forecast.kind, "due_on": str(forecast.due_on)}
    if forecast.outcome != Forecast.Outcome.OPEN:
        reference["outcome"] = forecast.outcome
    record(kind, "forecast", forecast.pk, at=at, actor_id=actor_id, scope=scope, reference=reference)


# ── how often it was right ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class HitRate:
    """How forecasts of a kind turned out. `warning`: median days from the first word to the day it came."""

    kind: str
    open: int
    right: int
    wrong: int
    lapsed: int
    warning: float | None

    @property
    def share(self) -> float | None:
        """Right ones of those that can be told, in per cent."""
        told = self.right + self.wrong
        return 100 * self.right / told if told else None

    @property
    def all(self) -> int:
        return self.open + self.right + self.wrong + self.lapsed


@dataclass(frozen=True, slots=True)
class Turned:
    """How one forecast turned out. `warning`: days from the first word to the day it came, where readings saw it come."""

    kind: str
    outcome: str
    said_on: date
    warning: int | None

    @property
    def quarter(self) -> tuple[int, int]:
        """Year and quarter it was first said in."""
        return self.said_on.year, (self.said_on.month + 2) // 3


def turned_out(device_ids: Collection[int] | Any, since: datetime) -> list[Turned]:
    """The forecasts of these devices made since then."""
    rows = Forecast.objects.filter(device__in=device_ids, made_at__gte=since)
    found = []
    for kind, outcome, said, came in rows.values_list("kind", "outcome", "inputs__said__on", "inputs__came_on"):
        said_on = date.fromisoformat(said)
        warned = outcome == Forecast.Outcome.RIGHT and came
        found.append(Turned(kind, outcome, said_on, (date.fromisoformat(came) - said_on).days if warned else None))
    return found


def rates_of(rows: Iterable[Turned]) -> list[HitRate]:
    """By kind."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    warnings: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        counted[row.kind, row.outcome] += 1
        if row.warning is not None:
            warnings[row.kind].append(row.warning)
    return [
        HitRate(
            kind, counted[kind, "open"], counted[kind, "right"], counted[kind, "wrong"], counted[kind, "lapsed"],
            float(np.median(warnings[kind])) if warnings[kind] else None,
        )
        for kind in Kind.values
    ]  # fmt: skip


def rates_by_quarter(rows: Iterable[Turned]) -> list[tuple[tuple[int, int], list[HitRate]]]:
    """By the quarter they were first said in, the newest first."""
    of_quarter: dict[tuple[int, int], list[Turned]] = defaultdict(list)
    for row in rows:
        of_quarter[row.quarter].append(row)
    return [(quarter, rates_of(of_quarter[quarter])) for quarter in sorted(of_quarter, reverse=True)]


def hit_rates(device_ids: Collection[int] | Any, since: datetime) -> list[HitRate]:
    """By kind, of the forecasts of these devices made since then."""
    return rates_of(turned_out(device_ids, since))
