"""Two clocks in working days of the real calendar, and what is not certain yet."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.issues.deadlines import answer_due, calendar_of, step_due, whole_due
from lingxiu.issues.lifecycle import OPEN, Level, State
from lingxiu.policy.reading import SHIPPED, PolicyRefused, read_folder
from lingxiu.policy.schema.deadlines import Year

COUNTY = ZoneInfo("Asia/Shanghai")
LIMITS = read_folder(SHIPPED)[0].deadlines
CALENDAR = calendar_of({}, COUNTY)
THE_28TH = datetime(2026, 12, 28, 10, 0, tzinfo=COUNTY)  # a Monday; the library's calendar ends with the year
NOTICE_2027 = Year(
    holidays=(date(2026, 12, 31), date(2027, 1, 1), date(2027, 5, 1), date(2027, 5, 2), *(date(2027, 10, d) for d in (1, 2, 3))),
    make_up_days=(),
    basis="a notice made up for this test",
)  # fmt: skip


def test_a_grid_issue_of_a_thursday_is_due_whole_on_tuesday() -> None:
    due = whole_due(CALENDAR, LIMITS, Level.GRID, datetime(2026, 3, 5, 12, 0, tzinfo=COUNTY))
    assert due.at == datetime(2026, 3, 10, 23, 59, 59, tzinfo=COUNTY)
    assert not due.provisional


def test_the_spring_festival_does_not_count() -> None:
    due = whole_due(CALENDAR, LIMITS, Level.GRID, datetime(2026, 2, 13, 18, 0, tzinfo=COUNTY))
    assert due.at.date() == date(2026, 2, 25), "14 February is worked, the holidays last to the 23rd"


@pytest.mark.parametrize(
    ("state", "level", "expected"),
    [
        (State.RECEIVED, Level.GRID, datetime(2026, 3, 5, 14, 0, tzinfo=COUNTY)),
        (State.RECEIVED, Level.TOWN, datetime(2026, 3, 5, 16, 0, tzinfo=COUNTY)),
        (State.RECEIVED, Level.COUNTY, datetime(2026, 3, 6, 23, 59, 59, tzinfo=COUNTY)),
        (State.DISPATCHED, Level.GRID, datetime(2026, 3, 6, 23, 59, 59, tzinfo=COUNTY)),
        (State.HANDLING, Level.TOWN, datetime(2026, 3, 10, 23, 59, 59, tzinfo=COUNTY)),
        (State.RECHECK, Level.TOWN, datetime(2026, 3, 9, 23, 59, 59, tzinfo=COUNTY)),
    ],
)
def test_each_step_has_its_own_clock(state: State, level: Level, expected: datetime) -> None:
    assert step_due(CALENDAR, LIMITS, state, level, datetime(2026, 3, 5, 12, 0, tzinfo=COUNTY)).at == expected


def test_what_comes_in_on_a_friday_night_is_due_on_monday_morning() -> None:
    night = datetime(2026, 3, 6, 22, 40, tzinfo=COUNTY)
    due = step_due(CALENDAR, LIMITS, State.RECEIVED, Level.GRID, night)
    assert due.at == datetime(2026, 3, 9, 10, 30, tzinfo=COUNTY)


def test_what_is_dangerous_at_any_hour_is_due_at_night() -> None:
    night = datetime(2026, 3, 6, 22, 40, tzinfo=COUNTY)
    due = step_due(CALENDAR, LIMITS, State.RECEIVED, Level.TOWN, night, plain=True)
    assert due.at == datetime(2026, 3, 7, 2, 40, tzinfo=COUNTY)


@pytest.mark.parametrize(
    ("was", "is_now", "why"),
    [
        ("cooperate: {working_days: 5}", "cooperate: {working_hours: 5}", "working_hours are for dispatch"),
        ("opens: '08:30'", "opens: '18:30'", "closes must come after opens"),
        ("at_any_hour: [L-GAS", "at_any_hour: [L-NONE", "at_any_hour"),
        ("{working_hours: 2}", "{working_hours: 2, hours: 2}", "give one of"),
    ],
)
def test_hours_that_cannot_be_are_refused(tmp_path: Any, was: str, is_now: str, why: str) -> None:
    text = (SHIPPED / "deadlines.yaml").read_text(encoding="utf-8")
    (tmp_path / "deadlines.yaml").write_text(text.replace(was, is_now, 1), encoding="utf-8")
    with pytest.raises(PolicyRefused, match=why):
        read_folder(tmp_path)


def test_at_the_end_of_2026_a_deadline_that_reaches_into_2027_is_provisional() -> None:
    due = whole_due(CALENDAR, LIMITS, Level.TOWN, THE_28TH)
    assert due.at == datetime(2027, 1, 5, 23, 59, 59, tzinfo=COUNTY), "29, 30, 31 December, not New Year's Day, 4 and 5"
    assert due.provisional


def test_one_that_ends_within_2026_is_certain() -> None:
    due = whole_due(CALENDAR, LIMITS, Level.GRID, THE_28TH)
    assert (due.at.date(), due.provisional) == (date(2026, 12, 31), False)


def test_once_the_notice_of_2027_is_loaded_the_deadline_is_certain_and_another() -> None:
    loaded = calendar_of({2027: NOTICE_2027}, COUNTY)
    due = whole_due(loaded, LIMITS, Level.TOWN, THE_28TH)
    assert (due.at.date(), due.provisional) == (date(2027, 1, 6), False), "the notice takes 31 December off"


def test_everybody_who_reports_is_answered_within_five_working_days() -> None:
    at = datetime(2026, 3, 5, 22, 40, tzinfo=COUNTY)
    for source in ("public", "phone", "12345"):
        assert answer_due(CALENDAR, LIMITS, source, at).at.date() == date(2026, 3, 12)  # type: ignore[arg-type]


def test_a_catalogue_that_leaves_a_reporter_without_an_answer_is_refused(tmp_path: Any) -> None:
    text = (SHIPPED / "deadlines.yaml").read_text(encoding="utf-8").replace("  phone: {working_days: 5}\n", "")
    (tmp_path / "deadlines.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyRefused, match="no period for phone"):
        read_folder(tmp_path)


@given(
    st.sampled_from(sorted(OPEN)),
    st.sampled_from(list(Level)),
    st.datetimes(datetime(2020, 1, 1), datetime(2031, 1, 1)),
)
def test_no_clock_runs_out_before_it_starts(state: State, level: Level, start: datetime) -> None:
    at = start.replace(tzinfo=COUNTY)
    assert step_due(CALENDAR, LIMITS, state, level, at).at > at
    assert whole_due(CALENDAR, LIMITS, level, at).at > at
