"""When readings are an alarm: a fold over a device's complete ten-minute windows, and over the gaps between its messages.

An alarm is raised, held and cleared by readings alone, so that the same readings always give the same alarms, in whatever order
they came. Plain values in and out: no database, no clock, no people. What an alarm leads to is not decided here.

Late data change the past: `resume` says from where a rule must be judged again and in which state it was there, `settle` what
that means for the alarms already known. An alarm keeps its identity as long as some of its time remains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from lingxiu.policy.alarm_rules import AnyAlarm, FanWithoutPurifier, Silence, SustainedValue

WINDOW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Window:
    """Ten minutes of a device that are over; `at` is their beginning. Means in mg/m³, of the valid readings."""

    at: datetime
    fume_mg_m3: float | None = None
    pm_mg_m3: float | None = None
    nmhc_mg_m3: float | None = None
    fan_on_minutes: int = 0
    purifier_on_minutes: int = 0
    fan_without_purifier_minutes: int = 0

    @property
    def end(self) -> datetime:
        return self.at + WINDOW


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

WindowRule: TypeAlias = SustainedValue | FanWithoutPurifier


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
        high = counts and value is not None and value > rule.limit
        if state is None:
            run = [*_adjacent(run, window), window] if high else []
            if run and (len(run) >= rule.windows or (value or 0.0) > rule.single_limit):
                state = _raised(run, max(getattr(one, rule.factor) for one in run))
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
                state = _raised(run, max(one.fan_without_purifier_minutes for one in run))
                run = []
        elif minutes:
            state = replace(state, last_at=window.end, peak=max(state.peak or 0, minutes))
        else:
            episodes.append(replace(state, cleared_at=window.end))
            state = None
    return [*episodes, state] if state else episodes


def _adjacent(run: list[Window], window: Window) -> list[Window]:
    """The run so far if this window follows it at once, else nothing."""
    return run if run and run[-1].end == window.at else []


def _raised(run: list[Window], peak: float) -> Episode:
    return Episode(run[-1].end, run[-1].end, None, float(peak), tuple(run))


_FOLDS: dict[type[WindowRule], Callable[..., list[Episode]]] = {
    SustainedValue: _fold_sustained,
    FanWithoutPurifier: _fold_fan_without_purifier,
}


# ── judging again ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Resume:
    """Judge again the windows from `since` on, in this state."""

    since: datetime
    state: Episode | None


def look_back(rule: WindowRule) -> timedelta:
    """How far before a window the ones lie that may raise an alarm together with it."""
    return (rule.windows - 1) * WINDOW


def resume(rule: WindowRule, known: Iterable[Episode], changed: datetime) -> Resume:
    """From where to judge again when the window at `changed` is the first that is new or different.

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


def _as_raised(rule: WindowRule, episode: Episode) -> Episode:
    """The episode as it was at the moment it was raised."""
    factor = rule.factor if isinstance(rule, SustainedValue) else "fan_without_purifier_minutes"
    peak = max((float(getattr(one, factor) or 0.0) for one in episode.evidence), default=episode.peak)
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
