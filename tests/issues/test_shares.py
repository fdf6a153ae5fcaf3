"""Shares of a clock's time are reckoned in the time the clock is: on working days of the statutory calendar, make-up days too."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as how
from hypothesis import strategies as st

from lingxiu.china.calendar import WHOLE_DAY, Hours
from lingxiu.issues import writing
from lingxiu.issues.models import Reminder
from lingxiu.issues.overdue import follow_up, working_days
from lingxiu.policy.actions import load
from lingxiu.policy.queries import forget
from lingxiu.policy.reading import SHIPPED
from tests.cast import Cast
from tests.issues.world import alarm, complain

ZONE = ZoneInfo("Asia/Shanghai")
SECOND = timedelta(seconds=1)
START = datetime(2026, 1, 1, tzinfo=ZONE)
OFFICE = Hours(timedelta(hours=8, minutes=30), timedelta(hours=17, minutes=30))


def at_share(begun: datetime, due: datetime, share: float, within: Hours | None = None) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT issues_at_share(%s, %s, %s, %s::timestamptz[], %s, %s, %s)",
            [begun, due, share, list(working_days(2026)), settings.TIME_ZONE, *seconds(within)],
        )
        found = cursor.fetchone()[0]
    return found.astimezone(ZONE) if found else None


def seconds(within: Hours | None) -> tuple[float | None, float | None]:
    return (within.opens.total_seconds(), within.closes.total_seconds()) if within else (None, None)


def worked(start: datetime, end: datetime, within: Hours = WHOLE_DAY) -> timedelta:
    """Time of working days between two times, day by day."""
    calendar, passed = writing.calendar(), timedelta()
    day = start.astimezone(ZONE).date()
    while day <= end.astimezone(ZONE).date():
        begins = datetime.combine(day, time(), ZONE)
        if calendar.is_working_day(day).working:
            passed += max(timedelta(), min(end, begins + within.closes) - max(start, begins + within.opens))
        day += timedelta(days=1)
    return passed


def clock(hours: int, days: int) -> tuple[datetime, datetime]:
    """A clock of so many working days, begun so many hours after new year 2026."""
    begun = START + timedelta(hours=hours)
    return begun, writing.calendar().add_working_days(begun, days).at


HAND_MADE = [
    # National Day 2026 (1–7 October off, 20 September and 10 October worked) and the Spring Festival (15–23 February off,
    # 14 and 28 February worked): begun, working days, share, when.
    ("2026-09-29 12:00", 2, 0.5, "2026-09-30 18:00"),
    ("2026-09-30 12:00", 1, 0.5, "2026-10-08 06:00"),
    ("2026-10-08 00:00", 3, 0.5, "2026-10-10 00:00"),
    ("2026-02-13 12:00", 2, 0.8, None),
    ("2026-02-14 00:00", 1, 0.5, "2026-02-15 00:00"),
    ("2026-03-05 12:00", 1, 2.0, "2026-03-10 12:00"),
]


@pytest.mark.parametrize(("begun", "days", "share", "wanted"), HAND_MADE)
def test_by_a_hand_made_table(cast: Cast, begun: str, days: int, share: float, wanted: str | None) -> None:
    start = datetime.fromisoformat(begun).replace(tzinfo=ZONE)
    due = writing.calendar().add_working_days(start, days).at
    found = at_share(start, due, share)
    assert found is not None
    assert writing.calendar().is_working_day(found.date()).working or found.time() == time()
    if wanted is not None:
        assert abs(found - datetime.fromisoformat(wanted).replace(tzinfo=ZONE)) <= 2 * SECOND


@how(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 24 * 360), st.integers(1, 20))
def test_halves_add_up(cast: Cast, hours: int, days: int) -> None:
    begun, due = clock(hours, days)
    half = at_share(begun, due, 0.5)
    assert half is not None
    assert abs(worked(begun, half) - worked(half, due)) <= 2 * SECOND
    assert abs(worked(begun, half) * 2 - worked(begun, due)) <= 2 * SECOND


@how(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 24 * 300), st.integers(1, 10), st.floats(0.01, 3), st.floats(0.01, 3))
def test_more_of_the_time_is_never_sooner_and_the_whole_is_the_due_time(
    cast: Cast, hours: int, days: int, one: float, other: float
) -> None:
    assume(one != other)
    begun, due = clock(hours, days)
    sooner, later = (at_share(begun, due, share) for share in sorted((one, other)))
    assert sooner is not None
    assert later is not None
    assert begun <= sooner + SECOND
    assert sooner <= later
    assert at_share(begun, due, 1.0) == due


@how(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 24 * 360), st.integers(1, 23), st.floats(0.01, 3))
def test_what_is_due_in_so_many_hours_is_reckoned_in_plain_time(
    cast: Cast, hours: int, last: int, share: float
) -> None:
    begun = START + timedelta(hours=hours)
    due = begun + timedelta(hours=last)
    found = at_share(begun, due, share)
    assert found is not None
    assert abs(found - (begun + (due - begun) * share)) <= SECOND


@how(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 60 * 24 * 300), st.integers(1, 30), st.floats(0.01, 3), st.sampled_from([OFFICE, WHOLE_DAY]))
def test_what_is_due_in_working_hours_is_reckoned_in_them(
    cast: Cast, minutes: int, last: int, share: float, within: Hours
) -> None:
    """The database's rule is the calendar's: so much of the hours is over when so much of them was worked."""
    begun = START + timedelta(minutes=minutes)
    due = writing.calendar().add_hours(begun, last, within=within).at
    assume(due.time() != time(23, 59, 59))
    found = at_share(begun, due, share, within)
    assert found is not None
    by_calendar = writing.calendar().add_hours(begun, last * share, within=within).at
    assert abs(worked(begun, found, within) - timedelta(hours=last * share)) <= 2 * SECOND
    assert worked(min(found, by_calendar), max(found, by_calendar), within) <= 2 * SECOND
    assert at_share(begun, due, 1.0, within) == due


def test_a_complaint_of_friday_night_is_not_late_before_monday(cast: Cast) -> None:
    """Two hours to judge it: neither told as due soon nor late while nobody is at the office."""
    issue = complain(cast.merchant, at=datetime(2026, 3, 6, 22, 40, tzinfo=ZONE)).issue
    assert issue.step_due_at.astimezone(ZONE) == datetime(2026, 3, 9, 10, 30, tzinfo=ZONE)
    assert follow_up(datetime(2026, 3, 9, 10, 5, tzinfo=ZONE)) == 0
    follow_up(datetime(2026, 3, 9, 10, 7, tzinfo=ZONE))
    assert [row.rule for row in Reminder.objects.all()] == ["E-STEP-80"]
    follow_up(datetime(2026, 3, 9, 10, 31, tzinfo=ZONE))
    assert "E-STEP-100" in [row.rule for row in Reminder.objects.all()]


def test_nobody_is_told_on_a_holiday_that_half_of_working_days_is_over(cast: Cast) -> None:
    """Given on the eve of National Day 2026: by plain time 80 % would be over while everybody is away."""
    issue = alarm(cast.merchant, at=datetime(2026, 9, 30, 12, tzinfo=ZONE))
    assert issue.step_due_at.astimezone(ZONE).date() == date(2026, 10, 8)
    assert follow_up(datetime(2026, 10, 7, 23, 59, tzinfo=ZONE)) == 0
    follow_up(datetime(2026, 10, 8, 23, 0, tzinfo=ZONE))
    assert [row.rule for row in Reminder.objects.all()] == ["E-STEP-80"]


def test_a_clock_set_under_other_office_hours_keeps_them_when_the_hours_change(cast: Cast, tmp_path: Path) -> None:
    """Summer's hours begin on Monday: what came in before is neither nearer to its end nor further from it by that."""
    issue = complain(cast.merchant, at=datetime(2026, 3, 6, 15, 30, tzinfo=ZONE)).issue
    assert issue.step_due_at.astimezone(ZONE) == datetime(2026, 3, 6, 17, 30, tzinfo=ZONE)
    text = (SHIPPED / "deadlines.yaml").read_text(encoding="utf-8")
    summer = text.replace("{opens: '08:30', closes: '17:30'}", "{opens: '14:00', closes: '16:00'}")
    assert summer != text
    (tmp_path / "deadlines.yaml").write_text(summer, encoding="utf-8")
    load(tmp_path, at=START)
    forget()
    assert follow_up(datetime(2026, 3, 6, 17, 5, tzinfo=ZONE)) == 0
    follow_up(datetime(2026, 3, 6, 17, 7, tzinfo=ZONE))
    (told,) = Reminder.objects.all()
    assert (told.rule, told.passed_at.astimezone(ZONE)) == ("E-STEP-80", datetime(2026, 3, 6, 17, 6, tzinfo=ZONE))
