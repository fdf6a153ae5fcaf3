"""Time: an issue rests and goes on, is given longer, or stands under a leader's eye with a date of its own (督办)."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.china.calendar import END_OF_DAY
from lingxiu.issues import deadlines, writing
from lingxiu.issues.actions.effects.shape import Data
from lingxiu.issues.lifecycle import Move, MoveRefused, Needs, State
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought


def suspend(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """It rests until the end of a day. Raises MoveRefused for a date that has passed or lies further than policy lets it."""
    assert brought.until is not None  # Needs.UNTIL
    state = State(issue.state)
    try:
        reason = writing.limits(issue).suspend_reason(brought.reason)
    except KeyError as error:
        raise MoveRefused(Move.SUSPEND, state, Needs.UNTIL.value) from error
    rests = (brought.until - timezone.localtime(at).date()).days
    if rests < 1:
        raise MoveRefused(Move.SUSPEND, state, Needs.UNTIL.value)
    if rests > reason.longest_days:
        raise MoveRefused(Move.SUSPEND, state, "long")
    issue.suspended_at, issue.suspended_for = at, reason.id
    issue.suspended_until = datetime.combine(brought.until, END_OF_DAY, timezone.get_current_timezone())
    return {"until": brought.until.isoformat(), "reason": reason.id, "suspended": True}


def resume(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Work goes on. Where the reason stopped the clocks, the working days that passed are added to them."""
    assert issue.suspended_at is not None  # Mark.SUSPENDED
    reason = writing.limits(issue).suspend_reason(issue.suspended_for)
    days = deadlines.working_days_between(writing.calendar(), issue.suspended_at, at) if reason.pauses else 0
    issue.suspended_at, issue.suspended_until, issue.suspended_for = None, None, ""
    writing.lengthen(issue, days)
    writing.lengthen_parts(issue, days)
    return {"days": days, "suspended": False}


def ask_for_time(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    assert brought.days is not None  # Needs.DAYS
    if brought.days > writing.limits(issue).extending.working_days:
        raise MoveRefused(Move.EXTEND, State(issue.state), "long")
    issue.extension_asked_days = brought.days
    return {"days": brought.days}


def grant(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """As many days as were asked for, or fewer."""
    asked = issue.extension_asked_days or 0
    days = min(asked, brought.days or asked)
    issue.extension_asked_days, issue.extensions = None, issue.extensions + 1
    writing.lengthen(issue, days)
    return {"days": days}


def refuse_time(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    issue.extension_asked_days = None
    return {}


def supervise(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    due = deadlines.due(writing.calendar(), at, writing.limits(issue).supervise)
    issue.supervised_at, issue.supervised_due_at, issue.supervised_by = at, due.at, actor
    return {"due": due.at.isoformat()}


def report_up(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    asked_by = issue.supervised_by_id
    issue.supervised_at, issue.supervised_due_at, issue.supervised_by = None, None, None
    return {"asked_by": asked_by}
