"""The demo's alarms: what the sensing room's own rules say of the windows and the gaps of its monitors. Adds none, leaves none out.

Only what of the months the rules could care about is shown to them; so the same windows judged again give the same alarms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone
from numpy.lib.stride_tricks import sliding_window_view

from lingxiu.demo.bulk import Column
from lingxiu.demo.chance import stream
from lingxiu.demo.monitors import Monitor, Way
from lingxiu.demo.readings import DAY, Heard, Statistics, summed
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
from lingxiu.policy.queries import InForce
from lingxiu.sensing.alarms import (
    WINDOW,
    Episode,
    Period,
    Span,
    Window,
    WindowRule,
    binding,
    fold,
    fold_periods,
    is_open_at,
    look_back,
    overdue,
    repeated,
    silence,
)
from lingxiu.sensing.judging import complete_until
from lingxiu.sensing.models import Alarm, Maintenance
from lingxiu.sensing.profiles import MINUTE, microseconds, moment
from lingxiu.sensing.slow_judging import midnight, months_of

NOTICED_AFTER = (0.5, 3.0)  # seconds until the watch looks
TOLD_AFTER = timedelta(seconds=1)  # until the list is told
MEAN = {"fume_mg_m3": "fume_mean", "pm_mg_m3": "pm_mean", "nmhc_mg_m3": "nmhc_mean"}
MINUTES = ("fan_on_minutes", "purifier_on_minutes", "fan_without_purifier_minutes")


@dataclass(frozen=True)
class Raised:
    """An alarm, not written yet, and when the list is told of it: never if that has not come, or is not wanted."""

    alarm: Alarm
    rule: AnyAlarm
    told_at: datetime | None


def raised(heard: Heard, maintenance: Sequence[Maintenance], policy: InForce, at: datetime) -> Iterator[Raised]:
    """Every alarm of a monitor, rule by rule, in order of time."""
    spans = [Span(row.since, row.until) for row in maintenance]
    merchant = heard.monitor.device.merchant
    found: dict[str, list[Episode]] = {}
    for rule in binding(policy.catalogues.alarms.rules, at, merchant.in_built_up):
        found[rule.id] = list(_episodes(rule, heard, spans, found, policy, at))
        for episode in found[rule.id]:
            yield _raised(heard.monitor, rule, episode, policy, at)


def _episodes(
    rule: AnyAlarm,
    heard: Heard,
    spans: Sequence[Span],
    found: Mapping[str, Sequence[Episode]],
    policy: InForce,
    at: datetime,
) -> Iterator[Episode]:
    """`found`: those of the rules before."""
    match rule:
        case Silence():
            return _silences(rule, heard, spans, at)
        case RepeatedAlarm():
            return _repeated(rule, found[rule.of], _usable(heard, spans, policy, at), heard.monitor)
        case LowDay() | LinkageRate():
            return iter(fold_periods(rule, _periods(rule, heard, spans, at)))
        case CleaningDue():
            return _overdue(rule, heard.monitor, at)
        case SustainedValue() | FanWithoutPurifier() | FanOff() | FlatValue() | SuddenChange():
            return _judged(rule, _usable(heard, spans, policy, at), heard.monitor)
        case _:  # of other devices than monitors
            return iter(())


# ── over windows ─────────────────────────────────────────────────────────────────────────────────────────────────


def _usable(heard: Heard, spans: Sequence[Span], policy: InForce, at: datetime) -> Statistics:
    """Windows that are over, have readings, and touch no maintenance."""
    windows = heard.windows
    until = complete_until(at, policy.catalogues.alarms.settle_seconds)
    mask = windows.heard & (windows.at < microseconds(until))
    for span in spans:
        ends = microseconds(span.until) if span.until else np.iinfo(np.int64).max
        mask &= ~((microseconds(span.since) < windows.at + 10 * MINUTE) & (windows.at < ends))
    return windows.only(mask)


def _judged(rule: WindowRule, windows: Statistics, monitor: Monitor) -> Iterator[Episode]:
    """The rule's episodes, found by looking only where a window could raise one, on to where it is cleared or the end."""
    worth, clears = _worth_a_look(rule, windows)
    begins = np.flatnonzero(worth)
    after = -1
    for begin in begins.tolist():
        if begin <= after:
            continue
        first = max(begin - look_back(rule) // WINDOW, after + 1)
        after = _cleared_by(begin, worth, clears, _needed(rule))
        yield from fold(rule, _as_windows(windows, range(first, after + 1), monitor))


def _worth_a_look(rule: WindowRule, windows: Statistics) -> tuple[Column, Column]:
    """Which windows may raise or hold, and which count towards clearing."""
    columns, fume = windows.columns, windows.columns["fume_mean"]
    fan, everything = columns["fan_on_minutes"], np.ones(len(windows.at), dtype=np.bool_)
    match rule:
        case FanWithoutPurifier():
            alone = columns["fan_without_purifier_minutes"] > 0
            return alone, ~alone & (columns["purifier_on_minutes"] >= rule.clear_minutes)
        case SustainedValue():
            counts, values = fan >= rule.fan_on_minutes, columns[MEAN[rule.factor]]
            high = counts & (values >= rule.limit if rule.reaches else values > rule.limit)
            return high, counts & ~high
        case SuddenChange():
            low, high = np.minimum(fume, _earlier(fume, 1)), np.maximum(fume, _earlier(fume, 1))
            return (fan >= rule.fan_on_minutes) & (high > 0.99 * rule.times * low) & (
                high > 0.99 * rule.least_mg_m3
            ), everything
        case FanOff():
            rises = fume - _earlier(fume, rule.windows - 1) > 0.99 * rule.rise_mg_m3
            return (fan == 0) & rises, fan >= rule.clear_minutes
        case FlatValue():
            return _is_flat(rule, windows), ~everything


def _earlier(values: Column, by: int) -> Column:
    """The same column so many windows before; at the beginning the first of them."""
    return np.concatenate([np.repeat(values[:1], by), values[: max(0, len(values) - by)]])[: len(values)]


def _is_flat(rule: FlatValue, windows: Statistics) -> Column:
    """Where the last windows of a rule lie within its band, the fan on in all of them."""
    found = np.zeros(len(windows.at), dtype=np.bool_)
    if len(found) >= rule.windows:
        lowest, highest, fan = (
            sliding_window_view(windows.columns[name], rule.windows)
            for name in ("fume_min", "fume_max", "fan_on_minutes")
        )
        narrow = highest.max(axis=1) - lowest.min(axis=1) <= rule.spread_mg_m3 + 0.0001
        found[rule.windows - 1 :] = narrow & (fan.min(axis=1) >= rule.fan_on_minutes)
    return found


def _needed(rule: WindowRule) -> int:
    """How many windows in a row clear it."""
    return rule.clear_windows if isinstance(rule, SustainedValue | SuddenChange) else 1


def _cleared_by(begin: int, worth: Column, clears: Column, needed: int) -> int:
    """The window that clears whatever began at `begin`, or the last one."""
    lows = 0
    for index in range(begin, len(worth)):
        lows = 0 if worth[index] else lows + bool(clears[index])
        if lows == needed:
            return index
    return len(worth) - 1


def _repeated(
    rule: RepeatedAlarm, alarms: Sequence[Episode], windows: Statistics, monitor: Monitor
) -> Iterator[Episode]:
    if len(alarms) < rule.days:
        return iter(())
    first = int(np.searchsorted(windows.at, microseconds(alarms[0].raised_at) - 10 * MINUTE))
    later = _as_windows(windows, range(first, len(windows.at)), monitor)
    return iter(repeated(rule, alarms, later, timezone.get_default_timezone()))


def _periods(rule: LowDay | LinkageRate, heard: Heard, spans: Sequence[Span], at: datetime) -> Sequence[Period]:
    """Days that are over and touch no maintenance, or the months they make."""
    today = midnight(at.date())
    days, found = summed(heard.windows, DAY), []
    for index in np.flatnonzero(days.heard).tolist():
        begins = moment(int(days.at[index])).astimezone(at.tzinfo)
        ends = midnight(begins.date() + timedelta(days=1))
        if ends > today or any(one.since < ends and (one.until is None or begins < one.until) for one in spans):
            continue
        highest, fan, alone = (days.columns[name][index] for name in ("fume_max", *MINUTES[::2]))
        found.append(Period(midnight(begins.date()), ends, float(str(highest)), int(fan), int(alone)))
    return months_of(found, today) if isinstance(rule, LinkageRate) else found


def _overdue(rule: CleaningDue, monitor: Monitor, at: datetime) -> Iterator[Episode]:
    installed, zone = monitor.device.installed_on, timezone.get_default_timezone()
    since = midnight(installed) if installed else at
    cycle = timedelta(days=monitor.kitchen.cycle_days)
    return iter(overdue(rule, monitor.kitchen.cleaned, cycle, since, at, zone))


def _as_windows(windows: Statistics, indices: Iterable[int], monitor: Monitor) -> Iterator[Window]:
    columns, zone = windows.columns, timezone.get_default_timezone()
    fume, pm, nmhc = (columns.get(name) for name in MEAN.values())
    fan, purifier, alone = (columns[name] for name in MINUTES)
    merchant = monitor.device.merchant
    for index in indices:
        begins = moment(int(windows.at[index]))
        yield Window(
            begins,
            _as_stored(fume, index),
            _as_stored(pm, index),
            _as_stored(nmhc, index),
            int(fan[index]),
            int(purifier[index]),
            int(alone[index]),
            _as_stored(columns["fume_min"], index),
            _as_stored(columns["fume_max"], index),
            is_open_at(begins, merchant.opens_at, merchant.closes_at, zone),
        )


def _as_stored(column: Column | None, index: int) -> float | None:
    """A `real` as the driver reads it back: the shortest number that is it; null where nothing measures it."""
    return None if column is None else float(str(column[index]))


# ── over gaps ────────────────────────────────────────────────────────────────────────────────────────────────────


def _silences(rule: Silence, heard: Heard, spans: Sequence[Span], at: datetime) -> Iterator[Episode]:
    """The silences between two readings further apart than allowed, and the one that lasts."""
    moments = heard.told.at[heard.told.sent]
    if not len(moments):
        return
    apart = np.flatnonzero(np.diff(moments) > rule.minutes * MINUTE)
    for index in apart.tolist():
        since, until = moment(int(moments[index])), moment(int(moments[index + 1]))
        begun = silence(rule, since, until, spans)
        if begun is not None:
            yield Episode(begun, until, until)
    if heard.monitor.way is Way.STAGED:
        return  # it is heard, only not with anything new: what it kept comes when the demo has started
    begun = silence(rule, moment(int(moments[-1])), at, spans)
    if begun is not None:
        yield Episode(begun, begun, None)


# ── as the watch writes it ───────────────────────────────────────────────────────────────────────────────────────


def _raised(monitor: Monitor, rule: AnyAlarm, episode: Episode, policy: InForce, at: datetime) -> Raised:
    device = monitor.device
    observing = device.observe_until is not None and episode.raised_at < device.observe_until
    settled = 0 if isinstance(rule, Silence) else policy.catalogues.alarms.settle_seconds
    late = stream("noticed", device.mn, rule.id, episode.raised_at).uniform(*NOTICED_AFTER)
    noticed = min(at, episode.raised_at + timedelta(seconds=settled + late))
    wanted = None if observing else _wanted(rule, episode, noticed)
    alarm = Alarm(
        device=device,
        code=rule.id,
        severity=rule.severity,
        raised_at=episode.raised_at,
        last_at=episode.last_at,
        cleared_at=episode.cleared_at,
        peak=episode.peak,
        evidence={"windows": [asdict(one) | {"at": one.at.isoformat()} for one in episode.evidence]},
        observing=observing,
        edition=policy.id,
        issue_wanted_at=wanted,
        noticed_at=noticed,
        told_at=noticed,
        synthetic=True,
    )
    told = wanted + TOLD_AFTER if wanted else None
    return Raised(alarm, rule, told if told and told < at else None)


def _wanted(rule: AnyAlarm, episode: Episode, noticed: datetime) -> datetime | None:
    """From when on an issue is wanted: at once, or when it has stood long enough."""
    if rule.violation is None:
        return None
    if not rule.issue_after:
        return noticed
    due = episode.raised_at + rule.issue_after
    return due if episode.cleared_at is None or episode.cleared_at > due else None
