"""What is judged by the day: days and months of a device that are over, and cleanings that are due.

Days are judged again when their sums have changed, so that data that come late are right there too. The rules themselves are
in alarms.py; what they mean for the stored alarms is judging.py's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from lingxiu.merchants.models import CareRecord, Status
from lingxiu.policy.alarm_rules import CleaningDue, LinkageRate
from lingxiu.policy.queries import InForce
from lingxiu.sensing.alarms import (
    PERIOD_RULES,
    Period,
    PeriodRule,
    Span,
    binding,
    fold_periods,
    overdue,
    resume,
)
from lingxiu.sensing.judging import (
    BEGINNING,
    DEVICES_AT_ONCE,
    Judgement,
    judge_all,
    known_alarms,
    maintenance,
    may_change,
    valid,
    write,
)
from lingxiu.sensing.models import Device, WatchCursor
from lingxiu.sensing.places import stands_since

SETTLES: Final = timedelta(minutes=15)
"""So long after midnight a day is summed up, if nothing comes late."""
FUME: Final = "fume_monitor"

_DUE: Final = """
    SELECT device_id, days_from FROM watch_device
    WHERE days_from < %s ORDER BY days_from LIMIT %s FOR UPDATE SKIP LOCKED
"""
_JUDGED: Final = """
    UPDATE watch_device SET days_from = CASE WHEN latest_at >= %(today)s THEN %(today)s END WHERE device_id = ANY (%(devices)s)
"""
_DAYS: Final = """
    SELECT d.device_id, s.at, s.fume_max, s.fan_on_minutes, s.fan_without_purifier_minutes
    FROM unnest(%s::int[], %s::timestamptz[]) AS d (device_id, since)
    JOIN day_fume s ON s.device_id = d.device_id AND s.at >= d.since AND s.at < %s
    ORDER BY d.device_id, s.at
"""
_ALL_FROM: Final = """
    UPDATE watch_device w SET days_from = d.at
    FROM (SELECT device_id, min(at) AS at FROM day_fume WHERE device_id = ANY (%s) GROUP BY device_id) d
    WHERE w.device_id = d.device_id
"""
_LAST_MONTH: Final = "UPDATE watch_device SET days_from = least(days_from, %s)"
# The purifier's cleaning concerns the first fume monitor of a shop that still cooks, whether it was ever heard or not.
_MONITORS: Final = """
    SELECT d.id FROM sensing_device d JOIN merchants_merchant m ON m.id = d.merchant_id
    WHERE d.kind = %(kind)s AND d.state <> 'retired' AND m.status = %(status)s AND d.id > %(after)s
      AND NOT EXISTS (SELECT FROM sensing_device f WHERE f.merchant_id = d.merchant_id AND f.kind = d.kind
                      AND f.state <> 'retired' AND f.id < d.id)
      {which}
    ORDER BY d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
"""
_OF_DEVICES: Final = "AND d.id = ANY (%(devices)s)"
_CLEANED_SINCE: Final = """
    AND EXISTS (SELECT FROM sensing_alarm a JOIN merchants_carerecord c ON c.merchant_id = d.merchant_id
                WHERE a.device_id = d.id AND a.code = ANY (%(codes)s) AND a.cleared_at IS NULL
                  AND c.kind = 'purifier_cleaned' AND c.recorded_at > a.noticed_at)
