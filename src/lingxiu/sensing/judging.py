"""Alarms as they are stored: raised, held, cleared or withdrawn as the rules say of complete windows and of silences.

Everything an evaluation needs to know is in the database, so that any watch may do it, after any crash, with the same result.
The rules themselves are in alarms.py. Issues are opened elsewhere (watch.py), in a transaction of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final, TypeAlias

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Standing
from lingxiu.policy.alarm_rules import AnyAlarm, RepeatedAlarm, Silence
from lingxiu.policy.queries import InForce
from lingxiu.sensing import hearing
from lingxiu.sensing.alarms import (
    WINDOW_RULES,
    Episode,
    Known,
    Resume,
    Settlement,
    Span,
    Window,
    WindowRule,
    binding,
    fold,
    is_open_at,
    repeated,
    resume,
    settle,
    silences,
)
from lingxiu.sensing.models import Alarm, Device, Maintenance, Way
from lingxiu.sensing.places import stands_since
from lingxiu.sensing.statistics import Gap

log = structlog.get_logger(__name__)

DEVICES_AT_ONCE: Final = 200
POISONED: Final = timedelta(hours=1)
BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
Json: TypeAlias = dict[str, Any]
Hours: TypeAlias = tuple[time | None, time | None]

_DUE: Final = """
    SELECT device_id, dirty_from FROM watch_device
    WHERE due_at <= %s ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_JUDGED: Final = """
    UPDATE watch_device SET
        dirty_from = CASE WHEN dirty_to >= %(until)s THEN greatest(dirty_from, %(until)s) END,
        dirty_to = CASE WHEN dirty_to >= %(until)s THEN dirty_to END,
        due_at = CASE WHEN dirty_to >= %(until)s
                 THEN greatest(dirty_from, %(until)s) + interval '10 minutes' + make_interval(secs => %(settle)s) END,
        dirty_since = NULL
    WHERE device_id = ANY (%(devices)s)
"""
_POISONED: Final = "UPDATE watch_device SET due_at = %s WHERE device_id = ANY (%s)"
_WINDOWS: Final = """
    SELECT w.device_id, w.at, w.fume_mean, w.pm_mean, w.nmhc_mean, w.fan_on_minutes, w.purifier_on_minutes,
           w.fan_without_purifier_minutes, w.fume_min, w.fume_max
    FROM unnest(%s::int[], %s::timestamptz[]) AS d (device_id, since)
    JOIN window_fume w ON w.device_id = d.device_id AND w.at >= d.since AND w.at < %s
    ORDER BY w.device_id, w.at
"""
_QUIET: Final = """
    SELECT w.device_id, w.heard_at FROM watch_device w JOIN sensing_device d ON d.id = w.device_id
    WHERE w.heard_at < %s AND d.state <> 'retired' AND NOT EXISTS (
        SELECT FROM sensing_alarm a WHERE a.device_id = w.device_id AND a.code = %s AND a.cleared_at IS NULL)
      AND w.device_id > %s
    ORDER BY w.device_id LIMIT %s FOR UPDATE OF w SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One device and one rule: the alarms that may change, and the episodes that are."""

    device: Device
    rule: AnyAlarm
    known: tuple[Known, ...]
    episodes: tuple[Episode, ...]


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────────────────


def complete_until(at: datetime, settle_seconds: int) -> datetime:
    """Windows that begin before this are over, and data have had time to come."""
    settled = at - timedelta(seconds=settle_seconds)
    return settled.replace(minute=settled.minute // 10 * 10, second=0, microsecond=0)


def judge(policy: InForce, at: datetime, limit: int = DEVICES_AT_ONCE) -> int:
    """Judge the devices that are due, in one transaction. Returns: how many. Two watches may do this side by side."""
    alarms = policy.catalogues.alarms
    until = complete_until(at, alarms.settle_seconds)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [at, limit])
        due: dict[int, datetime] = dict(cursor.fetchall())
        if not due:
            return 0
        judged = judge_all(lambda some: _judge_windows(policy, some, until, at), due)
        cursor.execute(_JUDGED, {"until": until, "settle": alarms.settle_seconds, "devices": judged})
        cursor.execute(_POISONED, [at + POISONED, list(due.keys() - set(judged))])
    return len(due)


