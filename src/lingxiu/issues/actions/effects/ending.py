"""The end of an issue, and what those who reported it are told."""

from __future__ import annotations

from datetime import datetime

from lingxiu.accounts.models import User
from lingxiu.issues import cases, writing
from lingxiu.issues.actions.effects.shape import Data
from lingxiu.issues.lifecycle import Result, State
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought
from lingxiu.journal.actions import record


def close(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    writing.end(issue, to, at)
    return answer(issue, brought, at)


def answer(issue: Issue, brought: Brought, at: datetime) -> Data:
    """Tell everybody who reported it. The move keeps what was said, also when a later answer takes its place. Who was answered
    while it was open was answered then: what they are told now comes on top."""
    said: dict[str, str] = {}
    for row in issue.reports.order_by("pk"):
        row.answer = brought.answers.get(row.pk, "").strip() or brought.answer.strip()
        row.answered_at = row.answered_at if row.answered_at and row.answered_at > issue.clock_from else at
        row.save(update_fields=["answer", "answered_at"])
        said[str(row.pk)] = row.answer
        record("report.answered", "report", row.pk, at=at, scope=writing.scope_of_report(issue))
    return {"answers": said} if said else {}


def file_case(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """It goes on as a case of enforcement; here it ends, found true."""
    issue.case_number = brought.case_number.strip()
    issue.result, issue.found_true = Result.CASE_FILED, True
    writing.end(issue, to, at)
    filed = cases.filing(issue, actor, brought, at)
    return {**answer(issue, brought, at), "case": issue.case_number, "filing": filed, "found_true": True}