"""


# ── days and months ──────────────────────────────────────────────────────────────────────────────────────────────


def judge_days(policy: InForce, at: datetime, limit: int = DEVICES_AT_ONCE) -> int:
    """Judge the days and months that are over and not judged yet, of some devices. Returns: how many."""
    today = midnight(timezone.localdate(at - SETTLES))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [today, limit])
        due: dict[int, datetime] = dict(cursor.fetchall())
        if due:
            judge_all(
                lambda some: _judge_days(policy, some, today, at), due
            )  # one that cannot be is tried with its next day
            cursor.execute(_JUDGED, {"today": today, "devices": list(due)})
    return len(due)


def judge_last_month(at: datetime) -> bool:
    """When a month is over every device is judged again from its beginning on. Returns: whether one was, and nobody saw to it."""
    first = timezone.localdate(at - SETTLES).replace(day=1)
    with transaction.atomic(), connection.cursor() as cursor:
        if not _is_first(cursor_name="months", number=first.toordinal()):
            return False
        cursor.execute(_LAST_MONTH, [midnight((first - timedelta(days=1)).replace(day=1))])
    return True


def judge_all_days(device_ids: Sequence[int]) -> None:
    """Have every day of these devices judged again."""
    with connection.cursor() as cursor:
        cursor.execute(_ALL_FROM, [list(device_ids)])


def _judge_days(policy: InForce, due: Mapping[int, datetime], today: datetime, at: datetime) -> None:
    rules = [rule for rule in policy.catalogues.alarms.rules if isinstance(rule, PERIOD_RULES)]
    if not rules:
        return
    arrived = stands_since(due)
    known = known_alarms(due, [rule.id for rule in rules], _changed(rules, min(due.values())), arrived)
    devices = list(Device.objects.filter(pk__in=due).select_related("merchant"))
    places = {
        (device.pk, rule.id): resume(rule, valid(known[device.pk, rule.id]), _changed([rule], due[device.pk]))
        for device in devices
        for rule in rules
    }
    since = {device.pk: min(places[device.pk, rule.id].since for rule in rules) for device in devices}
    days = _days(since, today)
    held = maintenance(list(due))
    judgements: list[Judgement] = []
    for device in devices:
        since_then = arrived.get(device.pk, BEGINNING)
        usable = [day for day in days[device.pk] if day.at >= since_then and not _is_held(day, held[device.pk])]
        bound = {rule.id for rule in binding(rules, timezone.localtime(at), device.merchant.in_built_up)}
        for rule in rules:
            place = places[device.pk, rule.id]
            periods = months_of(usable, today) if isinstance(rule, LinkageRate) else usable
            later = [one for one in periods if one.at >= place.since]
            episodes = fold_periods(rule, later, place.state) if rule.id in bound else []
            changed = _changed([rule], due[device.pk])
            open_then = tuple(one for one in known[device.pk, rule.id] if may_change(one, changed))
            judgements.append(Judgement(device, rule, open_then, tuple(episodes)))
    write(policy, judgements, at)


def _changed(rules: Iterable[PeriodRule], day: datetime) -> datetime:
    """The beginning of the first of the rules' periods that this day lies in."""
    local = timezone.localdate(day)
    monthly = any(isinstance(rule, LinkageRate) for rule in rules)
    return midnight(local.replace(day=1)) if monthly else midnight(local)


def _days(since: Mapping[int, datetime], until: datetime) -> defaultdict[int, list[Period]]:
    days: defaultdict[int, list[Period]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [list(since), [one.isoformat() for one in since.values()], until])
        for device_id, begins, highest, fan, alone in cursor.fetchall():
            end = midnight(timezone.localdate(begins) + timedelta(days=1))
            days[device_id].append(Period(begins, end, highest, fan, alone))
    return days


def months_of(days: Sequence[Period], until: datetime) -> list[Period]:
    """The county's months among these days, in order, that are over by then."""
    months = []
    for first, group in groupby(days, key=lambda day: timezone.localdate(day.at).replace(day=1)):
        same = list(group)
        end = midnight((first + timedelta(days=31)).replace(day=1))
        if end <= until:
            highest = max((day.fume_max for day in same if day.fume_max is not None), default=None)
            fan, alone = (
                sum(getattr(day, name) for day in same) for name in ("fan_on_minutes", "fan_without_purifier_minutes")
            )
            months.append(Period(midnight(first), end, highest, fan, alone))
    return months


def _is_held(day: Period, spans: Iterable[Span]) -> bool:
    return any(span.since < day.end and (span.until is None or day.at < span.until) for span in spans)


def midnight(day: date) -> datetime:
    """The beginning of a county day."""
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone())


