"""The joint flow: departments called in, each with a part of its own, and who disagrees is heard."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction

from lingxiu.issues.lifecycle import By, Mark, Move, MoveRefused, Result
from lingxiu.issues.models import Assignment, Issue, Reminder
from lingxiu.issues.overdue import follow_up, resume_rested
from lingxiu.issues.queries import mine, situation, unit_work
from lingxiu.issues.relations import relations
from tests.cast import Cast, person
from tests.issues.world import LATER, all_signed, do, filled, find, inspecting, photo

DAY = timedelta(days=1)
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def joint(cast: Cast) -> Issue:
    """At the county, led by the ecology department, with enforcement and market called in."""
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.enforcement, cast.market), words="请配合查处")
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    do(issue, Move.ACCEPT, cast.department_officer)
    issue.refresh_from_db()
    return issue


@pytest.fixture
def enforcer(cast: Cast) -> object:
    return person("enforcer", "department_officer", cast.enforcement)


@pytest.fixture
def marketer(cast: Cast) -> object:
    return person("marketer", "department_officer", cast.market)


def refused(issue: Issue, what: Move, actor: object, **brought: object) -> str:
    with pytest.raises(MoveRefused) as error:
        do(issue, what, actor, **brought)  # type: ignore[arg-type]  # a user of the cast
    return error.value.why


def outcomes(issue: Issue) -> dict[str, str]:
    rows = issue.assignments.filter(part="cooperating").order_by("pk")
    return {row.unit.name: row.outcome or row.state for row in rows.select_related("unit")}


def test_each_department_has_a_part_with_a_due_time_of_its_own(cast: Cast, joint: Issue) -> None:
    parts = joint.assignments.filter(part="cooperating", ended_at=None)
    assert (joint.flow, joint.level) == ("joint", "county")
    assert {part.unit for part in parts} == {cast.enforcement, cast.market}
    assert {part.due_at for part in parts} != {joint.step_due_at}
    assert Mark.PARTS_OPEN in situation(joint).marks


def test_who_works_along_has_it_among_their_work_and_may_open_it(cast: Cast, joint: Issue, enforcer: object) -> None:
    assert joint in mine(enforcer)  # type: ignore[arg-type]  # a user
    assert joint in unit_work(enforcer)  # type: ignore[arg-type]  # a user
    own = relations(enforcer.pk, enforcer.authority, situation(joint).held)  # type: ignore[attr-defined]  # a user
    assert own == {By.COOPERATOR, By.ENFORCER, By.PARTY}


def test_the_lead_feeds_back_when_all_have_done_their_part(
    cast: Cast, joint: Issue, enforcer: object, marketer: object
) -> None:
    fed_back = {"result": Result.ORDERED, "photos": (photo(1),), "told": filled(joint)}
    seen = inspecting(cast.department_officer)
    do(joint, Move.HANDLE, cast.department_officer, words="检查笔录", inspection=seen)
    all_signed()
    assert refused(joint, Move.FEED_BACK, cast.department_officer, **fed_back) == "parts_open"
    do(joint, Move.CONTRIBUTE, enforcer, words="已立案调查")  # type: ignore[arg-type]  # a user
    assert refused(joint, Move.FEED_BACK, cast.department_officer, **fed_back) == "parts_open"
    do(joint, Move.CONTRIBUTE, marketer, words="已核查证照")  # type: ignore[arg-type]  # a user
    do(joint, Move.FEED_BACK, cast.department_officer, **fed_back)
    joint.refresh_from_db()
    assert joint.state == "recheck"
    assert set(outcomes(joint).values()) == {"contributed"}


def test_an_objection_goes_to_the_county_which_reads_both_sides(
    cast: Cast, joint: Issue, enforcer: object, marketer: object
) -> None:
    do(joint, Move.OBJECT, marketer, words="三定规定第四条，证照齐全，非我局职责")  # type: ignore[arg-type]  # a user
    do(joint, Move.CONTRIBUTE, enforcer, words="已立案调查")  # type: ignore[arg-type]  # a user
    fed_back = {"result": Result.ORDERED, "photos": (photo(1),), "told": filled(joint)}
    seen = inspecting(cast.department_officer)
    do(joint, Move.HANDLE, cast.department_officer, words="检查笔录", inspection=seen)
    all_signed()
    assert refused(joint, Move.FEED_BACK, cast.department_officer, **fed_back) == "objected"
    assert refused(joint, Move.SETTLE, cast.department_officer, words="x") == "person"
    do(joint, Move.REPLY, cast.department_officer, words="证照核查属市场监管，油烟检测不必参加")
    do(joint, Move.SETTLE, cast.county_officer, words="同意，由综合执法牵头")
    do(joint, Move.FEED_BACK, cast.department_officer, **fed_back)
    assert outcomes(joint) == {cast.enforcement.name: "contributed", cast.market.name: "released"}


def test_who_objected_in_vain_gets_its_part_again(cast: Cast, joint: Issue, marketer: object) -> None:
    do(joint, Move.OBJECT, marketer, words="不是我们的")  # type: ignore[arg-type]  # a user
    do(joint, Move.SETTLE, cast.county_officer, words="证照归你局", upheld=True, at=LATER + 2 * DAY)
    rows = joint.assignments.filter(part="cooperating", unit=cast.market).order_by("pk")
    assert [(row.state, row.outcome) for row in rows] == [("done", "upheld"), ("offered", "")]
    assert rows[1].given_at == LATER + 2 * DAY


def test_who_objected_and_was_asked_again_before_that_was_settled_has_one_part(
    cast: Cast, joint: Issue, marketer: object
) -> None:
    do(joint, Move.OBJECT, marketer, words="不是我们的")  # type: ignore[arg-type]  # a user
    do(joint, Move.INVOLVE, cast.county_officer, units=(cast.market,))
    do(joint, Move.SETTLE, cast.county_officer, words="证照归你局", upheld=True, at=LATER + 2 * DAY)
    assert joint.assignments.filter(part="cooperating", unit=cast.market, ended_at=None).count() == 1


def test_the_county_releases_who_was_called_in_by_mistake(cast: Cast, joint: Issue) -> None:
    assert refused(joint, Move.RELEASE, cast.county_officer, words="x", units=(cast.ecology,)) == "departments"
    do(joint, Move.RELEASE, cast.county_officer, words="不需要了", units=(cast.market,))
    assert outcomes(joint) == {cast.enforcement.name: "offered", cast.market.name: "released"}


def test_nobody_is_called_in_twice_nor_the_lead_beside_itself(cast: Cast, joint: Issue) -> None:
    assert refused(joint, Move.INVOLVE, cast.county_officer, units=(cast.ecology, cast.market)) == "departments"
    assert joint.assignments.filter(part="cooperating").count() == 2


def test_who_was_called_in_and_then_given_the_lead_has_no_part_beside_it(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.ecology, cast.market))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    assert outcomes(issue) == {cast.ecology.name: "given_up", cast.market.name: "offered"}


def test_a_unit_outside_the_county_level_is_not_called_in(cast: Cast, joint: Issue) -> None:
    assert refused(joint, Move.INVOLVE, cast.county_officer, units=(cast.grid,)) == "departments"


def test_filing_a_case_ends_it_found_true_with_its_number(cast: Cast, joint: Issue, enforcer: object) -> None:
    assert refused(joint, Move.FILE_CASE, enforcer, words="立案", case_number="善综执立〔2026〕12号") == "parts_open"
    do(joint, Move.CONTRIBUTE, enforcer, words="已调查")  # type: ignore[arg-type]  # a user
    do(joint, Move.RELEASE, cast.county_officer, words="不需要了", units=(cast.market,))
    assert refused(joint, Move.FILE_CASE, enforcer, words="立案") == "case"
    do(joint, Move.FILE_CASE, enforcer, words="立案", case_number="善综执立〔2026〕12号")  # type: ignore[arg-type]  # a user
    joint.refresh_from_db()
    assert (joint.state, joint.result, joint.found_true) == ("closed", "case_filed", True)
    assert joint.case_number == "善综执立〔2026〕12号"


def test_a_leader_or_dispatcher_files_no_case(cast: Cast, joint: Issue) -> None:
    for somebody in (cast.leader, cast.county_officer, cast.grid_member):
        assert refused(joint, Move.FILE_CASE, somebody, words="立案", case_number="1") == "person"


def test_what_ends_ends_for_all(cast: Cast, joint: Issue) -> None:
    do(joint, Move.DISMISS, cast.county_officer, words="重复")
    assert not joint.assignments.filter(ended_at=None).exists()


def test_the_database_lets_no_ended_issue_keep_a_part(cast: Cast, joint: Issue) -> None:
    do(joint, Move.DISMISS, cast.county_officer, words="重复")
    with pytest.raises(IntegrityError, match="still held"), transaction.atomic():
        Assignment.objects.create(
            issue=joint, unit=cast.market, part="cooperating", step="handling", given_at=LATER, due_at=LATER
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_rest_lengthens_the_parts_as_it_does_the_lead(cast: Cast, joint: Issue) -> None:
    """Nobody works along on what rests: on going on no part is at once late, and no leader is told that it is."""
    part = joint.assignments.get(part="cooperating", unit=cast.market)
    do(joint, Move.SUSPEND, cast.county_officer, words="等配件", reason="PART-ORDERED", until=date(2026, 3, 20))
    assert resume_rested(datetime(2026, 3, 21, 0, 1, tzinfo=ZONE)) == 1

    due = part.due_at
    part.refresh_from_db()
    assert (due.astimezone(ZONE).date(), part.due_at.astimezone(ZONE).date()) == (date(2026, 3, 12), date(2026, 3, 27))
    assert part.more_days == 11
    follow_up(datetime(2026, 3, 23, 12, tzinfo=ZONE))
    assert not Reminder.objects.filter(rule__in=["E-PART-80", "E-PART-100", "E-PART-200"]).exists()
