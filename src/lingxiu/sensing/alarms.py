"""When readings are an alarm: folds over a device's complete ten-minute windows, its days and months, and its silences.

An alarm is raised, held and cleared by readings alone, so that the same readings always give the same alarms, in whatever order
they came. Plain values in and out: no database, no clock, no people. What an alarm leads to is not decided here. Nothing is
cleared by time alone: a device that goes dark keeps its alarms.

Late data change the past: `resume` says from where a rule must be judged again and in which state it was there, `settle` what
that means for the alarms already known. An alarm keeps its identity as long as some of its time remains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final, TypeAlias

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

WINDOW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Window:
    """Ten minutes of a device that are over; `at` is their beginning. Values in mg/m³, of the valid readings.

    `fan_due`: the shop was open then, and its device tells whether the fan runs.
    """

    at: datetime
    fume_mg_m3: float | None = None
    pm_mg_m3: float | None = None
    nmhc_mg_m3: float | None = None
    fan_on_minutes: int = 0
    purifier_on_minutes: int = 0
    fan_without_purifier_minutes: int = 0
    fume_min: float | None = None
    fume_max: float | None = None
    fan_due: bool = False

    @property
    def end(self) -> datetime:
        return self.at + WINDOW


@dataclass(frozen=True, slots=True)
class Period:
    """A county day or month of a device that is over, summed up from its windows; `at` is its beginning."""

    at: datetime
    end: datetime
    fume_max: float | None
    fan_on_minutes: int
    fan_without_purifier_minutes: int


@dataclass(frozen=True, slots=True)
class Episode:
    """One alarm from its raising to its clearing (None: still open).

    `last_at`: the end of the last window that held it. `peak`: the highest value met, in the rule's unit.
    `evidence`: the windows that raised it.
    """

    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None = None
    peak: float | None = None
    evidence: tuple[Window, ...] = ()

    def overlaps(self, other: Episode) -> bool:
        """Whether they share a moment; an open one never ends."""
        return (other.cleared_at is None or self.raised_at <= other.cleared_at) and (
            self.cleared_at is None or other.raised_at <= self.cleared_at
        )


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which nothing is judged: maintenance, or nobody listening. `until` None: it lasts."""

    since: datetime
    until: datetime | None = None

    def touches(self, window: Window) -> bool:
        return self.since < window.end and (self.until is None or window.at < self.until)


# ── rules over windows ───────────────────────────────────────────────────────────────────────────────────────────

WindowRule: TypeAlias = SustainedValue | FanWithoutPurifier | FanOff | FlatValue | SuddenChange
PeriodRule: TypeAlias = LowDay | LinkageRate


def fold(rule: WindowRule, windows: Iterable[Window], state: Episode | None = None) -> list[Episode]:
    """The episodes of a rule over windows in order of time, the last one maybe still open.

    `state`: the episode that is open before the first of them. A missing window is a gap: it raises, holds and clears nothing.
    """
    return _FOLDS[type(rule)](rule, windows, state)


def _fold_sustained(rule: SustainedValue, windows: Iterable[Window], state: Episode | None) -> list[Episode]:
    """Only windows with the fan on count. Those that raise must follow each other; those that clear need not."""
    episodes: list[Episode] = []
    run: list[Window] = []
    lows = 0
    for window in windows:
        value: float | None = getattr(window, rule.factor)
        counts = value is not None and window.fan_on_minutes >= rule.fan_on_minutes
        high = counts and value is not None and rule.is_high(value)
        if state is None:
            run = [*_adjacent(run, window), window] if high else []
            if run and (len(run) >= rule.windows or _alone_enough(rule, value)):
                state = _raised(rule, run)
                run, lows = [], 0
        elif high:
            state = replace(state, last_at=window.end, peak=max(state.peak or 0.0, value or 0.0))
            lows = 0
        elif counts:
            lows += 1
            if lows >= rule.clear_windows:
                episodes.append(replace(state, cleared_at=window.end))
                state = None
    return [*episodes, state] if state else episodes


def _alone_enough(rule: SustainedValue, value: float | None) -> bool:
    return rule.single_limit is not None and (value or 0.0) > rule.single_limit


def _fold_fan_without_purifier(
    rule: FanWithoutPurifier, windows: Iterable[Window], state: Episode | None
) -> list[Episode]:
    """Minutes of fan without purifier, added up over adjacent windows; the peak is the most minutes of one window."""
    episodes: list[Episode] = []
    run: list[Window] = []
    for window in windows:
        minutes = window.fan_without_purifier_minutes
        if state is None:
            run = [*_adjacent(run, window), window][-rule.windows :]
            if minutes and sum(one.fan_without_purifier_minutes for one in run) >= rule.minutes:
                state = _raised(rule, run)
                run = []
        elif minutes:
            state = replace(state, last_at=window.end, peak=max(state.peak or 0, minutes))
        elif window.purifier_on_minutes >= rule.clear_minutes:
            episodes.append(replace(state, cleared_at=window.end))
            state = None
    return [*episodes, state] if state else episodes