def judge_all(work: Callable[[Mapping[int, datetime]], None], due: Mapping[int, datetime]) -> list[int]:
    """Judge these devices together, or, if one of them cannot be judged, each alone. Returns: those that were."""
    try:
        with transaction.atomic():
            work(due)
        return list(due)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # whatever is wrong with one device, the others are judged
        if len(due) == 1:
            log.error("device.not_judged", device=next(iter(due)), error=type(error).__name__, exc_info=error)
            return []
    return [one for device_id, since in due.items() for one in judge_all(work, {device_id: since})]


def _judge_windows(policy: InForce, due: Mapping[int, datetime], until: datetime, at: datetime) -> None:
    """`due`: the first window of each device that is new or different."""
    devices = list(Device.objects.filter(pk__in=due).select_related("merchant"))
    bench = _Bench.of(policy)
    arrived = stands_since(due)
    known = known_alarms(due, bench.codes, min(due.values()), arrived, bench.counted, bench.longest)
    resumes = {
        (device.pk, rule.id): resume(rule, valid(known[device.pk, rule.id]), due[device.pk])
        for device in devices
        for rule in bench.rules
    }
    since = {
        device.pk: min(resumes[device.pk, code].since for code in bench.codes) for device in devices if bench.codes
    }
    windows = _windows(since, until, fan_hours(policy, devices))
    held = maintenance(list(due))
    judgements: list[Judgement] = []
    for device in devices:
        since_then = arrived.get(device.pk, BEGINNING)
        usable = [
            one
            for one in windows[device.pk]
            if one.at >= since_then and not any(span.touches(one) for span in held[device.pk])
        ]
        bound = {rule.id for rule in binding(bench.rules, timezone.localtime(at), device.merchant.in_built_up)}
        open_then = {
            code: tuple(one for one in known[device.pk, code] if may_change(one, due[device.pk]))
            for code in bench.codes
        }
        episodes: dict[str, list[Episode]] = {}
        for rule in bench.windows:
            place = resumes[device.pk, rule.id]
            episodes[rule.id] = fold(rule, _from(usable, place), place.state) if rule.id in bound else []
        for again in bench.again:
            place = resumes[device.pk, again.id]
            before = [one for one in known[device.pk, again.of] if one not in open_then[again.of]]
            alarms = [*valid(before), *episodes[again.of]]
            told = repeated(again, alarms, _from(usable, place), bench.zone, place.state)
            episodes[again.id] = told if again.id in bound else []
        judgements += [Judgement(device, rule, open_then[rule.id], tuple(episodes[rule.id])) for rule in bench.rules]
    write(policy, judgements, at)


@dataclass(frozen=True, slots=True)
class _Bench:
    """The rules that are judged window by window: those of windows, then those that count alarms of them."""

    windows: tuple[WindowRule, ...]
    again: tuple[RepeatedAlarm, ...]
    zone: tzinfo

    @classmethod
    def of(cls, policy: InForce) -> _Bench:
        rules = policy.catalogues.alarms.rules
        return cls(
            tuple(rule for rule in rules if isinstance(rule, WINDOW_RULES)),
            tuple(rule for rule in rules if isinstance(rule, RepeatedAlarm)),
            timezone.get_default_timezone(),
        )

    @property
    def rules(self) -> tuple[WindowRule | RepeatedAlarm, ...]:
        return (*self.windows, *self.again)

    @property
    def codes(self) -> list[str]:
        return [rule.id for rule in self.rules]

    @property
    def counted(self) -> list[str]:
        return [rule.of for rule in self.again]

    @property
    def longest(self) -> timedelta:
        """How long ago an alarm may have been raised that still counts."""
        return timedelta(days=max((rule.within_days for rule in self.again), default=0) + 1)


def _from(windows: Sequence[Window], place: Resume) -> Iterator[Window]:
    return (window for window in windows if window.at >= place.since)


def may_change(known: Known, changed: datetime) -> bool:
    """Whether a change from then on may change this alarm."""
    return known.episode.cleared_at is None or known.episode.cleared_at > changed


def valid(known: Iterable[Known]) -> list[Episode]:
    """Those that were not withdrawn."""
    return [one.episode for one in known if not one.withdrawn]


