"""The clocks of an issue: the whole, the present step, the answer to each reporter. Plain values over `china.calendar`.

A deadline reckoned through a year whose holidays are not published yet is provisional. Never reads the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from lingxiu.china.calendar import Due, Hours, WorkingCalendar, YearNotice
from lingxiu.issues.lifecycle import Level, State
from lingxiu.policy.schema.deadlines import ByLevel, Deadlines, OfficeHours, Period, Year
from lingxiu.policy.schema.terms import ReportSource

_STEP: dict[State, Callable[[Deadlines], ByLevel]] = {
    State.PREDICTED: lambda limits: limits.dispatch,
    State.RECEIVED: lambda limits: limits.dispatch,
    State.DISPATCHED: lambda limits: limits.handle,
    State.HANDLING: lambda limits: limits.handle,
    State.RECHECK: lambda limits: limits.recheck,
}


def calendar_of(years: Mapping[int, Year], zone: ZoneInfo) -> WorkingCalendar:
    """The county's calendar: the library's, and the years its catalogue adds."""
    notices: dict[int, YearNotice] = {
        number: {"holidays": year.holidays, "make_up_days": year.make_up_days} for number, year in years.items()
    }
    return WorkingCalendar(zone, notices)


def due(calendar: WorkingCalendar, start: datetime, period: Period, office: OfficeHours | None = None) -> Due:
    """The end of a period: of the last working day, or so many hours later, of working hours within those of the `office`."""
    if period.working_hours is not None:
        return calendar.add_hours(start, period.working_hours, within=hours_of(office or OfficeHours()))
    if period.hours is not None:
        return calendar.add_hours(start, period.hours)
    assert period.working_days is not None  # the schema wants one of the two
    return calendar.add_working_days(start, period.working_days)


def whole_due(calendar: WorkingCalendar, limits: Deadlines, level: Level, start: datetime, more_days: int = 0) -> Due:
    """When an issue of this level must have ended. `more_days`: working days granted, or passed while it rested."""
    return longer(calendar, due(calendar, start, limits.whole.of(level)), more_days)


def longer(calendar: WorkingCalendar, was: Due, days: int) -> Due:
    """Due so many working days later. A clock is never set back."""
    if days <= 0:
        return was
    later = calendar.add_working_days(was.at, days)
    return Due(later.at, was.provisional or later.provisional)


def later_of(one: Due, other: Due) -> Due:
    """The later of two."""
    return one if one.at >= other.at else other


def working_days_between(calendar: WorkingCalendar, start: datetime, end: datetime) -> int:
    """How many working days began after `start` and no later than `end`: what a rest adds to a clock that stood still."""
    day, last = start.astimezone(calendar.zone).date(), end.astimezone(calendar.zone).date()
    return sum(calendar.is_working_day(day + timedelta(days=n + 1)).working for n in range(max(0, (last - day).days)))


def at_rest_since(calendar: WorkingCalendar, office: OfficeHours, at: datetime, *, nights: bool) -> datetime | None:
    """Since when nobody has been at work: on days that are not worked, until the office opens again after them; with `nights`,
    from its closing to its opening on any day. None while work goes on.
    """
    hours, local = hours_of(office), at.astimezone(calendar.zone)
    midnight = datetime.combine(local.date(), time(), calendar.zone)
    if calendar.is_working_day(midnight.date()).working:
        if midnight + hours.opens <= local < midnight + hours.closes:
            return None
        if local >= midnight + hours.closes:
            return midnight + hours.closes if nights else None
    first = midnight
    while not calendar.is_working_day((first - DAY).date()).working:
        first -= DAY
    if nights:
        return first - DAY + hours.closes
    return None if first == midnight and calendar.is_working_day(midnight.date()).working else first


DAY = timedelta(days=1)


def hours_of(office: OfficeHours) -> Hours:
    """The office's hours, from midnight."""
    return Hours(_since_midnight(office.opens), _since_midnight(office.closes))


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def step_due(
    calendar: WorkingCalendar, limits: Deadlines, state: State, level: Level, start: datetime, *, plain: bool = False
) -> Due:
    """When whoever holds it in this state must have passed it on. `plain`: its hours run by day and night."""
    period = _STEP[state](limits).of(level)
    if plain and period.working_hours is not None:
        period = Period(hours=period.working_hours)
    return due(calendar, start, period, limits.office_hours)


def is_of_working_hours(limits: Deadlines, state: State, level: Level) -> bool:
    """Whether the step's clock is one of working hours."""
    return _STEP[state](limits).of(level).working_hours is not None


def answer_due(
    calendar: WorkingCalendar, limits: Deadlines, source: ReportSource, start: datetime, kind: str = ""
) -> Due:
    """When whoever reported it must have been answered; an order of this kind, as its kind is."""
    known = limits.order_kind(kind)
    return due(calendar, start, Period(working_days=known.working_days) if known else limits.answer_within(source))