def _fold_fan_off(rule: FanOff, windows: Iterable[Window], state: Episode | None) -> list[Episode]:
    """Windows of business hours without any fan; the peak is the highest mean met."""
    episodes: list[Episode] = []
    run: list[Window] = []
    for window in windows:
        value = window.fume_mg_m3
        off = window.fan_due and window.fan_on_minutes == 0 and value is not None
        if state is None:
            run = [*_adjacent(run, window), window][-rule.windows :] if off else []
            if len(run) == rule.windows and (value or 0.0) - (run[0].fume_mg_m3 or 0.0) >= rule.rise_mg_m3:
                state = _raised(rule, run)
                run = []
        elif off:
            state = replace(state, last_at=window.end, peak=max(state.peak or 0.0, value or 0.0))
        elif window.fan_on_minutes >= rule.clear_minutes:
            episodes.append(replace(state, cleared_at=window.end))
            state = None
    return [*episodes, state] if state else episodes


def _fold_flat(rule: FlatValue, windows: Iterable[Window], state: Episode | None) -> list[Episode]:
    """The band is that of the windows that raised it; any window outside it shows that the sensor lives."""
    episodes: list[Episode] = []
    run: list[Window] = []
    for window in windows:
        if window.fume_min is None or window.fume_max is None:
            continue
        cooking = window.fan_on_minutes >= rule.fan_on_minutes
        if state is None:
            run = [*_adjacent(run, window), window][-rule.windows :] if cooking else []
            if len(run) == rule.windows and _spread(run) <= rule.spread_mg_m3:
                state = _raised(rule, run)
                run = []
        elif _spread([*state.evidence, window]) > rule.spread_mg_m3:
            episodes.append(replace(state, cleared_at=window.end))
            state = None
        elif cooking:
            state = replace(state, last_at=window.end)
    return [*episodes, state] if state else episodes


def _spread(windows: Sequence[Window]) -> float:
    """Between the lowest and the highest value of all of them, in mg/m³; to the tenth of a microgram, as `real` columns lie."""
    highest = max(one.fume_max or 0.0 for one in windows)
    return round(highest - min(one.fume_min or 0.0 for one in windows), 4)


def _fold_sudden_change(rule: SuddenChange, windows: Iterable[Window], state: Episode | None) -> list[Episode]:
    """An event: nothing holds it, and it is over when as many windows as it stands for have come."""
    episodes: list[Episode] = []
    before: Window | None = None
    since = 0
    for window in windows:
        if state is not None:
            since += 1
            if since >= rule.clear_windows:
                episodes.append(replace(state, cleared_at=window.end))
                state = before = None
            continue
        pair = [*_adjacent([before] if before else [], window), window]
        if len(pair) > 1 and _changed(rule, pair):
            state, since = _raised(rule, pair), 0
        before = window
    return [*episodes, state] if state else episodes


def _changed(rule: SuddenChange, pair: Sequence[Window]) -> bool:
    """Means of two windows with the fan on that lie too far apart; at least a thousandth, that zero has a multiple."""
    if any(one.fume_mg_m3 is None or one.fan_on_minutes < rule.fan_on_minutes for one in pair):
        return False
    low, high = sorted(one.fume_mg_m3 or 0.0 for one in pair)
    return high >= rule.least_mg_m3 and high >= rule.times * max(low, 0.001)


def _adjacent(run: list[Window], window: Window) -> list[Window]:
    """The run so far if this window follows it at once, else nothing."""
    return run if run and run[-1].end == window.at else []


def _raised(rule: WindowRule, run: Sequence[Window]) -> Episode:
    return Episode(run[-1].end, run[-1].end, None, peak_of(rule, run), tuple(run))


def peak_of(rule: WindowRule, run: Sequence[Window]) -> float:
    """The highest of what the rule looks at, over these windows: minutes, or a mean in mg/m³."""
    factor = rule.factor if isinstance(rule, SustainedValue) else "fume_mg_m3"
    name = "fan_without_purifier_minutes" if isinstance(rule, FanWithoutPurifier) else factor
    return max((float(getattr(one, name) or 0.0) for one in run), default=0.0)


_FOLDS: dict[type[WindowRule], Callable[..., list[Episode]]] = {
    SustainedValue: _fold_sustained,
    FanWithoutPurifier: _fold_fan_without_purifier,
    FanOff: _fold_fan_off,
    FlatValue: _fold_flat,
    SuddenChange: _fold_sudden_change,
}
WINDOW_RULES: Final = tuple(_FOLDS)


