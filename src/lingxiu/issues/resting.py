"""Whose clock stands still: an issue that rests for a reason which stops it is neither late nor due, whatever its dates say.

The dates move on when it goes on (`actions/effects/clocks.py`); until then nobody can do what they ask. Never lets one rest.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from lingxiu.issues.models import Issue
from lingxiu.policy.queries import in_force


def stopping() -> list[str]:
    """The reasons to rest that stop the clocks, of the edition in force."""
    return [row.id for row in in_force().catalogues.deadlines.suspending if row.pauses]


def running() -> Q:
    """The issues whose clocks run."""
    return ~Q(suspended_for__in=stopping())


def stands(issue: Issue) -> bool:
    """Whether this issue's clocks stand still."""
    return issue.suspended_until is not None and issue.suspended_for in stopping()


def is_late(issue: Issue, now: datetime) -> bool:
    """Whether its present step is over, and could have been done."""
    return issue.is_open and issue.step_due_at < now and not stands(issue)
