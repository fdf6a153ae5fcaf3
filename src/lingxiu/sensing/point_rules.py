"""When single readings are an alarm: levels of grease traps and gas, traps not emptied, cameras gone or seeing something.

Plain values in and out, as in alarms.py: the same readings give the same episodes in whatever order they came. An alarm is raised
and cleared by readings and by time, never by people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from lingxiu.policy.alarm_rules import PointLevel
from lingxiu.sensing.alarms import Episode, Span

Height = Literal["high", "between", "low"]


@dataclass(frozen=True, slots=True)
class Said:
    """A reading as a level rule sees it: the value in its column, and the state the device gives itself."""

    at: datetime
    channel: int = 0
    value: float | None = None
    state: str | None = None


# ── levels ───────────────────────────────────────────────────────────────────────────────────────────────────────


def height(rule: PointLevel, said: Said) -> Height | None:
    """Where a reading stands; None if it says nothing about that."""
    if said.state is not None and said.state in rule.states:
        return "high"
    if said.value is None:
        return "low" if said.state == "normal" else None
    if said.value >= rule.at_least:
        return "high"
    return "between" if said.value >= rule.clear_below else "low"


def levels(
    rule: PointLevel, readings: Iterable[Said], state: Episode | None = None, low: Mapping[int, bool] | None = None
) -> list[Episode]:
    """The episodes of readings in order of time, the last one maybe still open.

    `state`: the episode that is open before the first of them, `low`: whether each channel was low by then.
    """
    episodes: list[Episode] = []
    latest = dict(low or {})
    lows = 0
    for said in readings:
        where = height(rule, said)
        if where is None or (state is None and where != "high"):
            continue
        latest[said.channel] = where == "low"
        if state is None:
            state, lows = Episode(said.at, said.at, None, said.value), 0
            latest = {said.channel: False}
        elif where != "low":
            state, lows = replace(state, last_at=said.at, peak=_higher(state.peak, said.value)), 0
        else:
            lows += 1
            if lows >= rule.clear_readings and all(latest.values()):
                episodes.append(replace(state, cleared_at=said.at))
                state = None
    return [*episodes, state] if state else episodes


def _higher(peak: float | None, value: float | None) -> float | None:
    known = [one for one in (peak, value) if one is not None]
    return max(known, default=None)


# ── what has not happened for too long ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Judged:
    """Episodes, and when time alone changes them next; None: never."""

    episodes: list[Episode]
    next_at: datetime | None


def absences(marks: Sequence[datetime], allowed: timedelta, now: datetime, unheard: Sequence[Span] = ()) -> Judged:
    """Raised when `allowed` has passed since a mark without the next one, which clears it. `marks`: in order, one at least.

    `unheard`: times in which no mark could be seen; `allowed` counts anew after them.
    """
    gaps = zip(marks, [*marks[1:], None], strict=True)
    raised = [(_overdue(since, until, allowed, unheard), until) for since, until in gaps]
    last, _ = raised[-1]
    episodes = [Episode(start, until or start, until) for start, until in raised if start is not None and start <= now]
    return Judged(episodes, last if last is not None and last > now else None)


def _overdue(since: datetime, until: datetime | None, allowed: timedelta, unheard: Sequence[Span]) -> datetime | None:
    """When the absence after `since` became too long, None if it ended before or cannot be told."""
    for span in sorted(unheard, key=lambda one: one.since):
        if since + allowed <= span.since:
            break
        if span.until is None:
            return None
        since = max(since, span.until)
    raised = since + allowed
    return raised if until is None or raised < until else None


# ── what was seen ────────────────────────────────────────────────────────────────────────────────────────────────


def sightings(times: Sequence[datetime], quiet: timedelta, now: datetime) -> Judged:
    """Raised by an event, held by those that follow within `quiet`, cleared when it has passed without one."""
    episodes: list[Episode] = []
    for at in times:
        last = episodes[-1] if episodes else None
        if last is not None and at < last.last_at + quiet:
            episodes[-1] = replace(last, last_at=at)
        else:
            episodes.append(Episode(at, at))
    ended = [one if one.last_at + quiet > now else replace(one, cleared_at=one.last_at + quiet) for one in episodes]
    open_one = ended[-1] if ended and ended[-1].cleared_at is None else None
    return Judged(ended, open_one.last_at + quiet if open_one else None)