def is_open_at(moment: datetime, opens: time | None, closes: time | None, zone: tzinfo) -> bool:
    """Whether a shop of these hours, which may go past midnight, is open then; no hours known: no."""
    if opens is None or closes is None:
        return False
    clock = moment.astimezone(zone).time()
    return opens <= clock < closes if opens <= closes else clock >= opens or clock < closes


# ── alarms again and again ───────────────────────────────────────────────────────────────────────────────────────


def repeated(
    rule: RepeatedAlarm,
    alarms: Sequence[Episode],
    windows: Iterable[Window],
    zone: tzinfo,
    state: Episode | None = None,
) -> list[Episode]:
    """The episodes of a rule that counts alarms of another one by county days.

    `alarms`: that rule's, in order, from `within_days` before the first window on. The peak is the most days that were
    counted; the evidence is the last window that raised each of the alarms.
    """
    episodes: list[Episode] = []
    begins = {one.raised_at for one in alarms}
    calm = 0
    if state is not None and state.peak is None:
        state = replace(state, peak=float(len({_day(one.end, zone) for one in state.evidence})))
    for window in windows:
        if window.end in begins:
            counted = _counted(rule, alarms, window.end, zone)
            days = len({_day(row.raised_at, zone) for row in counted})
            if state is None and days >= rule.days:
                evidence = tuple(row.evidence[-1] for row in counted if row.evidence)
                state = Episode(window.end, window.end, None, float(days), evidence)
            elif state is not None:
                state = replace(state, peak=max(state.peak or 0.0, float(days)))
        if state is None:
            continue
        if one := next((row for row in alarms if _covers(row, window)), None):
            state, calm = replace(state, last_at=max(state.last_at, one.last_at)), 0
        elif window.fan_on_minutes >= rule.fan_on_minutes:
            calm += 1
            if calm >= rule.clear_windows:
                episodes.append(replace(state, cleared_at=window.end))
                state = None
    return [*episodes, state] if state else episodes


def _covers(alarm: Episode, window: Window) -> bool:
    """Whether the alarm was open in this window, or ended with it."""
    return alarm.raised_at <= window.end and (alarm.cleared_at is None or window.end <= alarm.cleared_at)


def _counted(rule: RepeatedAlarm, alarms: Iterable[Episode], moment: datetime, zone: tzinfo) -> list[Episode]:
    first = _day(moment, zone) - timedelta(days=rule.within_days - 1)
    return [one for one in alarms if one.raised_at <= moment and _day(one.raised_at, zone) >= first]


def _day(moment: datetime, zone: tzinfo) -> date:
    """The county day of what ended at this moment: a window that ends at midnight is of the day before."""
    return (moment - timedelta(microseconds=1)).astimezone(zone).date()


# ── days and months ──────────────────────────────────────────────────────────────────────────────────────────────


def fold_periods(rule: PeriodRule, periods: Iterable[Period], state: Episode | None = None) -> list[Episode]:
    """The episodes of a rule over days (LowDay) or months (LinkageRate) in order; one that says nothing changes nothing.

    The peak is the value of the period that raised it: its highest fume in mg/m³, or its linkage rate in per cent.
    """
    says = _PERIOD_SAYS[type(rule)]
    episodes: list[Episode] = []
    for period in periods:
        bad, value = says(rule, period)
        if bad is None:
            continue
        if bad:
            state = replace(state, last_at=period.end) if state else Episode(period.end, period.end, None, value)
        elif state:
            episodes.append(replace(state, cleared_at=period.end))
            state = None
    return [*episodes, state] if state else episodes


def _low_day(rule: LowDay, day: Period) -> tuple[bool | None, float]:
    """A value above the limit shows that the sensor lives, whether the fan ran or not."""
    if day.fume_max is None:
        return None, 0.0
    if day.fume_max > rule.limit:
        return False, day.fume_max
    return (True if day.fan_on_minutes >= rule.fan_on_minutes else None), day.fume_max


def _linkage(rule: LinkageRate, month: Period) -> tuple[bool | None, float]:
    if month.fan_on_minutes < rule.fan_on_minutes:
        return None, 0.0
    percent = 100 * (month.fan_on_minutes - month.fan_without_purifier_minutes) / month.fan_on_minutes
    return percent < rule.at_least_percent, round(percent, 2)


_PERIOD_SAYS: dict[type[PeriodRule], Callable[..., tuple[bool | None, float]]] = {
    LowDay: _low_day,
    LinkageRate: _linkage,
}
PERIOD_RULES: Final = tuple(_PERIOD_SAYS)


