from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.china.calendar import WHOLE_DAY, CalendarDataError, Count, Day, Due, Hours, WorkingCalendar, YearNotice

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkingCalendar(SHANGHAI)

# Made up, and marked by a make-up Sunday that no guess could know.
NOTICE_2027 = YearNotice(
    holidays=[
        date(2027, 1, 1),
        date(2027, 2, 8),
        date(2027, 5, 1),
        date(2027, 5, 2),
        date(2027, 10, 1),
        date(2027, 10, 2),
        date(2027, 10, 3),
    ],
    make_up_days=[date(2027, 1, 3)],
)

dates = st.dates(date(2004, 1, 1), date(2029, 12, 31))
moments = st.datetimes(datetime(2004, 1, 1), datetime(2029, 12, 31)).map(lambda at: at.replace(tzinfo=SHANGHAI))
few = st.integers(1, 40)
minutes = st.integers(1, 60 * 24 * 20)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def due_on(day: str, *, provisional: bool = False) -> Due:
    return Due(local(f"{day} 23:59:59"), provisional)


# 2026: Spring Festival 15 to 23 February, worked on Saturdays 14 and 28; Mid-Autumn 25 to 27 September; National Day
# 1 to 7 October, worked on Sunday 20 September and Saturday 10 October. Counted by hand on a paper calendar.
@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        ("2026-02-12 09:00", 1, "2026-02-13"),
        ("2026-02-12 09:00", 2, "2026-02-14"),
        ("2026-02-12 09:00", 3, "2026-02-24"),
        ("2026-02-14 18:00", 1, "2026-02-24"),
        ("2026-02-17 10:00", 1, "2026-02-24"),
        ("2026-02-23 23:59", 1, "2026-02-24"),
        ("2026-02-24 00:00", 5, "2026-03-02"),
        ("2026-09-18 16:30", 1, "2026-09-20"),
        ("2026-09-24 16:30", 1, "2026-09-28"),
        ("2026-09-28 08:00", 7, "2026-10-13"),
        ("2026-09-30 17:45", 1, "2026-10-08"),
        ("2026-09-30 17:45", 3, "2026-10-10"),
        ("2026-09-30 17:45", 7, "2026-10-15"),
        ("2026-10-05 12:00", 3, "2026-10-10"),
    ],
)
def test_a_deadline_walks_round_the_festivals_of_2026(received: str, days: int, due: str) -> None:
    assert CALENDAR.add_working_days(local(received), days) == due_on(due)


def test_at_the_end_of_2026_a_deadline_inside_the_year_is_certain_and_one_beyond_is_provisional() -> None:
    monday = local("2026-12-28 09:30")

    assert CALENDAR.add_working_days(monday, 3) == due_on("2026-12-31")
    assert CALENDAR.add_working_days(monday, 4) == due_on("2027-01-04", provisional=True)


def test_a_provisional_deadline_is_reckoned_again_when_the_year_is_loaded() -> None:
    monday = local("2026-12-28 09:30")

    assert WorkingCalendar(SHANGHAI, {2027: NOTICE_2027}).add_working_days(monday, 4) == due_on("2027-01-03")


def test_a_notice_may_move_the_last_days_of_the_year_before() -> None:
    notice = YearNotice(holidays=[*NOTICE_2027["holidays"], date(2026, 12, 31)], make_up_days=[date(2026, 12, 27)])
    calendar = WorkingCalendar(SHANGHAI, {2027: notice})

    assert calendar.is_working_day(date(2026, 12, 27)) == Day(working=True, provisional=False)
    assert calendar.is_working_day(date(2026, 12, 31)) == Day(working=False, provisional=False)


def test_a_loaded_year_wins_over_the_library() -> None:
    fixed = [date(2026, m, d) for m, d in ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))]
    calendar = WorkingCalendar(SHANGHAI, {2026: YearNotice(holidays=fixed, make_up_days=[])})

    assert CALENDAR.is_working_day(date(2026, 2, 17)) == Day(working=False, provisional=False)
    assert calendar.is_working_day(date(2026, 2, 17)) == Day(working=True, provisional=False)


@pytest.mark.parametrize("day", ["2027-01-01", "2027-05-01", "2028-05-02", "2027-10-01", "2028-10-02", "2028-10-03"])
def test_an_unknown_year_rests_on_its_fixed_holidays(day: str) -> None:
    assert CALENDAR.is_working_day(date.fromisoformat(day)) == Day(working=False, provisional=True)


def test_an_unknown_year_guesses_no_moving_holiday() -> None:
    spring_festival_2027 = date(2027, 2, 8)

    assert CALENDAR.is_working_day(spring_festival_2027) == Day(working=True, provisional=True)


def test_the_second_of_may_is_a_holiday_since_2025_only() -> None:
    assert CALENDAR.is_working_day(date(2003, 5, 2)) == Day(working=True, provisional=True)


def test_the_day_is_that_of_the_county_not_of_utc() -> None:
    friday_evening_in_utc = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)  # Saturday 01:00 in the county

    assert CALENDAR.add_working_days(friday_evening_in_utc, 1) == due_on("2026-03-09")


