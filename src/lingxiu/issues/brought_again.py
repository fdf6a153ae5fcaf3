"""An order that is brought once more and says otherwise: its own due time is set anew, its new words stand beside the old.

The issue's record says so, and whoever has it is told. An order that was answered stays as it was answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from lingxiu.accounts.models import User
from lingxiu.issues import overdue, writing
from lingxiu.issues.actions.reports import CENTRE
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Addition, Issue, Reminder, Report
from lingxiu.issues.writing import Before
from lingxiu.journal.actions import record

DUE_EARLIER, DUE_LATER, SAID_AGAIN = "report.due_earlier", "report.due_later", "report.said_again"


@dataclass(frozen=True, slots=True)
class Again:
    """What an order says now. `due_at` None: no due time came with it, which changes nothing."""

    words: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of it. `due`: the time before and the time now. `answered`: it was answered, so nothing was changed."""

    due: tuple[datetime, datetime] | None = None
    words: bool = False
    answered: bool = False

    @property
    def is_earlier(self) -> bool:
        return self.due is not None and self.due[1] < self.due[0]


NOTHING_CHANGED = Changed()


def last_words(report: Report) -> str:
    """What the order said when it was brought last."""
    again = report.additions.filter(brought=True).order_by("-at", "-pk").values_list("words", flat=True).first()
    return report.words if again is None else again


def bring_again(report: Report, said: Again, *, at: datetime, by: User | None) -> Changed:
    """Take over what an order says otherwise than before. The same once more changes nothing."""
    while True:
        try:
            return _bring(report, said, at, by)
        except Report.DoesNotExist:  # it went to another issue before its own was locked
            report.refresh_from_db(fields=["issue"])


def _bring(report: Report, said: Again, at: datetime, by: User | None) -> Changed:
    """Raises: Report.DoesNotExist for one that is no longer with the issue it was read with."""
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=report.issue_id)
        row = Report.objects.select_for_update().get(pk=report.pk, issue=issue)
        due = (row.due_at, said.due_at) if said.due_at is not None and said.due_at != row.due_at else None
        words = said.words != last_words(row)
        if due is None and not words:
            return NOTHING_CHANGED
        if _is_answered(row, issue):
            return Changed(due, words, answered=True)
        changed = Changed(due, words)
        _write(issue, row, said, changed, at, by)
    return changed


def _is_answered(row: Report, issue: Issue) -> bool:
    """Whether it has the answer of this round."""
    return not issue.is_open or (row.answered_at is not None and row.answered_at > issue.clock_from)


def _write(issue: Issue, row: Report, said: Again, changed: Changed, at: datetime, by: User | None) -> None:
    before = Before.of(issue)
    at = writing.claim(issue, at)
    kinds = []
    if changed.words:
        Addition.objects.create(report=row, words=said.words, at=at, brought=True)
        kinds.append(SAID_AGAIN)
    if changed.due is not None:
        _set_due(issue, row, changed.due[1], at)
        kinds.append(DUE_EARLIER if changed.is_earlier else DUE_LATER)
    # The words stay with the report: the issue's record is read by the grid as well.
    data = {"again": row.own_number, "words": changed.words, "due": [one.isoformat() for one in changed.due or ()]}
    writing.write(issue, Move.NOTE, by, at, before=before, data=data)
    for kind in kinds:
        actor = by.pk if by else None
        record(kind, "report", row.pk, at=at, actor_id=actor, scope=writing.scope_of_report(issue))


def _set_due(issue: Issue, row: Report, due_at: datetime, at: datetime) -> None:
    """The order's own clock. What was warned of by the old time, and has not passed by the new one, is warned of again."""
    row.due_at, row.due_provisional, row.due_by = due_at, False, CENTRE
    row.save(update_fields=["due_at", "due_provisional", "due_by"])
    clock = f"answer:{row.pk}"
    warned = dict(Reminder.objects.filter(clock=clock).values_list("rule", "pk"))
    Reminder.objects.filter(clock=clock).update(clock=f"{clock}:{issue.version}")
    passed = {one.rule for one in overdue.passed_of(issue.pk, at) if one.clock == clock}
    Reminder.objects.filter(pk__in=[warned[rule] for rule in passed & set(warned)]).update(clock=clock)


def told_lines(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of what an order changed, from what its note keeps."""
    if "again" not in data:
        return []
    lines = [(_("The 12345 order"), str(data["again"]))]
    if data["due"]:
        lines.append((_("To be answered by"), " → ".join(_local(one) for one in data["due"])))
    if data["words"]:
        lines.append((_("What it says"), _("changed: it stands with the report")))
    return lines


def _local(moment: str) -> str:
    at = parse_datetime(moment)
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else moment