def known_alarms(
    devices: Iterable[int],
    codes: Sequence[str],
    since: datetime,
    arrived: Mapping[int, datetime],
    counted: Sequence[str] = (),
    longer: timedelta = timedelta(),
) -> defaultdict[tuple[int, str], list[Known]]:
    """The stored alarms of these devices and rules that were open after `since`, or near it; of those `counted`, from a
    `longer` time before. Those raised before the device `arrived` are the former shop's: nothing changes them any more."""
    near = since - timedelta(hours=6)
    recent = Q(cleared_at=None) | Q(cleared_at__gt=near) | Q(raised_at__gt=near - longer, code__in=counted)
    rows = Alarm.objects.filter(recent, device_id__in=list(devices), code__in=codes).order_by("raised_at")
    known: defaultdict[tuple[int, str], list[Known]] = defaultdict(list)
    for row in rows:
        if row.raised_at < arrived.get(row.device_id, BEGINNING):
            continue
        known[row.device_id, row.code].append(Known(row.pk, _episode_of(row), row.withdrawn_at is not None))
    return known


def fan_hours(policy: InForce, devices: Iterable[Device]) -> dict[int, Hours]:
    """When the fan of each device's shop ought to run: its business hours, of devices that tell of the fan."""
    tells = {
        profile.id for profile in policy.catalogues.devices if any(one.column == "fan_on" for one in profile.switches)
    }
    return {
        device.pk: (device.merchant.opens_at, device.merchant.closes_at)
        for device in devices
        if device.profile in tells
    }


def _windows(
    since: Mapping[int, datetime], until: datetime, hours: Mapping[int, Hours]
) -> defaultdict[int, list[Window]]:
    windows: defaultdict[int, list[Window]] = defaultdict(list)
    zone = timezone.get_default_timezone()
    with connection.cursor() as cursor:
        cursor.execute(_WINDOWS, [list(since), [one.isoformat() for one in since.values()], until])
        for device_id, begins, *values in cursor.fetchall():
            fan_due = is_open_at(begins, *hours.get(device_id, (None, None)), zone)
            window = Window(begins, *values)
            windows[device_id].append(replace(window, fan_due=True) if fan_due else window)
    return windows


def maintenance(device_ids: list[int]) -> defaultdict[int, list[Span]]:
    """When these devices' readings judge nobody."""
    spans: defaultdict[int, list[Span]] = defaultdict(list)
    for row in Maintenance.objects.filter(device_id__in=device_ids):
        spans[row.device_id].append(Span(row.since, row.until))
    return spans


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def judge_gaps(policy: InForce, gaps: Sequence[Gap], at: datetime) -> None:
    """Devices were heard again: clear the silences that were known, and note those nobody saw because no watch ran."""
    if not gaps:
        return
    with transaction.atomic():
        devices = {
            row.pk: row
            for row in Device.objects.filter(pk__in={gap.device_id for gap in gaps}).select_related("merchant")
        }
        arrived = stands_since(list(devices))
        not_heard = unheard(list(devices), min(gap.since for gap in gaps), arrived, at)
        judgements = [
            _judge_silence(rule, devices[gap.device_id], gap.since, gap.until, at, not_heard[gap.device_id], arrived)
            for rule in silence_rules(policy)
            for gap in gaps
            if gap.device_id in devices
        ]
        write(policy, judgements, at)


def judge_silence(policy: InForce, at: datetime) -> int:
    """Devices that have not been heard for too long by now. Returns: how many alarms that raised."""
    raised = 0
    for rule in silence_rules(policy):
        after = 0
        while part := _judge_quiet(policy, rule, at, after):
            after = max(one.device.pk for one in part)
            raised += sum(len(one.episodes) for one in part)
    return raised


