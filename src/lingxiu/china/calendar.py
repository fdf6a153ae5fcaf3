"""Working days of the real Chinese calendar: which days are worked, and when something is due.

The library `chinesecalendar` knows the State Council's yearly notices (关于节假日安排的通知) up to its release.
A year it does not know counts Monday to Friday less the holidays that stand on fixed dates, and everything reckoned
through such a year says so (`provisional`), so that it can be reckoned again once the year's notice is loaded.
Never reads the clock and never guesses a holiday that moves with the moon or the sun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

import chinese_calendar

# 国务院《全国年节及纪念日放假办法》 article 2, as revised in 2024 and in force from 2025-01-01 (Labour Day: two days).
# Spring Festival, Qingming, Dragon Boat and Mid-Autumn move from year to year and are therefore not here.
FIXED_HOLIDAYS: tuple[tuple[int, int, int], ...] = (  # month, day, first year
    (1, 1, 1),
    (5, 1, 1),
    (5, 2, 2025),
    (10, 1, 1),
    (10, 2, 1),
    (10, 3, 1),
)

# 24:00 of the last day, written as its last second so that the date printed is the day meant.
# 民法典 §203: a period ends at 24:00 of its last day, or at the close of business of those who keep business hours.
# Grid members, owners and this program keep none: kitchens are visited in the evening.
END_OF_DAY = time(23, 59, 59)

SATURDAY = 5
LAST_DAYS_OF_YEAR = 7  # a notice may reach this far back: that of 2019 moved the end of December 2018


class YearNotice(TypedDict):
    """One year's notice as data: every day off (weekends may be left out) and the weekend days worked instead."""

    holidays: Sequence[date]
    make_up_days: Sequence[date]


class CalendarDataError(ValueError):
    """A year's notice contradicts itself, its year or the law. Carries `year`, `day` and `fault`."""

    def __init__(self, year: int, day: date, fault: str) -> None:
        super().__init__(f"notice of {year}: {day.isoformat()} {fault}")
        self.year = year
        self.day = day
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Day:
    """Whether a day is worked; `provisional` if its year's notice is not known."""

    working: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class Due:
    """When something is due (aware, in the calendar's zone); `provisional` if a day counted on the way was."""

    at: datetime
    provisional: bool


@dataclass(frozen=True, slots=True)
class Count:
    """A number of working days; `provisional` if a day counted was."""

    days: int
    provisional: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """When on a working day a clock of working hours runs, from its midnight."""

    opens: timedelta
    closes: timedelta


WHOLE_DAY = Hours(timedelta(), timedelta(days=1))