def test_hours_are_elapsed_time_through_any_holiday() -> None:
    assert CALENDAR.add_hours(local("2026-09-30 22:00"), 24) == Due(local("2026-10-01 22:00"), False)
    assert CALENDAR.add_hours(local("2026-12-31 23:30"), 2) == Due(local("2027-01-01 01:30"), False)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-09-30 22:00", 1.5, "2026-09-30 23:30"),
        ("2026-09-30 22:00", 24, "2026-10-08 22:00"),
        ("2026-10-03 12:00", 2, "2026-10-08 02:00"),
        ("2026-10-09 15:00", 24, "2026-10-10 15:00"),
        ("2026-10-10 15:00", 24, "2026-10-12 15:00"),
    ],
)
def test_working_hours_stand_still_on_rest_days(start: str, hours: float, due: str) -> None:
    assert CALENDAR.add_hours(local(start), hours, within=WHOLE_DAY) == Due(local(due), False)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-03-05 12:00", 2, "2026-03-05 14:00"),
        ("2026-03-06 22:40", 2, "2026-03-09 10:30"),
        ("2026-03-06 16:30", 2, "2026-03-09 09:30"),
        ("2026-03-06 07:00", 9, "2026-03-06 17:30"),
        ("2026-03-07 12:00", 4, "2026-03-09 12:30"),
        ("2026-09-30 16:30", 4, "2026-10-08 11:30"),
    ],
)
def test_working_hours_within_those_of_the_office(start: str, hours: float, due: str) -> None:
    office = Hours(timedelta(hours=8.5), timedelta(hours=17.5))
    assert CALENDAR.add_hours(local(start), hours, within=office) == Due(local(due), False)


def test_working_hours_into_an_unknown_year_are_provisional() -> None:
    assert CALENDAR.add_hours(local("2026-12-31 20:00"), 5, within=WHOLE_DAY) == Due(local("2027-01-04 01:00"), True)


def test_every_day_of_the_known_years_is_as_the_library_has_it() -> None:
    first = date(2004, 1, 1)
    days = [first + timedelta(days=n) for n in range((date(2026, 12, 31) - first).days + 1)]

    assert [CALENDAR.is_working_day(d) for d in days] == [Day(chinese_calendar.is_workday(d), False) for d in days]


@given(moments, few)
def test_a_deadline_is_the_end_of_a_later_working_day(start: datetime, days: int) -> None:
    due = CALENDAR.add_working_days(start, days)

    assert due.at.date() > start.date()
    assert due.at.strftime("%H:%M:%S") == "23:59:59"
    assert CALENDAR.is_working_day(due.at.date()).working


@given(moments, few)
def test_counting_back_from_a_deadline_gives_its_days(start: datetime, days: int) -> None:
    due = CALENDAR.add_working_days(start, days)

    assert CALENDAR.working_days_between(start.date(), due.at.date()) == Count(days, due.provisional)


@given(moments, st.integers(0, 20000), few, st.integers(0, 10))
def test_later_or_longer_is_never_due_earlier(start: datetime, later: int, days: int, more: int) -> None:
    first = CALENDAR.add_working_days(start, days)

    assert CALENDAR.add_working_days(start + timedelta(minutes=later), days + more).at >= first.at


@given(dates, st.lists(st.integers(-60, 60), min_size=2, max_size=2))
def test_counts_add_up_and_turn_round(a: date, offsets: list[int]) -> None:
    b, c = (a + timedelta(days=n) for n in offsets)
    count = CALENDAR.working_days_between

    assert count(a, c).days == count(a, b).days + count(b, c).days
    assert count(a, b).days == -count(b, a).days


@given(moments, minutes, minutes)
def test_working_hours_can_be_taken_in_two_pieces(start: datetime, a: int, b: int) -> None:
    whole = CALENDAR.add_hours(start, (a + b) / 60, within=WHOLE_DAY).at
    pieces = CALENDAR.add_hours(CALENDAR.add_hours(start, a / 60, within=WHOLE_DAY).at, b / 60, within=WHOLE_DAY).at

    assert abs(whole - pieces) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("holidays", "make_up_days", "day", "fault"),
    [
        ([date(2028, 1, 1)], [], "2028-01-01", "lies outside the year"),
        ([date(2026, 12, 24)], [], "2026-12-24", "lies outside the year"),
        ([], [date(2027, 10, 3)], "2027-10-03", "is both a holiday and worked"),
        ([], [date(2027, 1, 4)], "2027-01-04", "is worked in any case, being no weekend"),
    ],
)
def test_a_notice_that_cannot_be_right_is_refused(
    holidays: list[date], make_up_days: list[date], day: str, fault: str
) -> None:
    notice = YearNotice(holidays=[*NOTICE_2027["holidays"], *holidays], make_up_days=make_up_days)

    with pytest.raises(CalendarDataError) as error:
        WorkingCalendar(SHANGHAI, {2027: notice})

    assert (error.value.year, error.value.day, error.value.fault) == (2027, date.fromisoformat(day), fault)


def test_half_a_notice_does_not_make_a_year_known() -> None:
    with pytest.raises(CalendarDataError, match="notice of 2027: 2027-05-01 is a holiday by law and missing"):
        WorkingCalendar(SHANGHAI, {2027: YearNotice(holidays=[date(2027, 1, 1)], make_up_days=[])})


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        CALENDAR.add_working_days(datetime(2026, 1, 5), 1)
    with pytest.raises(ValueError, match="at least one working day"):
        CALENDAR.add_working_days(local("2026-01-05 09:00"), 0)
    with pytest.raises(ValueError, match="hours back"):
        CALENDAR.add_hours(local("2026-01-05 09:00"), -1)
    with pytest.raises(OverflowError):
        CALENDAR.add_working_days(local("9999-12-30 09:00"), 5)
