"""What is known of some devices when it is asked what to expect of them: their days, what was last done, their alarms.

Read from the database in a few statements for many devices; decides nothing and changes nothing (foresight.py decides).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from lingxiu.merchants.models import CareRecord
from lingxiu.policy.alarm_rules import FlatValue, LowDay, Silence
from lingxiu.policy.foresight import Foresight, ForesightRule
from lingxiu.policy.queries import InForce
from lingxiu.sensing import foresight, hearing
from lingxiu.sensing.foresight import Expected, Hours, Numbers
from lingxiu.sensing.models import Alarm, Device, DeviceEvent, Forecast, Maintenance, Storm, Way
from lingxiu.sensing.places import stands_since
from lingxiu.sensing.storms import COUNTY

DARK: Final = timedelta(hours=24)
Json: TypeAlias = dict[str, Any]
Kind = Forecast.Kind

_SQL: Final = Path(__file__).resolve().parent / "sql"
_HOURS: Final = (_SQL / "foresight_hours.sql").read_text(encoding="utf-8")
_LEVELS: Final = (_SQL / "foresight_levels.sql").read_text(encoding="utf-8")
KINDS_OF: Final[Mapping[str, tuple[Forecast.Kind, ...]]] = {
    "fume_monitor": (Kind.FOULING, Kind.DEVICE_FAILING),
    "grease_trap": (Kind.TRAP_FULL,),
}
_CARE: Final = {CareRecord.Kind.PURIFIER: Kind.FOULING, CareRecord.Kind.TRAP: Kind.TRAP_FULL}
_SERVICES: Final = (DeviceEvent.Kind.CALIBRATED, DeviceEvent.Kind.MAINTAINED, DeviceEvent.Kind.REPLACES)


def rule_of(policy: Foresight, kind: str) -> ForesightRule:
    """The rule of a kind of forecasts."""
    return {Kind.FOULING: policy.fouling, Kind.TRAP_FULL: policy.trap, Kind.DEVICE_FAILING: policy.device}[Kind(kind)]


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
                if kind in KINDS_OF[device.kind]:
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