def overdue(
    rule: CleaningDue, cleaned: Iterable[date], cycle: timedelta, since: datetime, until: datetime, zone: tzinfo
) -> list[Episode]:
    """The times in which a cleaning was due, by the days of those on record; where there is none, nothing is known.

    `since`: from when on it concerns this device. Days are the county's: due is the whole of the last day of the cycle.
    """
    days = sorted(set(cleaned))
    nexts: list[date | None] = [*days[1:], None]
    episodes: list[Episode] = []
    for day, following in zip(days, nexts, strict=False):
        raised = max(_midnight(day + cycle + timedelta(days=1), zone), since)
        cleared = _midnight(following, zone) if following else None
        if raised <= until and (cleared is None or raised <= cleared):
            episodes.append(Episode(raised, cleared or raised, cleared))
    return episodes


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


# ── judging again ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Resume:
    """Judge again the windows from `since` on, in this state."""

    since: datetime
    state: Episode | None


Folded: TypeAlias = WindowRule | RepeatedAlarm | PeriodRule


def look_back(rule: Folded) -> timedelta:
    """How far before a window the ones lie that may raise an alarm together with it."""
    if isinstance(rule, SuddenChange):
        return WINDOW
    return timedelta() if isinstance(rule, RepeatedAlarm | LowDay | LinkageRate) else (rule.windows - 1) * WINDOW


def resume(rule: Folded, known: Iterable[Episode], changed: datetime) -> Resume:
    """From where to judge again when the window (day, month) at `changed` is the first that is new or different.

    `known`: the alarms of this device and rule, as judged up to there. What was cleared before stays as it is; an alarm open
    at that moment goes on from the last window that held it, or, if the change lies before that, from its raising.
    """
    before = [one for one in known if one.raised_at <= changed]
    latest = max(before, key=lambda one: one.raised_at, default=None)
    if latest is None:
        return Resume(changed - look_back(rule), None)
    if latest.cleared_at is not None and latest.cleared_at <= changed:
        return Resume(max(latest.cleared_at, changed - look_back(rule)), None)
    if latest.last_at <= changed:
        return Resume(latest.last_at, replace(latest, cleared_at=None))
    return Resume(latest.raised_at, _as_raised(rule, latest))


def _as_raised(rule: Folded, episode: Episode) -> Episode:
    """The episode as it was at the moment it was raised."""
    peak = episode.peak
    if isinstance(rule, WINDOW_RULES):
        peak = peak_of(rule, episode.evidence) if episode.evidence else peak
    elif isinstance(rule, RepeatedAlarm):
        peak = None  # counted anew from the evidence
    return replace(episode, last_at=episode.raised_at, cleared_at=None, peak=peak)


@dataclass(frozen=True, slots=True)
class Known:
    """An alarm as it is stored; one that was withdrawn may come back."""

    id: int
    episode: Episode
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What judging again means for the stored alarms."""

    new: tuple[Episode, ...]
    same: tuple[tuple[Known, Episode], ...]
    withdrawn: tuple[Known, ...]


def settle(known: Sequence[Known], episodes: Sequence[Episode]) -> Settlement:
    """Find each episode among the stored alarms it overlaps with; what is left over on either side is new, or never was."""
    left = sorted(known, key=lambda one: (one.withdrawn, one.episode.raised_at))
    new: list[Episode] = []
    same: list[tuple[Known, Episode]] = []
    for episode in episodes:
        match = next((one for one in left if one.episode.overlaps(episode)), None)
        if match is None:
            new.append(episode)
        else:
            left.remove(match)
            same.append((match, episode))
    return Settlement(tuple(new), tuple(same), tuple(one for one in left if not one.withdrawn))


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def silence(rule: Silence, heard: datetime, until: datetime, unheard: Iterable[Span]) -> datetime | None:
    """When the silence from `heard` to `until` became an alarm, None if it never did.

    `unheard`: when nobody could have heard the device, or it was under maintenance; its silence counts anew after that.
    """
    allowed = timedelta(minutes=rule.minutes)
    since = heard
    for span in sorted(unheard, key=lambda one: one.since):
        if since + allowed <= span.since or span.since >= until:
            break
        if span.until is None:
            return None
        since = max(since, span.until)
    raised = since + allowed
    return raised if raised < until else None


def silences(
    rule: Silence, gaps: Iterable[tuple[datetime, datetime | None]], now: datetime, unheard: Sequence[Span]
) -> list[Episode]:
    """The alarms of the gaps between two moments a device was heard; a gap without an end still lasts."""
    raised = ((silence(rule, since, until or now, unheard), until) for since, until in gaps)
    return [Episode(start, until or start, until) for start, until in raised if start is not None]


def binding(rules: Iterable[AnyAlarm], at: datetime, in_built_up: bool) -> list[AnyAlarm]:
    """The rules that bind a merchant on the day of `at`, in the county's zone."""
    return [rule for rule in rules if rule.holds(at.date()) and (in_built_up or not rule.only_in_built_up)]