def _judge_quiet(policy: InForce, rule: Silence, at: datetime, after: int) -> list[Judgement]:
    """Some of the devices that are quiet, by id; not all of them are silent, because not all could have been heard."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_QUIET, [at - timedelta(minutes=rule.minutes), rule.id, after, DEVICES_AT_ONCE])
        heard = dict(cursor.fetchall())
        arrived = stands_since(list(heard))
        not_heard = unheard(list(heard), min(heard.values(), default=at), arrived, at)
        judgements = [
            _judge_silence(rule, device, heard[device.pk], None, at, not_heard[device.pk], arrived)
            for device in Device.objects.filter(pk__in=heard).select_related("merchant")
        ]
        write(policy, judgements, at)
    return judgements


def _judge_silence(
    rule: Silence,
    device: Device,
    since: datetime,
    until: datetime | None,
    at: datetime,
    unheard: list[Span],
    arrived: Mapping[int, datetime],
) -> Judgement:
    """The silence after `since`; `until` None: it still lasts."""
    known = known_alarms([device.pk], [rule.id], since, arrived)[device.pk, rule.id]
    later = tuple(one for one in known if one.episode.raised_at > since)
    return Judgement(device, rule, later, tuple(silences(rule, [(since, until)], at, unheard)))


def silence_rules(policy: InForce) -> list[Silence]:
    return [rule for rule in policy.catalogues.alarms.rules if isinstance(rule, Silence) and rule.enabled]


def unheard(
    device_ids: list[int], since: datetime, arrived: Mapping[int, datetime], at: datetime
) -> dict[int, list[Span]]:
    """When each of these devices could not have been heard, or need not have been: also before it `arrived` where it stands."""
    deaf, ways = hearing.deaf(since, at), hearing.ways_of(device_ids)
    held = maintenance(device_ids)
    elsewhere = {device_id: [Span(BEGINNING, at)] for device_id, at in arrived.items()}
    return {
        device_id: deaf[ways.get(device_id, Way.HJ212)] + held[device_id] + elsewhere.get(device_id, [])
        for device_id in device_ids
    }


def end_for_good(device: Device, at: datetime) -> None:
    """The device is taken out of use: no reading will clear its alarms any more."""
    for alarm in Alarm.objects.filter(device=device, cleared_at=None):
        alarm.cleared_at, alarm.issue_wanted_at = at, None
        alarm.save(update_fields=["cleared_at", "issue_wanted_at"])
        _tell("alarm.cleared", alarm, device, at)
    _count_open([device.merchant_id])


def tell_from_now_on(policy: InForce, device: Device, at: datetime) -> int:
    """The device only observed till now: what still stands of it is told, and opens what it opens. Returns: how many."""
    rules = {rule.id: rule for rule in policy.catalogues.alarms.rules}
    standing = list(Alarm.objects.filter(device=device, cleared_at=None, observing=True))
    for alarm in standing:
        rule = rules.get(alarm.code)
        alarm.observing = False
        alarm.issue_wanted_at = _issue_wanted(policy, rule, _episode_of(alarm), at) if rule else None
        alarm.save(update_fields=["observing", "issue_wanted_at"])
    _count_open([device.merchant_id])
    return len(standing)


# ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────────


def write(policy: InForce, judgements: Iterable[Judgement], at: datetime) -> None:
    """Bring the stored alarms to what was judged, with the journal and the merchants' standing.

    Those of a device out of use stay as they ended with it (`end_for_good`), whatever of its last readings is judged after.
    """
    merchants = set()
    for judgement in judgements:
        if judgement.device.state == Device.State.RETIRED:
            continue
        settlement = settle(judgement.known, judgement.episodes)
        if _write_one(policy, judgement, settlement, at):
            merchants.add(judgement.device.merchant_id)
    if merchants:
        _count_open(merchants)


def _write_one(policy: InForce, judgement: Judgement, settlement: Settlement, at: datetime) -> bool:
    """Whether anything was opened or ended."""
    for known in settlement.withdrawn:
        _withdraw(judgement, known, at)
    changed = [(known, episode) for known, episode in settlement.same if known.withdrawn or known.episode != episode]
    if len(changed) + len(settlement.new) > 1:
        _put_aside([known.id for known, _ in changed], at)
    ended = [_hold(policy, judgement, known, episode, at) for known, episode in changed]
    for episode in settlement.new:
        _raise(policy, judgement, episode, at)
    return bool(settlement.new or settlement.withdrawn or any(ended))


def _put_aside(alarm_ids: list[int], at: datetime) -> None:
    """Two alarms that change places must not meet on the way: unique indexes look at every step."""
    Alarm.objects.filter(pk__in=alarm_ids).update(withdrawn_at=at, cleared_at=Coalesce("cleared_at", "last_at"))


def _raise(policy: InForce, judgement: Judgement, episode: Episode, at: datetime) -> None:
    device, rule = judgement.device, judgement.rule
    observing = _observing(device, episode)
    alarm = Alarm.objects.create(
        device=device,
        code=rule.id,
        severity=rule.severity,
        **_columns(episode),
        observing=observing,
        edition=policy.id,
        issue_wanted_at=None if observing else _issue_wanted(policy, rule, episode, at),
        noticed_at=at,
        synthetic=device.synthetic,
    )
    _tell("alarm.raised", alarm, device, at)
    if alarm.cleared_at is not None:
        _tell("alarm.cleared", alarm, device, at)


def _observing(device: Device, episode: Episode) -> bool:
    """Whether all of it lies in the time in which the device only observes; what still stands after that is told."""
    until = device.observe_until
    return until is not None and episode.raised_at < until and (episode.cleared_at or episode.last_at) <= until


def _issue_wanted(policy: InForce, rule: AnyAlarm, episode: Episode, at: datetime) -> datetime | None:
    """From when on an issue is wanted; never for what old data show to have been long ago, nor for what ended before its time."""
    over = episode.cleared_at
    within = timedelta(hours=policy.catalogues.alarms.issue_within_hours)
    if rule.violation is None or (over is not None and at - over > within):
        return None
    if not rule.issue_after:
        return at
    due = episode.raised_at + rule.issue_after
    return due if over is None or over > due else None


def _hold(policy: InForce, judgement: Judgement, known: Known, episode: Episode, at: datetime) -> bool:
    """Write what changed of an alarm that goes on. Returns: whether it was opened again or ended."""
    device, rule = judgement.device, judgement.rule
    alarm = Alarm.objects.get(pk=known.id)
    for name, value in _columns(episode).items():
        setattr(alarm, name, value)
    observed, alarm.observing = alarm.observing, _observing(device, episode)
    alarm.withdrawn_at = None
    if not alarm.issue_number and (known.withdrawn or observed != alarm.observing or rule.issue_after):
        alarm.issue_wanted_at = None if alarm.observing else _issue_wanted(policy, rule, episode, at)
    alarm.save()
    was_open = known.episode.cleared_at is None and not known.withdrawn
    if was_open == (episode.cleared_at is None):
        return False
    _tell("alarm.cleared" if was_open else "alarm.raised", alarm, device, at)
    return True


def _withdraw(judgement: Judgement, known: Known, at: datetime) -> None:
    """Later readings showed that it never was. Its issue, if it opened one, is people's to close."""
    alarm = Alarm.objects.get(pk=known.id)
    alarm.withdrawn_at = at
    alarm.cleared_at = alarm.cleared_at or alarm.last_at
    alarm.issue_wanted_at = None
    alarm.save(update_fields=["withdrawn_at", "cleared_at", "issue_wanted_at"])
    _tell("alarm.withdrawn", alarm, judgement.device, at)


