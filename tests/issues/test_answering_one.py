"""One of those who reported something is answered while work goes on; the others wait for the end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from lingxiu.issues.brought_again import Again, bring_again
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.models import Issue, Report
from lingxiu.issues.overdue import follow_up
from lingxiu.issues.writing import SomebodyWasFaster
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast
from tests.issues.world import LATER, complain, do, to_recheck

DAY = timedelta(days=1)


@pytest.fixture
def reports(cast: Cast) -> tuple[Report, Report]:
    """Two that were joined."""
    first, second = complain(cast.merchant), complain(cast.merchant, words="油烟飘进卧室")
    do(second.issue, Move.JOIN, cast.dispatcher, into=first.issue.number)
    second.refresh_from_db()
    return first, second


def test_only_the_one_is_answered_and_their_due_time_is_met(cast: Cast, reports: tuple[Report, Report]) -> None:
    first, second = reports
    row = do(first.issue, Move.ANSWER, cast.dispatcher, report=first.pk, answer="已派人去看，店里正在清洗")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.answer, first.answered_at) == ("已派人去看，店里正在清洗", LATER)
    assert (second.answer, second.answered_at) == ("", None)
    assert row.data["answers"] == {str(first.pk): "已派人去看，店里正在清洗"}
    assert Issue.objects.get(pk=first.issue_id).state == "received"
    assert Entry.objects.filter(kind="report.answered", subject_id=str(first.pk)).count() == 1
    follow_up(NOON + 14 * DAY)
    clocks = set(first.issue.reminders.filter(rule__startswith="E-ANSWER").values_list("clock", flat=True))
    assert clocks == {f"answer:{second.pk}"}


def test_nobody_is_answered_by_who_has_not_read_what_they_said(cast: Cast) -> None:
    """A report that was joined while the answer was written: it would have been answered with the others', unread."""
    first = complain(cast.merchant)
    do(first.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    issue = to_recheck(cast, first.issue)
    do(issue, Move.NOTE, cast.county_officer, words="请抓紧")
    second = complain(cast.merchant, words="夜里噪声也大")
    do(second.issue, Move.JOIN, cast.dispatcher, into=issue.number)
    with pytest.raises(SomebodyWasFaster) as told:
        do(issue, Move.CLOSE, cast.dispatcher, answer="已清洗", seen=issue.version)
    assert told.value.last is not None
    assert told.value.last.data["reports"] == [second.pk]
    issue.refresh_from_db()
    do(issue, Move.CLOSE, cast.dispatcher, answer="已清洗，夜间也已提醒", seen=issue.version)
    second.refresh_from_db()
    assert second.answer == "已清洗，夜间也已提醒"


def test_an_interim_word_lets_the_due_time_run(cast: Cast, reports: tuple[Report, Report]) -> None:
    first, _second = reports
    do(first.issue, Move.ANSWER, cast.dispatcher, report=first.pk, answer="正在处理", interim=True)
    first.refresh_from_db()
    assert (first.answer, first.answered_at) == ("", None)
    assert Entry.objects.filter(kind="report.told", subject_id=str(first.pk)).count() == 1
    page = Client().get(f"/r/{first.token}", headers={"accept-language": "en"}).content.decode()
    assert "正在处理" in page
    assert "What we can say so far" in page


def test_at_the_end_all_are_answered_and_who_was_answered_before_was_so_in_time(
    cast: Cast, reports: tuple[Report, Report]
) -> None:
    first, second = reports
    do(first.issue, Move.ANSWER, cast.dispatcher, report=first.pk, answer="店里正在清洗")
    do(first.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    issue = to_recheck(cast, first.issue)
    do(issue, Move.CLOSE, cast.dispatcher, answer="已经清洗", at=LATER + 20 * DAY)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.answer, first.answered_at) == ("已经清洗", LATER)
    assert (second.answer, second.answered_at) == ("已经清洗", LATER + 20 * DAY)


@pytest.mark.parametrize(("brought", "why"), [({"answer": ""}, "answer"), ({"report": 0}, "report")])
def test_it_takes_a_report_and_words(
    cast: Cast, reports: tuple[Report, Report], brought: dict[str, object], why: str
) -> None:
    with pytest.raises(MoveRefused) as refused:
        do(reports[0].issue, Move.ANSWER, cast.dispatcher, **{"report": reports[0].pk, "answer": "好", **brought})
    assert refused.value.why == why


def test_the_page_says_that_it_goes_out_and_a_sent_form_answers(cast: Cast, client: Client) -> None:
    report = complain(cast.merchant)
    client.force_login(cast.dispatcher)
    page = client.get(f"/issues/{report.issue.number}/").content.decode()
    assert 'value="answer"' in page
    said = {"move": "answer", "seen": report.issue.version, "report": report.pk, "answer": "已安排人员"}
    assert client.post(f"/issues/{report.issue.number}/moves/", said).status_code == 302
    report.refresh_from_db()
    assert report.answer == "已安排人员"


def test_an_order_that_is_brought_again_is_found_where_it_was_joined_meanwhile(cast: Cast) -> None:
    report = complain(cast.merchant, source="12345", own_number="JX202603050001")
    other = complain(cast.merchant, words="也是油烟").issue
    stale = Report.objects.get(pk=report.pk)
    do(report.issue, Move.JOIN, cast.dispatcher, into=other.number)
    changed = bring_again(stale, Again("晚上十点以后油烟更大"), at=LATER, by=None)
    assert (changed.words, changed.answered) == (True, False)
    assert other.moves.latest("version").data["again"] == "JX202603050001"
