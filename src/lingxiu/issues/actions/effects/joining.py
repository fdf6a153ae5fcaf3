"""Issues become one, and part again: joined, split, reopened. The reports go along, each with its own answer."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from lingxiu.accounts.models import User
from lingxiu.issues import deadlines, elsewhere, writing
from lingxiu.issues.actions.effects.shape import Data
from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.holding import dispatchers_unit
from lingxiu.issues.lifecycle import Level, Move, MoveRefused, Result, State
from lingxiu.issues.models import Issue, Report, Source
from lingxiu.issues.writing import Before, Brought
from lingxiu.policy.schema.terms import ReportSource


def join(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """The reports go over to the other issue, which owes them their answers now; this one ends."""
    other = Issue.objects.select_for_update().get(number=brought.into)
    if not other.is_open:
        raise MoveRefused(Move.JOIN, State(issue.state), "issue")
    moved = list(issue.reports.order_by("pk").values_list("pk", flat=True))
    Report.objects.filter(pk__in=moved).update(issue=other)
    before = Before.of(other)
    noted_at = writing.claim(other, at)  # the other's clock may be ahead of this one's
    writing.write(other, Move.NOTE, actor, noted_at, before=before, data={"joined": issue.number, "reports": moved})
    issue.joined_into, issue.result = other, Result.JOINED
    writing.end(issue, to, at)
    return {"into": other.number, "reports": moved}


def reopen(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Back to the dispatcher with new clocks; the reports that were joined to another issue come back from it."""
    same = Issue.objects.open().filter(merchant=issue.merchant_id, violation=issue.violation, source=Source.ALARM)
    if issue.source == Source.ALARM and same.exists():
        raise MoveRefused(Move.REOPEN, State(issue.state), "issue")
    data: Data = {}
    if issue.joined_into_id is not None:
        joined = issue.moves.filter(move=Move.JOIN).latest("version")
        _take_back(issue, joined.data["reports"], actor, at)
        data["from"] = joined.data["into"]
    issue.joined_into, issue.result, issue.found_true = None, "", None
    if issue.other_number and elsewhere.holder_of(issue.other_system, issue.other_number):
        issue.other_system, issue.other_number = "", ""  # another issue goes by it now
    issue.closed_at, issue.clock_from, issue.more_days, issue.extensions = None, at, 0, 0
    writing.hand_over(issue, to, dispatchers_unit(Level(issue.level), issue.town), at=at)
    _answer_anew(issue, at)
    return data


def _answer_anew(issue: Issue, at: datetime) -> None:
    """Whoever was answered once is answered again, by a day that lies ahead of them; none is moved nearer."""
    for row in issue.reports.exclude(answered_at=None):
        kind = row.due_by if writing.limits(issue).order_kind(row.due_by) else ""
        source = cast("ReportSource", row.source)
        due = deadlines.answer_due(writing.calendar(), writing.limits(issue), source, at, kind)
        if due.at > row.due_at:
            row.due_at, row.due_provisional, row.due_by = due.at, due.provisional, kind
            row.save(update_fields=["due_at", "due_provisional", "due_by"])


def _take_back(issue: Issue, joined: list[int], actor: User | None, at: datetime) -> None:
    """Those of these reports that are still with the other issue come back from it. Its record says so, and whoever is about
    to move it with them is told."""
    other = Issue.objects.select_for_update().get(pk=issue.joined_into_id or 0)
    back = list(other.reports.filter(pk__in=joined).order_by("pk").values_list("pk", flat=True))
    if not back:
        return
    before = Before.of(other)
    at = writing.claim(other, at)
    Report.objects.filter(pk__in=back).update(issue=issue)
    writing.write(other, Move.NOTE, actor, at, before=before, data={"into": issue.number, "reports": back})


def split(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """One report becomes an issue of its own, with its dispatcher; joining it again undoes this."""
    row = issue.reports.select_related("merchant").get(pk=brought.report or 0)
    found = Found(
        Source(row.source), issue.violation, issue.summary, row.seen_at, row.merchant, row.place,
        issue.grid or issue.town, row.lng, row.lat, data={"split_from": issue.number, "reports": [row.pk]},
    )  # fmt: skip
    new = report(found, at=at, held_back=True)
    Report.objects.filter(pk=row.pk).update(issue=new)
    return {"split_into": new.number, "reports": [row.pk]}
