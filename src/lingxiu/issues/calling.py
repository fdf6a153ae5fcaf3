"""Who may call the shop an issue is about: whoever holds it while it is open, a part of it, or dispatches it.

Never shows the number in a page: it is opened one at a time, and that somebody looked stays on record.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import By, Level
from lingxiu.issues.models import Assignment, Issue
from lingxiu.issues.relations import Held, relations
from lingxiu.merchants.actions import see_personal_data

CALL = "issues.call_shop"
CALLERS = frozenset({By.ASSIGNEE, By.COOPERATOR, By.DISPATCHER})


class NotYoursToCall(Exception):
    """The issue is over, has no shop whose number is known, or is in others' hands."""


def callable_by(user: User, issues: Iterable[Issue]) -> set[int]:
    """Ids of those issues whose shop this person may call; one query for all of them."""
    if not user.authority.may(CALL):
        return set()
    asked = [issue for issue in issues if issue.is_open and issue.merchant is not None and issue.merchant.phone]
    parts: dict[int, dict[int, int | None]] = {}
    on_duty: set[int] = set()
    held = Assignment.objects.filter(
        Q(part=Assignment.Part.COOPERATING) | Q(on_duty=True), ended_at=None, issue__in=asked
    )
    for pk, unit, person, part in held.values_list("issue_id", "unit_id", "person_id", "part"):
        if part == Assignment.Part.LEAD:
            on_duty.add(pk)
        else:
            parts.setdefault(pk, {})[unit] = person
    return {
        issue.pk
        for issue in asked
        if CALLERS & relations(user.pk, user.authority, _held(issue, parts.get(issue.pk), issue.pk in on_duty))
    }


def reveal_number(issue: Issue, user: User, *, at: datetime) -> str:
    """The number of the issue's shop; that this person asked for it is written down. Raises NotYoursToCall."""
    if issue.merchant is None or issue.pk not in callable_by(user, [issue]):
        raise NotYoursToCall
    see_personal_data(issue.merchant, at=at, by=user.pk, issue=issue.number)
    return issue.merchant.phone


def _held(issue: Issue, parts: dict[int, int | None] | None, on_duty: bool) -> Held:
    return Held(
        Level(issue.level), issue.town, issue.lead_unit_id, issue.lead_person_id, None, parts=parts or {},
        merchant_id=issue.merchant_id, on_duty=on_duty,
    )  # fmt: skip
