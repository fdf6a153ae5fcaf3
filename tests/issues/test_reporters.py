"""What a reporter does with nothing but the token of their report."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from lingxiu.issues import reporters
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.models import Issue, Report
from lingxiu.issues.queries import timeline
from tests.cast import Cast
from tests.issues.world import LATER, complain, do, to_closed

DAY = timedelta(days=1)


@pytest.fixture
def closed(cast: Cast) -> Report:
    report = complain(cast.merchant)
    do(report.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_closed(cast, report.issue)
    report.refresh_from_db()
    return report


def test_they_say_more_and_are_asked_for_more(cast: Cast) -> None:
    report = complain(cast.merchant)
    do(report.issue, Move.ASK, cast.dispatcher, words="大概几点闻到？")
    report.refresh_from_db()
    assert report.asked == "大概几点闻到？"
    reporters.add(report, "晚上十点以后", at=LATER)
    report.refresh_from_db()
    assert (report.asked, [row.words for row in report.additions.all()]) == ("", ["晚上十点以后"])
    move = report.issue.moves.latest("version")
    assert (move.move, move.words, move.actor) == ("add", "", None), "what they wrote is not for everybody"


def test_what_passes_between_dispatcher_and_reporter_is_not_read_by_the_grid(cast: Cast, closed: Report) -> None:
    issue = closed.issue
    reporters.reopen(closed, "我住对面三楼，又冒烟了", at=LATER + DAY)
    do(issue, Move.ASK, cast.dispatcher, words="您住对面几楼？", at=LATER + DAY)
    issue.refresh_from_db()
    for reader, reads in ((cast.grid_member, False), (cast.dispatcher, True), (cast.county_officer, True)):
        words = [row.words for row in timeline(issue, reader)]
        assert ("您住对面几楼？" in words) is reads
        assert ("我住对面三楼，又冒烟了" in words) is reads


def test_sent_twice_it_is_said_once(cast: Cast) -> None:
    report, submission = complain(cast.merchant), uuid4()
    for _ in range(2):
        reporters.add(report, "还有噪声", at=LATER, submission=submission)
    assert report.additions.count() == 1


def test_a_report_is_no_chat(cast: Cast) -> None:
    report = complain(cast.merchant)
    for n in range(reporters.MOST_ADDITIONS):
        reporters.add(report, f"第{n}次", at=LATER)
    with pytest.raises(reporters.TooManyAdditions):
        reporters.add(report, "又一次", at=LATER)


def test_they_rate_the_answer_and_may_think_again(cast: Cast, closed: Report) -> None:
    reporters.rate(closed, 2, "还是有味道", at=LATER)
    reporters.rate(closed, 4, "第二天好了", at=LATER + DAY)
    closed.refresh_from_db()
    assert (closed.stars, closed.rating_words, closed.rated_at) == (4, "第二天好了", LATER + DAY)


def test_only_an_answer_is_rated_and_only_with_one_to_five(cast: Cast, closed: Report) -> None:
    with pytest.raises(reporters.NotAnsweredYet):
        reporters.rate(complain(cast.other_merchant), 5, "", at=LATER)
    with pytest.raises(ValueError, match="stars: 6 given"):
        reporters.rate(closed, 6, "", at=LATER)


def test_they_may_say_that_it_is_not_so_and_the_clocks_begin_anew(cast: Cast, closed: Report) -> None:
    row = reporters.reopen(closed, "今晚又冒烟了", at=LATER + 3 * DAY)
    issue = closed.issue
    issue.refresh_from_db()
    assert (issue.state, issue.lead_unit, issue.clock_from) == ("received", cast.town, LATER + 3 * DAY)
    assert (row.actor, row.data["by"]) == (None, "reporter")


def test_who_had_it_opened_again_is_promised_a_day_that_lies_ahead(cast: Cast, closed: Report) -> None:
    first = closed.due_at
    reporters.reopen(closed, "今晚又冒烟了", at=LATER + 14 * DAY)
    closed.refresh_from_db()
    assert closed.due_at > LATER + 14 * DAY > first
    to_closed(cast, _sent_on(cast, closed), at=LATER + 15 * DAY)
    closed.refresh_from_db()
    assert closed.answered_at is not None
    assert closed.answered_at < closed.due_at, "answered in time, the second time as well"


def _sent_on(cast: Cast, report: Report) -> Issue:
    do(report.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, at=LATER + 15 * DAY)
    return Issue.objects.get(pk=report.issue_id)


@pytest.mark.parametrize(("days", "taken"), [(15, True), (16, False)])
def test_for_as_many_days_as_policy_says(cast: Cast, closed: Report, days: int, taken: bool) -> None:
    at = LATER + days * DAY
    assert reporters.may_reopen(closed, at) is taken
    if not taken:
        with pytest.raises(MoveRefused) as refused:
            reporters.reopen(closed, "又来了", at=at)
        assert refused.value.why == "time"


def test_without_words_or_before_the_end_nothing_is_reopened(cast: Cast, closed: Report) -> None:
    with pytest.raises(MoveRefused) as refused:
        reporters.reopen(closed, " ", at=LATER)
    assert refused.value.why == "words"
    with pytest.raises(MoveRefused) as refused:
        reporters.reopen(complain(cast.other_merchant), "x", at=LATER)
    assert refused.value.why == "state"


def test_a_report_joined_by_mistake_becomes_an_issue_of_its_own_again(cast: Cast) -> None:
    first, second = complain(cast.merchant), complain(cast.merchant, words="后巷有人倒污水")
    do(second.issue, Move.JOIN, cast.dispatcher, into=first.issue.number)
    row = do(first.issue, Move.SPLIT, cast.dispatcher, report=second.pk)
    second.refresh_from_db()
    first.issue.refresh_from_db()
    assert second.issue.number == row.data["split_into"] != first.issue.number
    assert (second.issue.state, second.issue.source) == ("received", "public")
    assert list(first.issue.reports.all()) == [first]
    # undone by joining once more
    do(second.issue, Move.JOIN, cast.dispatcher, into=first.issue.number)
    assert first.issue.reports.count() == 2


def test_the_last_report_stays(cast: Cast) -> None:
    report = complain(cast.merchant)
    with pytest.raises(MoveRefused) as refused:
        do(report.issue, Move.SPLIT, cast.dispatcher, report=report.pk)
    assert refused.value.why == "nothing"
