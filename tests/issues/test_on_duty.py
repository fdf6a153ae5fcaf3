"""On days off, what comes in goes to who is on duty, and back to whose it is when work begins. National Day 2026: 1 to 7 October."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lingxiu.accounts.absences import declare
from lingxiu.accounts.duty import TurnRefused, enter, rosters
from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.china.calendar import WorkingCalendar
from lingxiu.demo import scenario
from lingxiu.demo.points import write_duty
from lingxiu.demo.staff import Staff
from lingxiu.issues.covering import change_shifts, cover_absent
from lingxiu.issues.deadlines import at_rest_since
from lingxiu.issues.holding import on_duty
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.issues.queries import ball, mine
from lingxiu.policy.actions import load
from lingxiu.policy.queries import forget
from lingxiu.policy.schema.deadlines import OfficeHours
from tests.cast import Cast, person
from tests.issues.walking import disorder
from tests.issues.world import alarm, complain, do, find

COUNTY = ZoneInfo("Asia/Shanghai")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def on(day: int, hour: int = 10, minute: int = 0) -> datetime:
    """A day of October 2026."""
    return datetime(2026, 10, day, hour, minute, tzinfo=COUNTY)


HOLIDAY, WORK_BEGINS = on(2), on(8, 8, 30)


FIRST, LAST = on(1, 8), on(8, 8)


def duty(unit: Unit, who: User, *, since: datetime = FIRST, until: datetime = LAST, rank: int = 1) -> None:
    enter(unit, who, since, until, rank=rank, at=since - DAY, by=None)


def held(issue: Issue) -> tuple[str, str | None, bool]:
    """Unit, person, and whether by the duty roster."""
    now = ball(Issue.objects.get(pk=issue.pk))
    assert now is not None
    return now.unit.name, now.person.username if now.person else None, now.on_duty


@pytest.fixture
def other_member(cast: Cast) -> User:
    """A member of another grid of the same town."""
    grid = Unit.objects.create(
        code="33042100100102", kind=UnitKind.GRID, name="第二网格", parent=cast.town, town=cast.town.code,
        grid="33042100100102",
    )  # fmt: skip
    return person("grid-2", "grid_member", grid)


def test_a_lead_on_a_holiday_goes_to_who_is_on_duty_for_the_town(cast: Cast) -> None:
    duty(cast.town, cast.town_officer)
    issue = alarm(cast.merchant, at=HOLIDAY)
    assert (issue.state, issue.level, held(issue)) == ("dispatched", "grid", (cast.grid.name, "team", True))
    assert issue in mine(cast.town_officer)
    assert issue in Issue.objects.visible_to(cast.grid_member)


def test_they_may_do_all_that_its_owner_may(cast: Cast) -> None:
    duty(cast.town, cast.town_officer)
    issue = alarm(cast.merchant, at=HOLIDAY)
    do(issue, Move.ACCEPT, cast.town_officer, at=HOLIDAY + HOUR)
    do(issue, Move.HANDLE, cast.town_officer, at=HOLIDAY + HOUR, words="到现场看了，已提醒开净化器")
    assert held(issue) == (cast.grid.name, "team", True)


def test_when_work_begins_it_is_back_once_with_what_was_done_on_the_record(cast: Cast) -> None:
    duty(cast.town, cast.town_officer)
    issue = alarm(cast.merchant, at=HOLIDAY)
    do(issue, Move.ACCEPT, cast.town_officer, at=HOLIDAY + HOUR)
    do(issue, Move.HANDLE, cast.town_officer, at=HOLIDAY + HOUR, words="到现场看了")
    assert change_shifts(WORK_BEGINS - timedelta(minutes=1)) == 0
    assert change_shifts(WORK_BEGINS) == 1
    assert change_shifts(WORK_BEGINS) == 0
    issue.refresh_from_db()
    assert (issue.state, held(issue)) == ("handling", (cast.grid.name, None, False))
    assert issue in mine(cast.grid_member) and issue not in mine(cast.town_officer)
    told = [(row.move, row.actor and row.actor.username, row.words) for row in issue.moves.order_by("version")]
    assert ("handle", "team", "到现场看了") in told and told[-1][:2] == ("reassign", None)
    assert disorder([issue.number], {}) == []


def test_whose_it_was_by_name_has_it_back(cast: Cast) -> None:
    """Its finder is away over the holiday, the deputy too: who is on duty stands in for the finder."""
    deputy = person("grid-b", "grid_member", cast.grid)
    declare(cast.grid_member, on(1), on(8, 0), reason="leave", deputy=None, at=on(1) - DAY, by=cast.grid_member.pk)
    duty(cast.town, cast.town_officer)
    issue = find(cast.grid_member, at=HOLIDAY, merchant=cast.merchant)
    now = ball(issue)
    assert now is not None and now.deputy_for == cast.grid_member
    assert held(issue) == (cast.grid.name, "team", True)
    change_shifts(WORK_BEGINS)
    assert held(issue) == (cast.grid.name, "grid", False)
    assert issue not in mine(deputy)


def test_who_found_it_and_is_there_keeps_it(cast: Cast) -> None:
    duty(cast.town, cast.town_officer)
    issue = find(cast.grid_member, at=HOLIDAY, merchant=cast.merchant)
    assert held(issue) == (cast.grid.name, "grid", False)


def test_shifts_change_and_nobody_covers_who_is_on_duty(cast: Cast) -> None:
    second = person("team-b", "town_officer", cast.town_team)
    duty(cast.town, cast.town_officer, until=on(3, 8))
    duty(cast.town, second, since=on(3, 8))
    issue = alarm(cast.merchant, at=HOLIDAY)
    do(issue, Move.ACCEPT, cast.town_officer, at=HOLIDAY + HOUR)
    assert (cover_absent(on(3, 7)), change_shifts(on(3, 7))) == (0, 0)
    assert (cover_absent(on(3, 8)), change_shifts(on(3, 8)), change_shifts(on(3, 9))) == (0, 1, 0)
    assert held(issue) == (cast.grid.name, "team-b", True)


def test_between_two_shifts_who_had_it_keeps_it(cast: Cast) -> None:
    duty(cast.town, cast.town_officer, until=on(3, 8))
    issue = alarm(cast.merchant, at=HOLIDAY)
    assert change_shifts(on(3, 12)) == 0
    assert held(issue) == (cast.grid.name, "team", True)


def test_what_came_when_nobody_was_on_duty_is_taken_up_by_the_next(cast: Cast) -> None:
    before = alarm(cast.merchant, 1, at=on(1) - 2 * DAY)
    issue = alarm(cast.merchant, 2, violation="L-LINK", at=on(2, 3))
    assert held(issue) == (cast.grid.name, None, False)
    duty(cast.town, cast.town_officer, since=on(2, 8))
    assert change_shifts(on(2, 7)) == 0
    assert change_shifts(on(2, 8)) == 1
    assert held(issue) == (cast.grid.name, "team", True)
    assert held(before) == (cast.grid.name, None, False)  # what was there before the holiday stays with whose it is


def test_where_only_a_dispatcher_is_on_duty_it_waits_for_them_and_goes_on_when_work_begins(cast: Cast) -> None:
    duty(cast.town, cast.dispatcher)
    issue = alarm(cast.merchant, at=HOLIDAY)
    assert (issue.state, held(issue)) == ("received", (cast.town.name, None, True))
    assert issue in mine(cast.dispatcher)
    assert change_shifts(on(6)) == 0
    assert change_shifts(WORK_BEGINS) == 1
    issue.refresh_from_db()
    assert (issue.state, held(issue)) == ("dispatched", (cast.grid.name, None, False))
    assert change_shifts(WORK_BEGINS) == 0
    assert disorder([issue.number], {}) == []


def test_the_dispatcher_on_duty_sends_it_where_they_want(cast: Cast) -> None:
    duty(cast.town, cast.dispatcher)
    issue = alarm(cast.merchant, at=HOLIDAY)
    do(issue, Move.DISPATCH, cast.dispatcher, at=HOLIDAY + HOUR, unit=cast.town_team, person=cast.town_officer)
    assert held(issue) == (cast.town_team.name, "team", False)
    assert change_shifts(WORK_BEGINS) == 0


def test_a_member_of_another_grid_on_duty_sees_it_for_as_long_as_it_is_theirs(cast: Cast, other_member: User) -> None:
    duty(cast.grid, other_member)
    duty(cast.town, cast.town_officer)
    issue = alarm(cast.merchant, at=HOLIDAY)
    assert held(issue) == (cast.grid.name, "grid-2", True)
    assert issue in Issue.objects.visible_to(other_member)
    do(issue, Move.ACCEPT, other_member, at=HOLIDAY + HOUR)
    change_shifts(WORK_BEGINS)
    assert issue not in Issue.objects.visible_to(other_member)


def test_nobody_of_a_grid_takes_what_is_a_teams(cast: Cast, other_member: User) -> None:
    with pytest.raises(TurnRefused, match="unknown"):
        duty(cast.town_team, other_member)
    duty(cast.grid, other_member)
    issue = alarm(cast.merchant, violation="L-GAS", at=HOLIDAY)
    assert held(issue) == (cast.town_team.name, None, False)


def test_the_teams_own_member_comes_before_others_on_duty(cast: Cast, other_member: User) -> None:
    duty(cast.grid, other_member, rank=1)
    duty(cast.grid, cast.grid_member, rank=2)
    assert held(alarm(cast.merchant, at=HOLIDAY)) == (cast.grid.name, "grid", True)


@pytest.mark.parametrize("at", [on(9, 20), on(10), on(8, 9)])
def test_on_working_days_and_on_a_saturday_that_is_worked_nothing_changes(cast: Cast, at: datetime) -> None:
    duty(cast.town, cast.town_officer, until=on(20))
    assert held(alarm(cast.merchant, at=at)) == (cast.grid.name, None, False)


def test_a_neighbours_complaint_waits_for_the_dispatcher_and_then_goes_where_they_send_it(cast: Cast) -> None:
    duty(cast.town, cast.town_officer)
    issue = complain(cast.merchant, at=HOLIDAY).issue
    assert (issue.state, held(issue)) == ("received", (cast.town.name, None, False))
    do(issue, Move.DISPATCH, cast.dispatcher, at=HOLIDAY + HOUR, unit=cast.grid)
    assert held(issue) == (cast.grid.name, None, False)  # by_dispatcher is not among what duty takes, as shipped


@pytest.fixture
def _forgotten() -> Iterator[None]:
    yield
    forget()


@pytest.mark.usefixtures("_forgotten")
def test_a_county_takes_less_or_more(cast: Cast, tmp_path: Path) -> None:
    duty(cast.town, cast.town_officer, since=on(1, 8) - 2 * DAY)
    night = on(1, 22) - 2 * DAY

    def policy(words: str) -> None:
        (tmp_path / "working.yaml").write_text(f"on_duty: {words}\n", encoding="utf-8")
        load(tmp_path, at=datetime(2026, 9, 1, tzinfo=UTC))
        forget()

    policy("{takes: []}")
    assert held(alarm(cast.merchant, 1, at=HOLIDAY)) == (cast.grid.name, None, False)
    policy("{takes: [at_once, at_any_hour], least_severe: 4}")
    assert held(alarm(cast.merchant, 2, violation="L-LINK", at=HOLIDAY)) == (cast.grid.name, None, False)
    assert held(alarm(cast.merchant, 3, violation="L-GAS", at=HOLIDAY)) == (cast.town_team.name, "team", True)
    policy("{takes: [at_once], nights: true}")
    assert held(alarm(cast.merchant, 4, violation="L-OFF", at=night)) == (cast.grid.name, "team", True)


@pytest.mark.parametrize(
    ("at", "days_off", "with_nights"),
    [
        (on(2), on(1, 0), on(1, 17, 30) - DAY),
        (on(8, 8, 29), on(1, 0), on(1, 17, 30) - DAY),
        (on(8, 8, 30), None, None),
        (on(8, 17, 30), None, on(8, 17, 30)),
        (on(9, 3), None, on(8, 17, 30)),
        (on(10), None, None),  # a Saturday that is worked
        (on(11), on(11, 0), on(10, 17, 30)),  # the Sunday after it
    ],
)
def test_since_when_everybody_is_at_rest(at: datetime, days_off: datetime | None, with_nights: datetime | None) -> None:
    calendar, office = WorkingCalendar(COUNTY), OfficeHours()
    assert at_rest_since(calendar, office, at, nights=False) == days_off
    assert at_rest_since(calendar, office, at, nights=True) == with_nights


def test_a_towns_dispatcher_writes_the_rosters_of_their_town_and_nobody_elses(cast: Cast) -> None:
    kinds = tuple(UnitKind)
    assert {unit.pk for unit in rosters(cast.dispatcher, kinds)} == {cast.town.pk, cast.town_team.pk, cast.grid.pk}
    assert {unit.pk for unit in rosters(cast.dispatcher)} == {cast.town.pk}
    assert cast.other_grid.pk in {unit.pk for unit in rosters(cast.county_officer, kinds)}
    assert rosters(cast.grid_member, kinds) == []


def test_the_demos_grid_member_is_on_duty_for_the_grid_of_the_scenario(cast: Cast) -> None:
    """So that the demo tells the same story on a Saturday."""
    unit = Unit.objects.create(
        code=scenario.GRID, kind=UnitKind.GRID, name="网格", town=scenario.TOWN, grid=scenario.GRID
    )
    member = person("member", "grid_member", unit)
    write_duty(Staff({scenario.GRID: unit}, {("grid_member", scenario.GRID): [member]}), HOLIDAY)
    assert on_duty(unit, HOLIDAY) == member