@dataclass(frozen=True)
class WorkingCalendar:
    """The working days of a county whose days begin and end in `zone`.

    `notices` maps a year to its notice and wins over the library, for years the library knows too.

    Raises:
        CalendarDataError: a notice cannot be right.
    """

    zone: ZoneInfo
    notices: InitVar[Mapping[int, YearNotice] | None] = None
    _known: frozenset[int] = field(init=False, repr=False)
    _rest: frozenset[date] = field(init=False, repr=False)
    _make_up: frozenset[date] = field(init=False, repr=False)

    def __post_init__(self, notices: Mapping[int, YearNotice] | None) -> None:
        given = notices or {}
        for year, notice in given.items():
            _check(year, notice)
        rest = _without(chinese_calendar.holidays, given)
        make_up = _without(chinese_calendar.workdays, given)
        for _, notice in sorted(given.items()):  # a later notice may move the last days of the year before it
            rest = (rest | set(notice["holidays"])) - set(notice["make_up_days"])
            make_up = (make_up | set(notice["make_up_days"])) - set(notice["holidays"])
        object.__setattr__(self, "_known", frozenset({day.year for day in chinese_calendar.holidays} | set(given)))
        object.__setattr__(self, "_rest", frozenset(rest))
        object.__setattr__(self, "_make_up", frozenset(make_up))

    def is_working_day(self, day: date) -> Day:
        """Whether `day` is worked: Monday to Friday and make-up weekends, less holidays."""
        if day.year not in self._known:
            return Day(working=day.weekday() < SATURDAY and day not in fixed_holidays(day.year), provisional=True)
        worked = day in self._make_up or (day.weekday() < SATURDAY and day not in self._rest)
        return Day(working=worked, provisional=False)

    def add_working_days(self, start: datetime, days: int) -> Due:
        """The end of the `days`-th working day after the day of `start`, which is itself not counted (民法典 §201).

        So a thing received on a rest day and one received on the working day before it are due together.

        Raises:
            ValueError: `start` is naive, or `days` is less than one.
        """
        if days < 1:
            raise ValueError(f"a deadline lies at least one working day ahead, not {days}")
        left, provisional = days, False
        for date_, day in self._days_after(self._local(start).date()):
            provisional |= day.provisional
            left -= day.working
            if not left:
                return Due(datetime.combine(date_, END_OF_DAY, self.zone), provisional)
        raise OverflowError(f"{days} working days reach past the last year a date can have")

    def add_hours(self, start: datetime, hours: float, *, within: Hours | None = None) -> Due:
        """`hours` after `start`: plain elapsed time, or a clock that runs `within` these hours of working days alone.

        Raises:
            ValueError: `start` is naive, or `hours` is negative.
        """
        if hours < 0:
            raise ValueError(f"a deadline does not lie {-hours} hours back")
        local, left = self._local(start), timedelta(hours=hours)
        if within is None:
            return Due((local.astimezone(UTC) + left).astimezone(self.zone), provisional=False)
        return self._run_clock(local, left, within)

    def working_days_between(self, start: date, end: date) -> Count:
        """Working days after `start` up to and including `end`; negative when `end` comes first.

        The inverse of `add_working_days`: between a day and the date n working days after it lie n.
        """
        if end < start:
            back = self.working_days_between(end, start)
            return Count(-back.days, back.provisional)
        days = [self.is_working_day(start + timedelta(days=n)) for n in range(1, (end - start).days + 1)]
        return Count(sum(day.working for day in days), any(day.provisional for day in days))

    def _run_clock(self, local: datetime, left: timedelta, within: Hours) -> Due:
        """`left` of working time after `local`; the walk begins on the day of `local` itself."""
        provisional, now = False, local.astimezone(UTC)
        for date_, day in self._days_after(local.date() - timedelta(days=1)):
            provisional |= day.provisional
            midnight = datetime.combine(date_, time(), self.zone)
            now = max(now, (midnight + within.opens).astimezone(UTC))
            runs = (midnight + within.closes).astimezone(UTC) - now
            if not day.working or runs <= timedelta():
                continue
            if left <= runs:
                return Due((now + left).astimezone(self.zone), provisional)
            left -= runs
        raise OverflowError("the hours reach past the last year a date can have")

    def _days_after(self, day: date) -> Iterator[tuple[date, Day]]:
        while day < date.max:
            day += timedelta(days=1)
            yield day, self.is_working_day(day)

    def _local(self, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("a deadline is reckoned from an aware time")
        return at.astimezone(self.zone)


def fixed_holidays(year: int) -> frozenset[date]:
    """The holidays of `year` that stand on fixed dates (元旦, 劳动节, 国庆节)."""
    return frozenset(date(year, month, day) for month, day, since in FIXED_HOLIDAYS if year >= since)


def _without(days: Iterable[date], years: Mapping[int, YearNotice]) -> set[date]:
    return {day for day in days if day.year not in years}


def _check(year: int, notice: YearNotice) -> None:
    holidays, make_up_days = set(notice["holidays"]), set(notice["make_up_days"])
    faults = (
        ("lies outside the year", {day for day in holidays | make_up_days if not _belongs(day, year)}),
        ("is both a holiday and worked", holidays & make_up_days),
        ("is worked in any case, being no weekend", {day for day in make_up_days if day.weekday() < SATURDAY}),
        ("is a holiday by law and missing", fixed_holidays(year) - holidays),
    )
    for fault, days in faults:
        if days:
            raise CalendarDataError(year, min(days), fault)


def _belongs(day: date, year: int) -> bool:
    """A notice speaks of its year, and now and then of the last days of the year before."""
    return day.year == year or date(year, 1, 1) - timedelta(days=LAST_DAYS_OF_YEAR) <= day < date(year, 1, 1)
