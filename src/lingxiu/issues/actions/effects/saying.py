"""Moves that only say something: a note, a correction, a question to whoever reported it."""

from __future__ import annotations

from datetime import datetime

from lingxiu.accounts.models import User
from lingxiu.issues.actions.effects.shape import Data
from lingxiu.issues.lifecycle import State
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought


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