def _count_open(merchants: Iterable[int]) -> None:
    """Standing.open_alarms: those that people should know of."""
    counts = dict(
        Alarm.objects.filter(device__merchant__in=list(merchants), cleared_at=None, observing=False)
        .values_list("device__merchant_id")
        .annotate(Count("id"))
        .order_by()
    )
    for merchant_id in sorted(merchants):
        Standing.objects.filter(merchant_id=merchant_id).update(open_alarms=counts.get(merchant_id, 0))


def _tell(kind: str, alarm: Alarm, device: Device, at: datetime) -> None:
    scope = Scope(town=device.merchant.town, grid=device.merchant.grid, merchant_id=device.merchant_id)
    record(kind, "alarm", alarm.pk, at=at, scope=scope, reference={"code": alarm.code, "device": device.mn})


def _columns(episode: Episode) -> Json:
    return {
        "raised_at": episode.raised_at,
        "last_at": episode.last_at,
        "cleared_at": episode.cleared_at,
        "peak": episode.peak,
        "evidence": {"windows": [asdict(one) | {"at": one.at.isoformat()} for one in episode.evidence]},
    }


def _episode_of(alarm: Alarm) -> Episode:
    evidence = tuple(
        Window(**{**values, "at": datetime.fromisoformat(values["at"])}) for values in alarm.evidence.get("windows", [])
    )
    return Episode(alarm.raised_at, alarm.last_at, alarm.cleared_at, alarm.peak, evidence)
