"""What happens when time runs out: who is told, which level gains the issue, what goes on after its rest. Each thing once.

Which share of which clock counts is in `policy/escalation.yaml`. Never decides what a level may do with what it gained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from lingxiu.china.calendar import Hours
from lingxiu.issues import deadlines, writing
from lingxiu.issues.actions import moving
from lingxiu.issues.lifecycle import MOVES, Move, MoveRefused, State
from lingxiu.issues.models import Issue, Reminder
from lingxiu.journal.actions import record
from lingxiu.policy.models import Edition
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.deadlines import Escalation, OfficeHours

YEARS_BACK = 3
"""What has been open for longer is late by any reckoning."""
AT_ONCE = 500
"""So many are read at a time: after a long standstill there may be thousands."""


@dataclass(frozen=True, slots=True)
class Passed:
    """That a rule's share of a clock's time was over, at a time."""

    issue_id: int
    clock: str
    rule: str
    passed_at: datetime


def follow_up(at: datetime) -> int:
    """Follow every rule whose time has come, in the order in which the times came. May run twice, and after any standstill.

    Returns: how many were followed.
    """
    followed = 0
    while passed := _passed(at):
        followed += sum(_follow(one, at) for one in passed)
    return followed


def passed_of(issue_id: int, at: datetime) -> list[Passed]:
    """What is over of this issue's clocks, and nobody was told of."""
    return _passed(at, only=issue_id)


def _passed(at: datetime, only: int | None = None) -> list[Passed]:
    """What is outstanding, of all issues or of one alone."""
    rules, hours = _rules(at), deadlines.hours_of(in_force().catalogues.deadlines.office_hours)
    others = _other_hours(in_force().id)
    with connection.cursor() as cursor:
        cursor.execute(
            _sql(),
            {
                "ids": [rule.id for rule in rules],
                "clocks": [rule.clock for rule in rules],
                "shares": [rule.share for rule in rules],
                "levels": [",".join(rule.levels) for rule in rules],
                "states": [",".join(rule.states) for rule in rules],
                "now": at,
                "days": list(working_days(at.year)),
                "zone": settings.TIME_ZONE,
                "opens": hours.opens.total_seconds(),
                "closes": hours.closes.total_seconds(),
                "editions": [edition for edition, _hours in others],
                "their_opens": [hours.opens.total_seconds() for _edition, hours in others],
                "their_closes": [hours.closes.total_seconds() for _edition, hours in others],
                "most": AT_ONCE,
                "only": only,
            },
        )
        return [Passed(*row) for row in cursor.fetchall()]


def working_days(year: int) -> tuple[datetime, ...]:
    """When the working days began and begin that a clock still running in this year may have counted, or will."""
    return _working_days(year, in_force().id)


@lru_cache(maxsize=4)
def _working_days(year: int, edition: int) -> tuple[datetime, ...]:
    calendar = writing.calendar()
    first, last = date(year - YEARS_BACK, 1, 1), date(year + 1, 12, 31)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return tuple(datetime.combine(day, time(), calendar.zone) for day in days if calendar.is_working_day(day).working)


@lru_cache(maxsize=4)
def _other_hours(edition: int) -> list[tuple[int, Hours]]:
    """The editions under whose office hours clocks were set that were others than this edition's. Such a clock was reckoned in
    them, and its shares are: an office that opens later from today on makes nobody late of yesterday."""
    known = dict(Edition.objects.values_list("id", "body__deadlines__office_hours"))
    hours = {number: deadlines.hours_of(OfficeHours.model_validate(said or {})) for number, said in known.items()}
    return [(number, one) for number, one in sorted(hours.items()) if one != hours[edition]]


@cache
def _sql() -> str:
    return (Path(__file__).parent / "sql" / "clocks_passed.sql").read_text(encoding="utf-8")


def _rules(at: datetime) -> Sequence[Escalation]:
    day = timezone.localtime(at).date()
    return [rule for rule in in_force().catalogues.escalation if rule.holds(day)]


def _follow(passed: Passed, at: datetime) -> bool:
    """One rule for one clock: remembered, told, raised, in one transaction. Whoever comes second finds it done.

    It is looked for again once nobody else can move the issue: since it was found, somebody may have done what was late, or
    a rule before this one may have raised it, which gives it more time.
    """
    rule = next(rule for rule in _rules(at) if rule.id == passed.rule)
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=passed.issue_id)
        if passed not in _passed(at, only=issue.pk):
            return False
        reminder = Reminder.objects.create(
            clock=passed.clock, rule=rule.id, issue=issue, passed_at=passed.passed_at, at=at
        )
        late_unit, late_person = issue.lead_unit_id, issue.lead_person_id
        raised = rule.raise_level and _raise(issue, rule, at)
        record(
            "issue.warned", "issue", issue.number, at=at, scope=writing.scope_of(issue),
            reference={
                "rule": rule.id, "clock": passed.clock, "tell": list(rule.tell), "raised": raised,
                "unit": late_unit, "person": late_person, "reminder": reminder.pk,
            },
        )  # fmt: skip
    return True


def _raise(issue: Issue, rule: Escalation, at: datetime) -> bool:
    """The next level gains it, whoever held it or nobody in particular. Who was late keeps sight of it."""
    if State(issue.state) not in MOVES[Move.ESCALATE].come_from:
        return False
    try:
        moving.move_by_itself(issue, Move.ESCALATE, at=at, data={"rule": rule.id})
    except MoveRefused:  # there is no level above, or its place is not known: those who are told must see to it
        return False
    return True


def resume_rested(at: datetime) -> int:
    """Let issues go on whose rest is over. May run twice. Returns how many went on."""
    rested = Issue.objects.open().filter(suspended_until__lt=at).order_by("suspended_until", "pk")
    return sum(_resume(pk, at) for pk in list(rested.values_list("pk", flat=True)))


def _resume(pk: int, at: datetime) -> bool:
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=pk)
        if issue.suspended_until is None or issue.suspended_until >= at:
            return False
        moving.move_by_itself(issue, Move.RESUME, at=at)
    return True