def _is_first(cursor_name: str, number: int) -> bool:
    """Whether nobody has come to this number yet; if so it is taken. In a transaction: whoever asks at once is told no."""
    WatchCursor.objects.get_or_create(name=cursor_name)
    place = WatchCursor.objects.select_for_update(skip_locked=True).filter(name=cursor_name).first()
    if place is None or place.batch_id >= number:
        return False
    place.batch_id = number
    place.save(update_fields=["batch_id"])
    return True


# ── cleanings ────────────────────────────────────────────────────────────────────────────────────────────────────


def judge_cleanings(policy: InForce, at: datetime) -> int:
    """Once a day all shops with a monitor; in between those that were cleaned since. Returns: how many were looked at.

    The cycle binds every shop with a purifier (浙环发〔2015〕8号 §15), but an alarm is a device's: it is where the shop's page of
    readings leads to, and what an issue of it names. A shop without a monitor is told by what needs none: its own agenda
    (selfservice), the grid member's round and the portrait (portal), and its level (rating, 清洗及时).
    """
    with transaction.atomic():
        everybody = _is_first("cleanings", timezone.localdate(at).toordinal())
        return _judge_cleanings(policy, at, "" if everybody else _CLEANED_SINCE, [])


def judge_cleanings_of(policy: InForce, device_ids: Sequence[int], at: datetime) -> int:
    """The same of some devices, at once."""
    with transaction.atomic():
        return _judge_cleanings(policy, at, _OF_DEVICES, device_ids)


def _judge_cleanings(policy: InForce, at: datetime, which: str, device_ids: Sequence[int]) -> int:
    rules = [rule for rule in policy.catalogues.alarms.rules if isinstance(rule, CleaningDue) and rule.enabled]
    asked: dict[str, str | int | list[str] | list[int]] = {
        "kind": FUME,
        "status": Status.OPEN,
        "codes": [rule.id for rule in rules],
        "devices": list(device_ids),
        "limit": DEVICES_AT_ONCE,
    }
    done, after = 0, 0
    while rules:
        with connection.cursor() as cursor:
            cursor.execute(_MONITORS.replace("{which}", which), {**asked, "after": after})
            part = [row[0] for row in cursor.fetchall()]
        if not part:
            break
        _judge_cleanings_of(policy, rules, part, at)
        done, after = done + len(part), max(part)
    return done


def _judge_cleanings_of(policy: InForce, rules: Sequence[CleaningDue], part: list[int], at: datetime) -> None:
    devices = list(Device.objects.filter(pk__in=part).select_related("merchant"))
    cleaned: defaultdict[int, list[date]] = defaultdict(list)
    records = CareRecord.objects.filter(
        merchant__in=[device.merchant_id for device in devices], kind=CareRecord.Kind.PURIFIER
    )
    for merchant_id, day in records.values_list("merchant_id", "on"):
        cleaned[merchant_id].append(day)
    arrived = stands_since(part)
    known = known_alarms(part, [rule.id for rule in rules], BEGINNING + timedelta(days=1), arrived)
    local, zone = timezone.localtime(at), timezone.get_default_timezone()
    judgements: list[Judgement] = []
    for device in devices:
        cycle = cycle_of(policy, device, local.date())
        bound = {rule.id for rule in binding(rules, local, device.merchant.in_built_up)}
        for rule in (one for one in rules if one.id in bound):
            put_in = midnight(device.installed_on) if device.installed_on else BEGINNING
            since = max(put_in, arrived.get(device.pk, BEGINNING))
            episodes = overdue(rule, cleaned[device.merchant_id], cycle, since, at, zone) if cycle else []
            judgements.append(Judgement(device, rule, tuple(known[device.pk, rule.id]), tuple(episodes)))
    write(policy, judgements, at)


def cycle_of(policy: InForce, device: Device, day: date) -> timedelta | None:
    """Between two cleanings of the purifier, by the scale of the device's shop; None where no rule holds."""
    cycles = policy.catalogues.kinds.cleaning_cycles
    return next(
        (timedelta(days=row.days) for row in cycles if row.scale == device.merchant.scale and row.holds(day)), None
    )
