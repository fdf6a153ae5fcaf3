"""Figures of any period: each equals the count of the list it opens, as far as the reader sees."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lingxiu.issues import reporters
from lingxiu.issues.filters import NO_TOWN, Filter
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.lookback import queries
from lingxiu.issues.lookback.figures import Period, period_around
from lingxiu.issues.lookback.models import KeyPlace
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue, Report
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find, photo, to_recheck

MARCH = period_around("month", date(2026, 3, 5))
END = datetime.fromisoformat("2026-03-20T12:00:00+08:00")


@pytest.fixture
def month(cast: Cast) -> Cast:
    """A month in which every figure is something: complaints answered in time and late, reopened, repeated, open for long."""
    last_year = NOON - timedelta(days=365)
    KeyPlace.objects.create(kind="school", name="实验小学", lng=120.921, lat=30.85, radius_m=300, added_at=last_year)
    complain(cast.merchant, at=last_year - timedelta(days=10))
    for _ in range(3):
        complain(cast.merchant, at=last_year)
    alarm(cast.merchant, at=NOON - timedelta(days=20))
    for _ in range(3):
        ended(cast, find(cast.grid_member, merchant=cast.merchant))
    row = complain(cast.merchant)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    ended(cast, row.issue)
    row.refresh_from_db()
    reporters.rate(row, 4, "还行", at=NOON + timedelta(hours=2))
    reporters.reopen(row, "又来了", at=NOON + timedelta(hours=3))
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, at=NOON + timedelta(hours=4))
    ended(cast, Issue.objects.get(pk=row.issue_id), at=NOON + timedelta(days=13))
    find(cast.other_grid_member, "D-HOOD", merchant=cast.other_merchant, at=NOON - timedelta(days=20))
    ended(cast, find(cast.grid_member, "D-OIL", merchant=cast.merchant, at=NOON - timedelta(days=10)))
    quickly = complain(cast.merchant)
    do(quickly.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    ended(cast, quickly.issue)
    late = complain(cast.merchant)
    do(late.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    ended(cast, late.issue, at=NOON + timedelta(days=14))
    dismissed = complain(cast.merchant)
    do(dismissed.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现")
    to_recheck(cast, find(cast.grid_member, "D-HOOD", merchant=cast.merchant), result=Result.NOT_FOUND)
    complain(cast.other_merchant)
    alarm(cast.other_merchant, 2)
    complain(None, place="不知道哪里", words="油烟味")
    return cast


def ended(cast: Cast, issue: Issue, *, at: datetime = LATER) -> Issue:
    """The whole quick way, by whoever was given it: what happens often goes to the town's team."""
    issue.refresh_from_db()
    hand = cast.grid_member if issue.lead_unit_id == cast.grid.pk else cast.town_officer
    do(issue, Move.ACCEPT, hand, at=at)
    do(issue, Move.HANDLE, hand, at=at, words="看了现场", photos=(photo(1),))
    do(issue, Move.FEED_BACK, hand, at=at, result=Result.FIXED, words="已清洗", photos=(photo(2),))
    do(issue, Move.CLOSE, cast.dispatcher, at=at, answer="已经处理")
    issue.refresh_from_db()
    return issue


def every_list(counted: queries.Counted) -> dict[str, tuple[int, Filter]]:
    """Every figure of a page with the list behind it."""
    behind = counted.lists
    found = {name: (number, behind.of(name)) for name, number in counted.counts.items()}
    for town, counts in counted.by_town.items():
        for name, number in counts.items():
            found[f"{town}.{name}"] = (number, queries.narrowed(behind.of(name), town=town or NO_TOWN))
    for dimension, values in counted.funnel.items():
        for value, counts in values.items():
            for name, number in counts.items():
                found[f"{dimension}.{value}.{name}"] = (
                    number,
                    queries.narrowed(behind.of(name), **{dimension: value}),
                )
    for repeat in counted.repeats:
        found[f"repeat.{repeat.merchant_id}.{repeat.violation}"] = (repeat.times, repeat.behind)
    return found


READERS = ["county_officer", "dispatcher", "department_officer", "grid_member", "leader"]
AREAS = [Filter(), Filter(town="330421001"), Filter(grid="33042100100101"), Filter(near=True)]


