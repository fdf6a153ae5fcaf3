"""Alarms of grease traps, gas alarms and cameras as they are stored: judged from the first reading that is new, or when time is up.

Everything an evaluation needs is in the database (`point_device`), so any watch may do it, after any crash, with the same result.
The rules themselves are in point_rules.py; alarms are written by judging.py, like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final, TypeAlias

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from lingxiu.merchants.models import CareRecord
from lingxiu.policy.alarm_rules import CameraOffline, CameraSees, NotEmptied, PointLevel, PointRule
from lingxiu.policy.queries import InForce
from lingxiu.sensing import duty, hearing, judging
from lingxiu.sensing.alarms import Episode, Known, Span
from lingxiu.sensing.models import Alarm, Device, Maintenance, Way
from lingxiu.sensing.other_readings import TABLES
from lingxiu.sensing.places import stands_since
from lingxiu.sensing.point_rules import Judged, Said, absences, levels, sightings

log = structlog.get_logger(__name__)

DEVICES_AT_ONCE: Final = 200
POISONED: Final = timedelta(hours=1)
LOOK_AGAIN: Final = timedelta(hours=1)
"""When to look again at a device that cannot be judged as long as it is under maintenance, or nobody listens to it."""
Rows: TypeAlias = list[tuple[object, ...]]
Parameter: TypeAlias = int | float | str | datetime | list[str] | None

_DUE: Final = """
    SELECT device_id, dirty_from FROM point_device
    WHERE due_at <= %s ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_JUDGED: Final = """
    UPDATE point_device p SET dirty_from = NULL, due_at = j.due_at
    FROM unnest(%s::int[], %s::timestamptz[]) j (device_id, due_at) WHERE p.device_id = j.device_id
"""
_LOOK_AT: Final = "UPDATE point_device SET due_at = least(due_at, %s) WHERE device_id = %s"
_POISONED: Final = "UPDATE point_device SET due_at = %s WHERE device_id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class Look:
    """A device to be judged: from the first reading that is new on, at this moment, but for the times in which nothing counts.

    `arrived`: since when it has stood where it does, None: ever since. What it said before is the former shop's.
    """

    device: Device
    changed: datetime
    at: datetime
    held: tuple[Span, ...]
    arrived: datetime | None = None

    def here(self, since: datetime) -> datetime:
        """The later of this moment and of when it came here."""
        return since if self.arrived is None else max(since, self.arrived)

    def usable(self, at: datetime) -> bool:
        """Whether a reading of this moment counts."""
        return not any(span.since <= at and (span.until is None or at < span.until) for span in self.held)


def run(policy: InForce, at: datetime) -> int:
    """What the watch does each round: judge what is due, and call whoever is next. Returns: how many devices were judged."""
    judged = judge(policy, at)
    duty.call_on(policy, at)
    return judged


def judge(policy: InForce, at: datetime, limit: int = DEVICES_AT_ONCE) -> int:
    """Judge the devices that are due, in one transaction. Returns: how many. Two watches may do this side by side."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [at, limit])
        due: dict[int, datetime | None] = dict(cursor.fetchall())
        if not due:
            return 0
        devices = {row.pk: row for row in Device.objects.filter(pk__in=due).select_related("merchant")}
        arrived = stands_since(due)
        judged = {
            pk: _judge_safely(policy, devices.get(pk), dirty or at, at, arrived.get(pk))
            for pk, dirty in sorted(due.items())
        }
        done = {pk: found.next_at for pk, found in judged.items() if found is not None}
        cursor.execute(_JUDGED, [list(done), [one.isoformat() if one else None for one in done.values()]])
        cursor.execute(_POISONED, [at + POISONED, [pk for pk, found in judged.items() if found is None]])
    return len(due)


def look_at(device: Device, at: datetime) -> None:
    """Judge it at this moment, though it may have said nothing new."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_AT, [at, device.pk])


def _judge_safely(
    policy: InForce, device: Device | None, changed: datetime, at: datetime, arrived: datetime | None
) -> Judged | None:
    """One device, in a savepoint: whatever is wrong with it, the others are judged. None: it could not be."""
    if device is None or device.state == Device.State.RETIRED:
        return Judged([], None)
    try:
        with transaction.atomic():
            return _judge(policy, device, changed, at, arrived)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.error("device.not_judged", device=device.pk, error=type(error).__name__, exc_info=error)
        return None


