"""The demo's alarms: what the sensing room's own rules say of the windows and the gaps of its monitors. Adds none, leaves none out.

Only what of the months the rules could care about is shown to them; so the same windows judged again give the same alarms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np

from lingxiu.demo.bulk import Column
from lingxiu.demo.chance import stream
from lingxiu.demo.monitors import Monitor, Way
from lingxiu.demo.readings import Heard, Statistics
from lingxiu.policy.alarm_rules import AnyAlarm, FanWithoutPurifier, PointRule, Silence, SustainedValue
from lingxiu.policy.queries import InForce
from lingxiu.sensing.alarms import Episode, Span, Window, WindowRule, binding, fold, silence
from lingxiu.sensing.judging import complete_until
from lingxiu.sensing.models import Alarm, Maintenance
from lingxiu.sensing.profiles import MINUTE, microseconds, moment

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
    for rule in binding(policy.catalogues.alarms.rules, at, merchant.in_built_up):
        for episode in _episodes(rule, heard, spans, policy, at):
            yield _raised(heard.monitor, rule, episode, policy, at)


def _episodes(rule: AnyAlarm, heard: Heard, spans: Sequence[Span], policy: InForce, at: datetime) -> Iterator[Episode]:
    if isinstance(rule, Silence):
        return _silences(rule, heard, spans, at)
    if isinstance(rule, PointRule):  # of other devices than monitors
        return iter(())
    return _judged(rule, _usable(heard, spans, policy, at))


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


def _judged(rule: WindowRule, windows: Statistics) -> Iterator[Episode]:
    """The rule's episodes, found by looking only where a window could raise one, on to where it is cleared or the end."""
    worth, clears = _worth_a_look(rule, windows.columns)
    begins = np.flatnonzero(worth)
    after = -1
    for begin in begins.tolist():
        if begin <= after:
            continue
        after = _cleared_by(begin, worth, clears, _needed(rule))
        yield from fold(rule, _as_windows(windows, range(begin, after + 1)))


def _worth_a_look(rule: WindowRule, columns: dict[str, Column]) -> tuple[Column, Column]:
    """Which windows may raise or hold, and which count towards clearing."""
    if isinstance(rule, FanWithoutPurifier):
        alone = columns["fan_without_purifier_minutes"] > 0
        return alone, ~alone
    counts = columns["fan_on_minutes"] >= rule.fan_on_minutes
    high = counts & (columns[MEAN[rule.factor]] > rule.limit)
    return high, counts & ~high


def _needed(rule: WindowRule) -> int:
    """How many windows in a row clear it."""
    return rule.clear_windows if isinstance(rule, SustainedValue) else 1


def _cleared_by(begin: int, worth: Column, clears: Column, needed: int) -> int:
    """The window that clears whatever began at `begin`, or the last one."""
    lows = 0
    for index in range(begin, len(worth)):
        lows = 0 if worth[index] else lows + bool(clears[index])
        if lows == needed:
            return index
    return len(worth) - 1


def _as_windows(windows: Statistics, indices: Iterable[int]) -> Iterator[Window]:
    columns = windows.columns
    fume, pm, nmhc = (columns.get(name) for name in MEAN.values())
    fan, purifier, alone = (columns[name] for name in MINUTES)
    for index in indices:
        yield Window(
            moment(int(windows.at[index])),
            _as_stored(fume, index),
            _as_stored(pm, index),
            _as_stored(nmhc, index),
            int(fan[index]),
            int(purifier[index]),
            int(alone[index]),
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
        synthetic=True,
    )
    told = wanted + TOLD_AFTER if wanted else None
    return Raised(alarm, rule, told if told and told < at else None)


def _wanted(rule: AnyAlarm, episode: Episode, noticed: datetime) -> datetime | None:
    """From when on an issue is wanted: at once, or when a silence has lasted long enough."""
    if rule.violation is None:
        return None
    if not isinstance(rule, Silence):
        return noticed
    due = episode.raised_at + timedelta(minutes=rule.issue_after_minutes - rule.minutes)
    return due if episode.cleared_at is None or episode.cleared_at > due else None
