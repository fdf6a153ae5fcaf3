"""Two at once: real transactions in threads of their own. One of two wins, and the other is told or joins."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from lingxiu.issues.actions.reports import OwnNumberKnown
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.models import Issue, Report
from lingxiu.issues.orders import answer, cross_off
from lingxiu.issues.overdue import follow_up
from lingxiu.issues.writing import SomebodyWasFaster
from tests.cast import NOON, Cast
from tests.issues.races import CONTESTS, Rivals, hold, meanwhile, together
from tests.issues.test_orders import instruction
from tests.issues.walking import Walked, Walker, disorder, disorder_of_all
from tests.issues.world import LATER, alarm, complain, do, find, photo

TIMES = 6


def test_issues_that_several_people_walk_at_once_stay_in_order(committed: Cast) -> None:
    picture = photo()
    Rivals.among(committed, picture)
    walkers = [Walker(f"walker {n}", picture) for n in range(3)]
    numbers = [*{*walkers[0].make(12, NOON)}]
    deeds = [lambda one=one: one.walk(numbers, 2, NOON) for one in walkers]  # type: ignore[misc]  # a default binds it
    together(*deeds, lambda: follow_up(NOON + timedelta(days=2)))
    walked = Walked()
    for walker in walkers:
        walked.add(walker.walked)
    assert walked.broken == []
    assert sum(walked.moves.values()) > 12
    assert disorder(numbers, walked.clocks) == []
    assert disorder_of_all() == []


@pytest.mark.parametrize("what", CONTESTS)
def test_of_two_who_do_the_same_at_the_same_instant_one_wins_and_the_other_is_told(committed: Cast, what: str) -> None:
    rivals = Rivals.among(committed, photo())
    for _ in range(TIMES // 2):
        hold(CONTESTS[what](rivals))


def test_alarms_of_one_merchant_that_come_at_once_make_one_issue(committed: Cast) -> None:
    numbers = together(*(lambda n=n: alarm(committed.merchant, n).number for n in range(TIMES)))  # type: ignore[misc]  # a default binds n
    assert len(set(numbers)) == 1, numbers
    issue = Issue.objects.get()
    assert sorted(issue.moves.values_list("move", flat=True)) == sorted(["report", "dispatch", *["note"] * (TIMES - 1)])
    assert {row.data["alarm"] for row in issue.moves.exclude(move="dispatch")} == set(range(TIMES))


def test_one_alarm_told_by_two_watches_at_once_counts_once(committed: Cast) -> None:
    numbers = together(*[lambda: alarm(committed.merchant, 7).number] * 4)
    assert len(set(numbers)) == 1, numbers
    assert Issue.objects.get().moves.count() == 2


def test_numbers_given_out_at_once_are_all_different_and_none_is_missing(committed: Cast) -> None:
    numbers = together(*[lambda: find(committed.grid_member, merchant=committed.merchant).number] * TIMES)
    assert sorted(str(number) for number in numbers) == [f"20260305{n:05}" for n in range(1, TIMES + 1)]


def test_the_same_submission_sent_twice_at_once_makes_one_move(committed: Cast) -> None:
    issue, submission = alarm(committed.merchant), uuid4()
    together(*[lambda: do(issue, Move.ACCEPT, committed.grid_member, submission=submission)] * 3)
    assert issue.moves.filter(move=Move.ACCEPT).count() == 1


def test_of_two_who_enter_the_same_12345_order_one_is_told_that_it_stands(committed: Cast) -> None:
    for n in range(TIMES):
        order = {"source": "12345", "own_number": f"JX{n}", "place": "桥头"}
        outcomes = together(*[lambda order=order: complain(**order)] * 2)  # type: ignore[misc]  # a default binds it
        assert {type(outcome) for outcome in outcomes} == {OwnNumberKnown, Report}, outcomes


def test_two_issues_joined_crosswise_do_not_wait_for_each_other_for_ever(committed: Cast) -> None:
    for _ in range(3):
        one, other = complain(committed.merchant).issue, complain(committed.merchant).issue
        together(
            lambda: do(one, Move.JOIN, committed.dispatcher, into=other.number),  # noqa: B023
            lambda: do(other, Move.JOIN, committed.dispatcher, into=one.number),  # noqa: B023
        )
        states = sorted(Issue.objects.filter(pk__in=[one.pk, other.pk]).values_list("state", flat=True))
        assert states == ["dismissed", "received"]
        assert sorted(i.reports.count() for i in (one, other)) == [0, 2]


def test_an_issue_ends_at_its_own_time_though_the_one_it_is_joined_to_was_moved_by_a_clock_that_is_ahead(
    cast: Cast,
) -> None:
    one, other = complain(cast.merchant).issue, complain(cast.merchant).issue
    do(other, Move.NOTE, cast.dispatcher, at=LATER + timedelta(days=1), words="再看看")
    joined = do(one, Move.JOIN, cast.dispatcher, into=other.number)
    one.refresh_from_db()
    assert one.closed_at == joined.at == LATER
    do(one, Move.REOPEN, cast.dispatcher, words="不是一回事")
    do(one, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    do(one, Move.TRANSFER, cast.dispatcher, unit=cast.town_team, words="执法队去")
    do(one, Move.DECLINE, cast.town_officer, words="不归我们")
    one.refresh_from_db()
    assert one.lead_unit == cast.grid


def test_a_report_that_is_split_off_while_its_own_issue_is_opened_again_goes_one_way_only(committed: Cast) -> None:
    for _ in range(TIMES):
        report, other = complain(committed.merchant), complain(committed.merchant).issue
        one = report.issue
        do(one, Move.JOIN, committed.dispatcher, into=other.number)
        outcomes = together(
            lambda: do(other, Move.SPLIT, committed.dispatcher, report=report.pk),  # noqa: B023
            lambda: do(one, Move.REOPEN, committed.dispatcher, words="又来了"),  # noqa: B023
        )
        lost = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert all(isinstance(error, SomebodyWasFaster | MoveRefused) for error in lost), outcomes
        other.refresh_from_db()
        report.refresh_from_db()
        assert report.issue_id != other.pk
        assert (report.issue_id == one.pk) == bool(lost), "it goes back unless it was split off before"
        assert [row.version for row in other.moves.order_by("version")] == list(range(other.version + 1))


def test_an_order_ends_whose_last_two_items_are_crossed_off_at_once(committed: Cast) -> None:
    order = instruction(committed)
    town, ecology = order.items.get(unit=committed.town), order.items.get(unit=committed.ecology)
    answer(town, "三家已整改", by=committed.dispatcher, at=LATER)
    answer(ecology, "已监测", by=committed.department_officer, at=LATER)
    told = meanwhile(
        lambda: cross_off(town, by=committed.county_officer, at=LATER),
        lambda: cross_off(ecology, by=committed.county_officer, at=LATER),
    )
    order.refresh_from_db()
    assert (told, order.closed_at) == (None, LATER)


def test_the_standing_is_right_after_issues_of_one_merchant_moved_at_once(committed: Cast) -> None:
    issues = [complain(committed.merchant).issue for _ in range(TIMES)]
    ends = [
        lambda i=i: do(i, Move.DISMISS, committed.dispatcher, at=LATER, words="x", answer="x")  # type: ignore[misc]  # a default binds i
        for i in issues[1:]
    ]
    outcomes = together(*ends)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    committed.merchant.standing.refresh_from_db()
    assert committed.merchant.standing.open_issues == 1
