"""Time runs out: who is told, which level gains the issue; each thing once, in order, after any standstill."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lingxiu.issues import overdue, reporters
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, Reminder
from lingxiu.issues.overdue import follow_up
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast
from tests.issues.world import alarm, complain, do, find, photo

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def warned() -> list[tuple[str, list[str]]]:
    rows = Entry.objects.filter(kind="issue.warned").order_by("id")
    return [(row.reference["rule"], row.reference["tell"]) for row in rows]


def rules() -> list[str]:
    return [rule for rule, _tell in warned()]


def test_nobody_is_told_before_the_time(cast: Cast) -> None:
    alarm(cast.merchant)
    assert follow_up(NOON + MINUTE) == 0


def test_who_has_it_is_told_before_it_is_late_and_the_dispatcher_when_it_is(cast: Cast) -> None:
    issue = alarm(cast.merchant)  # given at Thursday noon, the step due on Friday at midnight: 36 hours
    assert follow_up(NOON + timedelta(hours=28)) == 0
    assert follow_up(NOON + timedelta(hours=29)) == 1
    assert follow_up(issue.step_due_at + MINUTE) == 1
    assert warned() == [("E-STEP-80", ["holder"]), ("E-STEP-100", ["holder", "dispatcher"])]


def test_each_is_told_once_however_often_it_is_looked_for(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    at = issue.step_due_at + MINUTE
    assert [follow_up(at), follow_up(at), follow_up(at + MINUTE)] == [2, 0, 0]


def test_the_town_gains_what_the_grid_leaves_lying_and_the_grid_still_sees_it(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    # Given on Thursday noon and due on Friday at midnight: as much again is Monday, and half of Tuesday.
    tuesday_noon = NOON + 5 * DAY
    assert follow_up(tuesday_noon - MINUTE) == 3
    follow_up(tuesday_noon + MINUTE)
    issue.refresh_from_db()
    assert (issue.level, issue.state, issue.lead_unit) == ("town", "received", cast.town)
    assert issue in Issue.objects.visible_to(cast.grid_member)
    last = issue.moves.latest("version")
    assert (last.move, last.actor, last.data["rule"]) == ("escalate", None, "E-STEP-GRID-UP")
    # Of the grid's three working days 80 % are over on Tuesday morning, all of them at midnight.
    assert rules() == ["E-STEP-80", "E-STEP-100", "E-WHOLE-80", "E-STEP-GRID-UP"]


def test_after_a_standstill_of_days_everything_happens_in_the_order_of_its_times(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    complain(cast.other_merchant)
    follow_up(NOON + 6 * DAY)
    rows = list(Reminder.objects.order_by("id"))
    assert [row.passed_at for row in rows] == sorted(row.passed_at for row in rows)
    assert len({(row.clock, row.rule) for row in rows}) == len(rows) > 4
    issue.refresh_from_db()
    assert issue.level == "town"


def test_what_got_more_time_by_being_raised_is_not_told_by_the_clock_it_had(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    follow_up(NOON + 6 * DAY)  # all of the grid's whole time was over by then, of the town's not even 80 %
    issue.refresh_from_db()
    assert issue.level == "town"
    assert rules() == ["E-STEP-80", "E-STEP-100", "E-WHOLE-80", "E-STEP-GRID-UP"]


def test_what_somebody_did_while_the_late_ones_were_gone_through_is_late_no_more(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    at = issue.step_due_at + MINUTE
    found = overdue._passed(at)
    do(issue, Move.TRANSFER, cast.dispatcher, at=at, unit=cast.town_team, words="执法队去")
    assert [overdue._follow(one, at) for one in found] == [False, False]
    assert rules() == []


def test_the_new_holders_clock_starts_when_they_gain_it(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    late = NOON + 6 * DAY
    follow_up(late)
    lead = issue.assignments.get(part="lead", ended_at=None)
    assert (lead.unit, lead.given_at) == (cast.town, late)


def test_what_rests_is_not_late(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    until = (NOON + 10 * DAY).date()
    do(issue, Move.SUSPEND, cast.dispatcher, words="装修", reason="PART-ORDERED", until=until)
    assert follow_up(NOON + 9 * DAY) == 0


def test_a_reporters_answer_runs_on_while_the_issue_rests(cast: Cast) -> None:
    report = complain(cast.merchant)
    until = (NOON + 14 * DAY).date()
    do(report.issue, Move.SUSPEND, cast.dispatcher, words="装修", reason="SHOP-CLOSED", until=until)
    follow_up(report.due_at + MINUTE)
    assert rules() == ["E-ANSWER-80", "E-ANSWER-100"]


def test_who_was_answered_and_has_it_opened_again_is_answered_in_time_once_more(cast: Cast) -> None:
    report = complain(cast.merchant)
    do(report.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现", at=NOON + DAY)
    report.refresh_from_db()
    reporters.reopen(report, "今晚又冒烟了", at=NOON + 2 * DAY)
    report.refresh_from_db()
    follow_up(report.due_at - MINUTE)
    assert [rule for rule in rules() if "ANSWER" in rule] == ["E-ANSWER-80"]
    follow_up(report.due_at + MINUTE)
    follow_up(report.due_at + 2 * MINUTE)
    assert [rule for rule in rules() if "ANSWER" in rule] == ["E-ANSWER-80", "E-ANSWER-100"]


def test_a_late_part_is_told_to_the_county_and_the_lead(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.market,))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    part = issue.assignments.get(part="cooperating")
    follow_up(part.due_at + MINUTE)
    assert ("E-PART-100", ["holder", "lead", "county"]) in warned()


def test_an_unanswered_leader_is_told(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.SUPERVISE, cast.leader, words="怎么样了", at=NOON)
    issue.refresh_from_db()
    assert issue.supervised_due_at is not None
    follow_up(issue.supervised_due_at + MINUTE)
    assert "E-SUPERVISION-100" in rules()


def test_what_has_ended_is_never_late(cast: Cast) -> None:
    do(alarm(cast.merchant), Move.DISMISS, cast.dispatcher, words="不属实")
    assert follow_up(NOON + 30 * DAY) == 0


def test_what_lies_nowhere_is_not_raised_but_told(cast: Cast) -> None:
    report = complain(None, place="某处")
    assert report.issue.level == "county"
    follow_up(NOON + 30 * DAY)
    report.issue.refresh_from_db()
    assert (report.issue.level, report.issue.state) == ("county", "received")
    assert "E-WHOLE-100" in rules()


@pytest.mark.parametrize("days", [0.5, 2, 9])
def test_the_number_of_queries_to_find_nothing_is_one(
    cast: Cast, days: float, django_assert_num_queries: object
) -> None:
    alarm(cast.merchant)
    at = NOON + days * DAY
    follow_up(at)
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's context manager
        follow_up(at)


def test_an_issue_of_the_county_that_is_late_reaches_the_leader(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant)
    assert issue.level == "county"
    half = issue.reported_at + (issue.due_at - issue.reported_at) * 0.75
    follow_up(half)
    assert "E-WHOLE-50" in rules()
    assert "E-WHOLE-COUNTY" not in rules()
    follow_up(issue.due_at + timedelta(minutes=1))
    assert ("E-WHOLE-COUNTY", ["leader"]) in warned()
