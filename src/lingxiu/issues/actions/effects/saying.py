"""Moves that only say something: a note, a correction, a question to whoever reported it."""

from __future__ import annotations

from datetime import datetime

from lingxiu.accounts.models import User
from lingxiu.issues import writing
from lingxiu.issues.actions.effects.shape import Data
from lingxiu.issues.lifecycle import State
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought
from lingxiu.journal.actions import record


def nothing(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    return {}


def note(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    mentioned: Data = {"mentioned": [person.pk for person in brought.mentioned]} if brought.mentioned else {}
    return {**mentioned, "act": "inspection"} if brought.inspection else mentioned


def ask(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Ask whoever reported it for more: one of them, or all."""
    asked = issue.reports.filter(pk=brought.report) if brought.report else issue.reports.all()
    pks = list(asked.order_by("pk").values_list("pk", flat=True))
    asked.update(asked=brought.words.strip(), asked_at=at)
    return {"reports": pks}


def answer_one(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Tell one of those who reported it while work goes on. Unless it is said to be interim, their own due time is met by it."""
    row, said = issue.reports.get(pk=brought.report or 0), brought.answer.strip()
    if not brought.interim:
        row.answer, row.answered_at = said, at
        row.save(update_fields=["answer", "answered_at"])
    kind = "report.told" if brought.interim else "report.answered"
    record(kind, "report", row.pk, at=at, scope=writing.scope_of_report(issue))
    return {"reports": [row.pk], "answers": {str(row.pk): said}, "interim": brought.interim}
