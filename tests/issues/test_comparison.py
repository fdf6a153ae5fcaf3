"""Departments and towns side by side: each figure is the count of the list it opens, and what is too little says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import docx
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from lingxiu.accounts.models import User
from lingxiu.issues import reporters
from lingxiu.issues.bodies import DEEDS
from lingxiu.issues.filters import Filter
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.lookback.comparison import FEW, Compared, Work, compare, tables
from lingxiu.issues.lookback.figures import Period, period_around
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue
from tests.cast import NOON, Cast, person
from tests.issues.world import LATER, complain, do, find, photo


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


MARCH = period_around("month", date(2026, 3, 5))
END = datetime.fromisoformat("2026-03-25T12:00:00+08:00")
NO_DEED = dict.fromkeys(DEEDS, 0)


def handled(cast: Cast, *, at: datetime = LATER, stars: int = 0) -> Issue:
    """A complaint that the town gave to its grid, which handled it at this time; rated, if it was."""
    row = complain(cast.merchant)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    do(row.issue, Move.ACCEPT, cast.grid_member)
    do(row.issue, Move.FEED_BACK, cast.grid_member, at=at, result=Result.FIXED, words="已清洗", photos=(photo(2),))
    do(row.issue, Move.CLOSE, cast.dispatcher, at=at, answer="已经处理")
    if stars:
        row.refresh_from_db()
        reporters.rate(row, stars, "", at=at)
    return row.issue


def joint(cast: Cast) -> Issue:
    """Given to ecology; the market objects and has to, the police of kitchens does its part."""
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(3),))
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.market, cast.enforcement))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    market = person("market", "department_officer", cast.market)
    enforcement = person("enforcement", "department_officer", cast.enforcement)
    do(issue, Move.OBJECT, market, words="不属于本局")
    do(issue, Move.CONTRIBUTE, enforcement, words="已核查")
    return issue


@pytest.fixture
def month(cast: Cast) -> Cast:
    """A month in which every deed is done by somebody, and one issue of the month before."""
    handled(cast, stars=4)
    handled(cast, at=NOON + timedelta(days=14))
    joint(cast)
    passed_on = complain(cast.merchant).issue
    do(passed_on, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    do(passed_on, Move.TRANSFER, cast.grid_member, unit=cast.town_team, words="请执法队去")
    do(passed_on, Move.DECLINE, cast.town_officer, words="不归我们")
    find(cast.other_grid_member, merchant=cast.other_merchant, at=NOON - timedelta(days=20))
    return cast


def seen(cast: Cast, reader: User, period: Period = MARCH, area: Filter | None = None) -> Compared:
    return compare(period, area or Filter(), reader, END)


def of(compared: Compared, body: str) -> dict[str, int]:
    work = compared.now_by_body.get(body, Work(NO_DEED))
    return {deed: number for deed, number in work.counts.items() if number}


def test_the_month_is_what_each_was_given_and_did(month: Cast) -> None:
    compared = seen(month, month.county_officer)
    assert of(compared, month.town.code) == {
        "given": 3, "handled": 2, "in_time": 1, "late": 1, "unfinished": 1, "rated": 1, "refused": 1,
    }  # fmt: skip
    assert of(compared, "dept-ecology") == {"given": 1, "unfinished": 1}
    assert of(compared, "dept-market") == {"given": 1, "objected": 1}, "to object is not to handle"
    assert of(compared, "dept-enforcement") == {"given": 1, "handled": 1, "in_time": 1}
    assert of(compared, "dept-construction") == {}
    town = compared.now_by_body[month.town.code]
    assert (town.stars, town.ratings) == (4.0, 1)
    assert town.median == ((LATER - LATER) + (NOON + timedelta(days=14) - LATER)) / 2
    assert compared.before_by_body[month.other_town.code].counts["given"] == 1


def test_every_figure_is_the_count_of_its_list(month: Cast) -> None:
    readers = [month.county_officer, month.leader, month.dispatcher, month.department_officer]
    for reader, area in [(one, Filter()) for one in readers] + [(month.leader, Filter(town=month.town.code))]:
        compared = seen(month, reader, area=area)
        for period, works in ((MARCH, compared.now_by_body), (MARCH.before(), compared.before_by_body)):
            for unit in compared.bodies:
                for deed, number in works.get(unit.code, Work(NO_DEED)).counts.items():
                    behind = Filter.read(compared.list_of(unit.code, deed, period).query)
                    found = matching(behind, reader, END).count()
                    assert found == number, (reader.username, unit.code, deed, period.kind)


def test_who_sees_a_part_of_the_county_sees_their_own(month: Cast) -> None:
    assert {unit.code for unit in seen(month, month.dispatcher).bodies} == {month.town.code}
    assert {unit.code for unit in seen(month, month.department_officer).bodies} == {"dept-ecology"}
    county = {unit.code for unit in seen(month, month.county_officer).bodies}
    assert {month.town.code, month.other_town.code, "dept-ecology", "dept-construction"} <= county


def test_what_is_too_little_says_so(month: Cast) -> None:
    def town() -> dict[str, str]:
        table = next(one for one in tables(seen(month, month.county_officer)) if one.name == "town_work")
        row = next(row for row in table.rows if row[0].text == month.town.name)
        return dict(zip(table.columns, [cell.text for cell in row], strict=True))

    few = town()
    assert (few["Handled"], few["Share in time"], few["Median hours"], few["Stars of reporters"]) == (
        "2", "too few", "too few", "too few",
    )  # fmt: skip
    for _ in range(FEW):
        handled(month, stars=5)
    enough = town()
    assert (enough["Handled"], enough["Share in time"], enough["Median hours"]) == ("12", "91.7%", "0.0")
    assert enough["Stars of reporters"] == "4.9"


def test_it_takes_as_many_queries_for_many_as_for_few(month: Cast) -> None:
    def sent() -> int:
        assert month.county_officer.authority
        with CaptureQueriesContext(connection) as queries:
            seen(month, month.county_officer)
        return len(queries)

    few = sent()
    handled(month, stars=3)
    joint_again = find(month.town_officer, "V-A2", merchant=month.other_merchant, photos=(photo(3),))
    assert joint_again.is_open
    assert sent() == few <= 5


def as_(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


MARCH_ASKED = "period=month&day=2026-03-05"


def test_the_page_opens_for_whoever_may_look_back(month: Cast) -> None:
    page = as_(month.leader).get(f"/issues/lookback/units/?{MARCH_ASKED}")
    assert page.status_code == 200
    text = page.content.decode()
    assert month.town.name in text and "body=dept-market" in text and "deed_from=2026-02-01" in text
    assert as_(month.grid_member).get(f"/issues/lookback/units/?{MARCH_ASKED}").status_code == 200
    lookback = as_(month.leader).get(f"/issues/lookback/?{MARCH_ASKED}").content.decode()
    assert 'href="/issues/lookback/units/?period=month' in lookback


@pytest.mark.parametrize("kind", ["month", "notice"])
def test_the_document_has_the_tables_of_the_page(month: Cast, kind: str) -> None:
    sent = as_(month.county_officer).get(f"/issues/lookback/report.docx?kind={kind}&{MARCH_ASKED}")
    written = [
        [[cell.text for cell in row.cells] for row in table.rows]
        for table in docx.Document(io.BytesIO(sent.content)).tables
    ]
    for table in tables(compare(MARCH, Filter(), month.county_officer, timezone.now())):
        assert [table.columns, *[[cell.whole for cell in row] for row in table.rows]] in written, table.name