def _judge(policy: InForce, device: Device, changed: datetime, at: datetime, arrived: datetime | None) -> Judged:
    changed = changed if arrived is None else max(changed, arrived)
    look = Look(device, changed, at, _held(device), arrived)
    judgements, next_times = [], []
    for rule in rules_of(policy, device, at):
        known, found = _EVALUATE[type(rule)](rule, look)
        judgements.append(judging.Judgement(device, rule, tuple(known), tuple(found.episodes)))
        if found.next_at is not None:
            next_times.append(found.next_at)
    judging.write(policy, judgements, at)
    return Judged([], min(next_times, default=None))


def rules_of(policy: InForce, device: Device, at: datetime) -> list[PointRule]:
    """The rules that bind this device on the day of `at`."""
    day = timezone.localtime(at).date()
    return [
        rule
        for rule in policy.catalogues.alarms.rules
        if isinstance(rule, PointRule)
        and rule.device_kind == device.kind
        and rule.holds(day)
        and (device.merchant.in_built_up or not rule.only_in_built_up)
    ]


def _held(device: Device) -> tuple[Span, ...]:
    return tuple(Span(row.since, row.until) for row in Maintenance.objects.filter(device=device))


# ── the rules, each with the readings it asks for ────────────────────────────────────────────────────────────────


def _level(rule: PointLevel, look: Look) -> tuple[list[Known], Judged]:
    over = _standing_at(look, rule.id)
    since, state = look.changed, None
    if over is not None and over.last_at <= look.changed:
        since, state = over.last_at, replace(over, cleared_at=None)
    elif over is not None:
        since = over.raised_at
    low = _low_channels(rule, look, over.raised_at, since) if over is not None and state is not None else {}
    readings = (one for one in _said(rule, look.device, since) if look.usable(one.at))
    return _known(look, rule.id, since), Judged(levels(rule, readings, state, low), None)


def _said(rule: PointLevel, device: Device, since: datetime, until: datetime | None = None) -> list[Said]:
    table = TABLES[rule.device_kind]
    state = "state" if "state" in table.columns else "NULL"
    rows = _fetch(
        f"SELECT at, channel, {rule.column}, {state} FROM {table.name}"  # noqa: S608 (names of the catalogue's own type)
        " WHERE device_id = %s AND at >= %s AND (%s::timestamptz IS NULL OR at < %s) ORDER BY at, channel",
        [device.pk, since, until, until],
    )
    return [Said(*row) for row in rows]  # type: ignore[arg-type]  # what the columns hold


def _low_channels(rule: PointLevel, look: Look, raised_at: datetime, until: datetime) -> dict[int, bool]:
    """Of each channel that spoke in the alarm before `until`, whether it was low by then."""
    readings = [one for one in _said(rule, look.device, raised_at, until) if look.usable(one.at)]
    return {one.channel: one.value is not None and one.value < rule.clear_below for one in readings}


def _not_emptied(rule: NotEmptied, look: Look) -> tuple[list[Known], Judged]:
    allowed = timedelta(days=rule.days_by_model.get(look.device.model, rule.days))
    over = _standing_at(look, rule.id)
    since = look.here(min(look.changed, over.raised_at if over else look.changed) - 2 * allowed)
    marks = _emptyings(rule, look.device, since)
    if over is not None:
        marks.append(over.raised_at - allowed)
    marks = sorted({one for one in marks if look.here(one) <= one <= look.at} or _first(look))
    if not marks:
        return [], Judged([], None)
    return _known(look, rule.id, marks[0]), absences(marks, allowed, look.at)


def _emptyings(rule: NotEmptied, device: Device, since: datetime) -> list[datetime]:
    said = _fetch(
        "SELECT DISTINCT emptied_at FROM reading_grease WHERE device_id = %s AND at >= %s AND emptied_at IS NOT NULL",
        [device.pk, since],
    )
    fell = _fetch(
        "SELECT at FROM (SELECT at, level_pct, lag(level_pct) OVER (PARTITION BY channel ORDER BY at) AS before"
        " FROM reading_grease WHERE device_id = %s AND at >= %s AND level_pct IS NOT NULL) r"
        " WHERE before - level_pct >= %s",
        [device.pk, since, rule.drop_pct],
    )
    days = CareRecord.objects.filter(
        merchant=device.merchant_id, kind=CareRecord.Kind.TRAP, on__gte=timezone.localdate(since)
    ).values_list("on", flat=True)
    zone = timezone.get_default_timezone()
    return [*_moments(said), *_moments(fell), *(datetime.combine(day, time(), zone) for day in days)]


