"""Clocks set again when a year's holidays are published."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.utils import timezone

from lingxiu.issues import deadlines, writing
from lingxiu.issues.actions.reports import CENTRE
from lingxiu.issues.lifecycle import Level, State
from lingxiu.issues.models import Assignment, Issue, Report
from lingxiu.issues.writing import Before
from lingxiu.journal.actions import record
from lingxiu.policy.schema.terms import ReportSource

LAST_DAYS = timedelta(days=7)


def recompute_deadlines(year: int, *, at: datetime) -> int:
    """Set the open clocks again that reach into `year`, whose holidays are published now. May run twice.

    A year's notice may also move the last days of the year before, so clocks that end there are looked at as well.
    Returns: how many issues and reports are due at another time, or for certain, than before.
    """
    begins = datetime(year, 1, 1, tzinfo=timezone.get_current_timezone()) - LAST_DAYS
    issues = Issue.objects.open().filter(due_at__gte=begins)
    reports = Report.objects.filter(due_at__gte=begins, answered_at=None)
    changed = sum(_set_again(pk, at) for pk in list(issues.order_by("pk").values_list("pk", flat=True)))
    return changed + sum(_set_answer_again(row) for row in reports.select_related("issue").order_by("pk"))


def _set_again(pk: int, at: datetime) -> bool:
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=pk)
        lead = issue.assignments.filter(part=Assignment.Part.LEAD, ended_at=None).first()
        if lead is None:
            return False
        before = Before.of(issue)
        calendar = writing.calendar()
        limits, state = writing.limits(issue), State(lead.step)
        plain = not lead.in_working_hours
        step = deadlines.step_due(calendar, limits, state, Level(issue.level), lead.given_at, plain=plain)
        step = deadlines.longer(calendar, step, lead.more_days)
        writing.show_clocks(issue, writing.whole_due(issue), step)
        if Before.of(issue) == before:
            return False
        lead.due_at, lead.due_provisional = step.at, step.provisional
        lead.save(update_fields=["due_at", "due_provisional"])
        writing.keep(issue, before)
        record("issue.due_again", "issue", issue.number, at=at, scope=writing.scope_of(issue))
    return True


def _set_answer_again(row: Report) -> bool:
    if row.due_by == CENTRE:
        return False
    limits, source = writing.limits(row.issue), cast("ReportSource", row.source)
    due = deadlines.answer_due(writing.calendar(), limits, source, row.reported_at, row.due_by)
    if (due.at, due.provisional) == (row.due_at, row.due_provisional):
        return False
    return bool(Report.objects.filter(pk=row.pk).update(due_at=due.at, due_provisional=due.provisional))
