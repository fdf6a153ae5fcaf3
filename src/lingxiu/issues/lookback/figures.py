"""The county's figures as rules over plain counts: periods, shares, decline, roll-up. No ORM, no clock, no words.

Shares are of counts summed over areas, never means of shares; nothing of nothing is None («not applicable»), never 0 or 100
(domain.md 8.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

Counts = Mapping[str, int]
Row = Mapping[str, object]
"""A row of a grouped count: its dimensions (`town`, `level` …) and its counts."""

KINDS = ("day", "week", "month", "quarter", "days")


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the county, both included. `kind` days: any two dates, such as the 26th to the 25th."""

    kind: str
    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    def before(self) -> Period:
        """The period of the same kind that ends the day before this one begins."""
        if self.kind == "days":
            return Period("days", self.since - timedelta(days=self.days), self.since - timedelta(days=1))
        return period_around(self.kind, self.since - timedelta(days=1))

    def after(self) -> Period:
        """The period of the same kind that begins the day after this one ends."""
        if self.kind == "days":
            return Period("days", self.until + timedelta(days=1), self.until + timedelta(days=self.days))
        return period_around(self.kind, self.until + timedelta(days=1))

    def year_before(self, today: date) -> Period:
        """The same days of the year before; a week is the same weekdays, 52 weeks earlier. Of a period that is not over, as
        much as has passed of it: half a month is not held against a whole one."""
        if self.kind == "week":
            until = self.until if self.until <= today else max(today, self.since)
            return Period("week", self.since - timedelta(days=364), until - timedelta(days=364))
        if self.since <= today < self.until:
            return Period("days", _year_earlier(self.since), _year_earlier(today))
        if self.kind == "days":
            return Period("days", _year_earlier(self.since), _year_earlier(self.until))
        return period_around(self.kind, _year_earlier(self.since))


def period_around(kind: str, day: date) -> Period:
    """The day, week (from Monday), month or quarter in which a day lies."""
    match kind:
        case "week":
            monday = day - timedelta(days=day.weekday())
            return Period(kind, monday, monday + timedelta(days=6))
        case "month":
            first = day.replace(day=1)
            return Period(kind, first, _month_after(first) - timedelta(days=1))
        case "quarter":
            first = day.replace(month=day.month - (day.month - 1) % 3, day=1)
            return Period(kind, first, _month_after(_month_after(_month_after(first))) - timedelta(days=1))
        case _:
            return Period("day", day, day)


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _year_earlier(day: date) -> date:
    """The 29th of February has the 28th before it."""
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap else day.day)


# ── shares ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Measure:
    """A share in per cent: `part` of `whole`, both names of counts."""

    name: str
    part: str
    whole: str


MEASURES = (
    Measure("quick", "quick", "closed"),  # 简易快速处置率: closed in the quick flow at grid and town, of all closed
    Measure("handling", "due_closed", "due"),  # 处置率: closed, of those that fell due and were not dismissed
    Measure("in_time", "in_time", "closed"),  # 按时办结率: closed by the issue's own clock, of all closed
    Measure("found", "found", "reported"),  # 主动发现率: nobody had to report it, of all that came in
    Measure("reopened", "reopened", "closed"),  # opened again before they were closed, of all closed
    Measure(
        "answers", "answered_in_time", "answered"
    ),  # everybody who reported it was answered in time, of those closed
)


def share(part: int, whole: int) -> float | None:
    """Per cent, or None of nothing."""
    return 100 * part / whole if whole else None


def shares(counts: Counts) -> dict[str, float | None]:
    """Every measure of these counts."""
    return {one.name: share(counts.get(one.part, 0), counts.get(one.whole, 0)) for one in MEASURES}


def decline(now: int, before: int | None) -> float | None:
    """By how many per cent complaints fell on the year before: positive is fewer. None without a year before, or without
    a complaint in it. Year on year, because Spring Festival moves (domain-2026, practice 13)."""
    return 100 * (before - now) / before if before else None


# ── rolling up ───────────────────────────────────────────────────────────────────────────────────────────────────


def by(dimension: str, rows: Iterable[Row], names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Counts of each value of a dimension, summed over all others; the largest of the first name first."""
    names = tuple(names)
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        sums = found.setdefault(str(row[dimension]), dict.fromkeys(names, 0))
        for name in names:
            sums[name] += _whole(row[name])
    return dict(sorted(found.items(), key=lambda item: (-item[1][names[0]], item[0])))


def summed(rows: Iterable[Row], names: Iterable[str]) -> dict[str, int]:
    """Counts summed over all rows."""
    rows = list(rows)
    return {name: sum(_whole(row[name]) for row in rows) for name in names}


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no count")
    return value


def ordered(found: Mapping[str, Counts], order: Iterable[str]) -> dict[str, Counts]:
    """The values of an order that is given (levels, flows), each of which shows even when nothing is there."""
    return {value: found.get(value, {}) for value in order}