def test_every_figure_is_the_count_of_its_list(month: Cast) -> None:
    for reader in READERS:
        user = month.by_role.get(reader) or getattr(month, reader)
        for area in AREAS if reader == "county_officer" else AREAS[:1]:
            walked = every_list(queries.count(MARCH, area, user, END))
            assert len(walked) > 20
            for name, (number, behind) in walked.items():
                read_back = Filter.read(behind.query)
                assert read_back == behind, f"{name}: the address says what was counted"
                assert matching(read_back, user, END).count() == number, (reader, area, name)


def test_the_month_counts_what_happened(month: Cast) -> None:
    counted = queries.count(MARCH, Filter(), month.county_officer, END)
    counts = counted.counts
    assert counts["reported"] == 11
    assert (counts["complaints"], counts["complaints_before"], counts["found"]) == (6, 3, 5)
    assert (counts["closed"], counts["quick"], counts["reopened"]) == (7, 7, 1)
    assert (counts["in_time"], counts["closed_late"]) == (4, 3)
    assert (counts["answered"], counts["answered_in_time"]) == (3, 1)
    assert counted.stars == queries.Stars(4.0, 1)
    assert counted.has_year_before
    assert counted.synthetic is False


def test_a_page_of_figures_takes_a_fixed_number_of_queries(month: Cast) -> None:
    assert month.county_officer.authority
    with CaptureQueriesContext(connection) as sent:
        queries.count(MARCH, Filter(), month.county_officer, END)
    assert len(sent) <= 11


def test_a_town_compares_nothing_it_does_not_see(month: Cast) -> None:
    assert set(queries.count(MARCH, Filter(), month.dispatcher, END).by_town) == {"330421001"}
    assert {"330421001", "330421103"} <= set(queries.count(MARCH, Filter(), month.county_officer, END).by_town)


def test_without_a_year_before_nothing_is_compared(cast: Cast) -> None:
    complain(cast.merchant)
    assert not queries.count(MARCH, Filter(), cast.county_officer, END).has_year_before


def test_three_times_in_ninety_days_is_a_repeat_place_and_two_times_is_none(cast: Cast) -> None:
    for days in (0, 30):
        ended(cast, find(cast.grid_member, merchant=cast.merchant, at=NOON - timedelta(days=days)))
    assert queries.count(MARCH, Filter(), cast.county_officer, END).repeats == []
    ended(cast, find(cast.grid_member, merchant=cast.merchant, at=NOON - timedelta(days=60)))
    [place] = queries.count(MARCH, Filter(), cast.county_officer, END).repeats
    assert (place.merchant, place.violation, place.times) == ("一鲜居", "D-BIN", 3)
    later = NOON + timedelta(days=40)
    assert queries.count(period_around("month", later.date()), Filter(), cast.county_officer, later).repeats == []


def test_what_is_dismissed_makes_no_repeat_place(cast: Cast) -> None:
    for _ in range(3):
        row = complain(cast.merchant)
        do(row.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现")
    assert queries.count(MARCH, Filter(), cast.county_officer, END).repeats == []


def test_the_mean_of_stars_is_over_the_reports_of_its_list(month: Cast) -> None:
    counted = queries.count(MARCH, Filter(), month.county_officer, END)
    rated = matching(counted.lists.of("rated"), month.county_officer, END)
    stars = [row.stars for row in Report.objects.filter(issue__in=rated) if row.stars]
    assert counted.stars.mean == sum(stars) / len(stars)


def test_what_is_open_is_sorted_by_the_days_it_has_waited(cast: Cast) -> None:
    now = NOON
    for days in (0, 1, 2, 5, 15, 16, 40):
        find(cast.grid_member, merchant=cast.merchant, at=now - timedelta(days=days))
    counts = queries.count(Period("day", now.date(), now.date()), Filter(), cast.county_officer, now).counts
    ages = {name.removeprefix("age_"): number for name, number in counts.items() if name.startswith("age_")}
    assert ages == {"0-1": 2, "2-3": 1, "4-7": 1, "8-15": 1, "16-": 2}
    assert counts["open"] == sum(ages.values())