def _camera_offline(rule: CameraOffline, look: Look) -> tuple[list[Known], Judged]:
    allowed = timedelta(hours=rule.hours)
    over = _standing_at(look, rule.id)
    since = look.here(min(look.changed, over.raised_at if over else look.changed) - allowed)
    online = "FROM camera_state WHERE device_id = %s AND state = 'online'"
    before = _moments(_fetch(f"SELECT max(at) {online} AND at < %s", [look.device.pk, since]))
    marks = before + _moments(_fetch(f"SELECT at {online} AND at >= %s ORDER BY at", [look.device.pk, since]))
    marks = [one for one in marks if look.here(one) <= one] or _first(look)
    if not marks:
        return [], Judged([], None)
    unheard = (*look.held, *_deaf(look, marks[0]))
    found = absences(marks, allowed, look.at, unheard)
    if any(span.until is None for span in unheard):
        found = replace(found, next_at=min(found.next_at or look.at + LOOK_AGAIN, look.at + LOOK_AGAIN))
    return _known(look, rule.id, marks[0]), found


def _deaf(look: Look, since: datetime) -> list[Span]:
    """When nobody listened on the way this device comes by."""
    way = hearing.ways_of([look.device.pk], "point_device").get(look.device.pk, Way.HTTP)
    return hearing.deaf(since, look.at)[way]


def _camera_sees(rule: CameraSees, look: Look) -> tuple[list[Known], Judged]:
    quiet = timedelta(minutes=rule.quiet_minutes)
    over = _standing_at(look, rule.id)
    since = look.here(min(look.changed - quiet, over.raised_at if over else look.changed))
    rows = _fetch(
        "SELECT at FROM camera_event WHERE device_id = %s AND at >= %s AND kind = ANY (%s)"
        " AND coalesce(confidence, 1) >= %s ORDER BY at",
        [look.device.pk, since, list(rule.events), rule.at_least],
    )
    times = [at for at in _moments(rows) if look.usable(at)]
    return _known(look, rule.id, since), sightings(times, quiet, look.at)


_EVALUATE: Final[dict[type[PointRule], Callable[..., tuple[list[Known], Judged]]]] = {
    PointLevel: _level,
    NotEmptied: _not_emptied,
    CameraOffline: _camera_offline,
    CameraSees: _camera_sees,
}


# ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────────


def _standing_at(look: Look, code: str) -> Episode | None:
    """The alarm that stood when the first new reading was made, or that stands on from before it."""
    row = (
        Alarm.objects.filter(
            Q(cleared_at=None) | Q(cleared_at__gte=look.changed),
            device=look.device, code=code, withdrawn_at=None, raised_at__lte=look.changed,
            raised_at__gte=look.here(judging.BEGINNING),
        ).order_by("-raised_at").first()
    )  # fmt: skip
    return _episode(row) if row else None


def _known(look: Look, code: str, since: datetime) -> list[Known]:
    """The alarms that may change when everything from `since` on is judged anew; none of a place where it stood before."""
    rows = Alarm.objects.filter(
        Q(cleared_at=None) | Q(cleared_at__gte=since), device=look.device, code=code,
        raised_at__gte=look.here(judging.BEGINNING),
    )  # fmt: skip
    return [Known(row.pk, _episode(row), row.withdrawn_at is not None) for row in rows.order_by("raised_at")]


def _episode(alarm: Alarm) -> Episode:
    return Episode(alarm.raised_at, alarm.last_at, alarm.cleared_at, alarm.peak)


def _first(look: Look) -> list[datetime]:
    """From when on something could be expected of it: since it came here, or the first thing it said; none if it never did."""
    if look.arrived is not None:
        return [look.arrived]
    device = look.device
    return _moments(_fetch(f"SELECT min(at) FROM {TABLES[device.kind].name} WHERE device_id = %s", [device.pk]))  # noqa: S608 (ours)


def _fetch(sql: str, parameters: Sequence[Parameter]) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _moments(rows: Iterable[tuple[object, ...]]) -> list[datetime]:
    return [at for (at,) in rows if isinstance(at, datetime)]
