"""When the holidays of a new year are published, what was provisional is reckoned again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

from lingxiu.issues.actions.clocks_again import recompute_deadlines
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.policy.actions import load
from lingxiu.policy.queries import forget
from tests.cast import Cast
from tests.issues.conftest import THE_28TH
from tests.issues.world import alarm, complain, do

NEW_YEAR = THE_28TH + timedelta(days=4)


def day(at: datetime) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d")


def test_at_the_end_of_2026_the_answer_to_a_reporter_is_provisional(cast: Cast) -> None:
    row = complain(cast.merchant, at=THE_28TH)
    assert (day(row.due_at), row.due_provisional) == ("2027-01-05", True)
    assert (day(row.issue.due_at), row.issue.due_provisional) == ("2026-12-31", False)


def test_loading_the_year_sets_issues_steps_and_answers_again(cast: Cast, notice: Path) -> None:
    row = complain(cast.merchant, at=THE_28TH)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.town_team, at=THE_28TH + timedelta(days=1))
    issue = Issue.objects.get(pk=row.issue_id)
    assert (day(issue.due_at), day(issue.step_due_at), issue.due_provisional) == ("2027-01-05", "2027-01-04", True)

    load(notice, at=NEW_YEAR)
    forget()
    assert recompute_deadlines(2027, at=NEW_YEAR) == 2

    issue.refresh_from_db()
    row.refresh_from_db()
    lead = issue.assignments.get(ended_at=None)
    assert (day(issue.due_at), day(issue.step_due_at), issue.due_provisional) == ("2027-01-06", "2027-01-05", False)
    assert (day(lead.due_at), lead.due_provisional) == ("2027-01-05", False)
    assert (day(row.due_at), row.due_provisional) == ("2027-01-06", False)
    assert Entry.objects.filter(kind="issue.due_again", subject_id=issue.number).count() == 1


def test_doing_it_twice_changes_nothing(cast: Cast, notice: Path) -> None:
    complain(cast.merchant, at=THE_28TH)
    load(notice, at=NEW_YEAR)
    forget()
    recompute_deadlines(2027, at=NEW_YEAR)
    assert recompute_deadlines(2027, at=NEW_YEAR) == 0


def test_ended_issues_and_answered_reports_are_left_alone(cast: Cast, notice: Path) -> None:
    row = complain(cast.merchant, at=THE_28TH)
    do(row.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现", at=THE_28TH)
    load(notice, at=NEW_YEAR)
    forget()
    assert recompute_deadlines(2027, at=NEW_YEAR) == 0


def test_an_issue_of_this_year_is_not_touched(cast: Cast, notice: Path) -> None:
    issue = alarm(cast.merchant)
    load(notice, at=NEW_YEAR)
    forget()
    assert recompute_deadlines(2027, at=NEW_YEAR) == 0
    assert Issue.objects.get(pk=issue.pk).due_at == issue.due_at


def test_a_step_is_shown_as_due_with_the_whole_at_the_latest(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.grid_member, words="不在店", at=issue.due_at - timedelta(minutes=30))
    issue.refresh_from_db()
    assert issue.step_due_at == issue.due_at
    assert issue.assignments.get(ended_at=None).due_at > issue.due_at, "the dispatcher's own clock is fair to them"
