"""What is with somebody who is away, or has left their post, goes to their deputy or their unit; on days off, to who is on duty,
and back. Never decides who that is."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from lingxiu.accounts.absences import deputies
from lingxiu.accounts.models import Absence, Post, Unit, User
from lingxiu.issues import writing
from lingxiu.issues.actions import moving, opening
from lingxiu.issues.holding import handles_at, is_on_duty, on_duty, units_on_duty
from lingxiu.issues.lifecycle import MOVES, Move, MoveRefused, State
from lingxiu.issues.models import Assignment, Issue
from lingxiu.issues.writing import Brought, SomebodyWasFaster

MOVABLE = [state.value for state in MOVES[Move.REASSIGN].come_from]


def cover_absent(at: datetime) -> int:
    """Hand over what lies with people who are away now, or hold no post any more where they had it. May run twice. What rests
    waits for who is away, and not for who has left.

    Returns: how many issues changed hands.
    """
    held = Issue.objects.open().filter(state__in=MOVABLE, lead_person__isnull=False)
    away = Q(Exists(Absence.objects.filter(Absence.at(at), user=OuterRef("lead_person"))), suspended_until=None)
    works_there = Exists(
        Post.objects.filter(Post.held_at(at), user=OuterRef("lead_person"), unit=OuterRef("lead_unit"))
    )
    by_roster = Exists(Assignment.objects.filter(issue=OuterRef("pk"), on_duty=True, ended_at=None))
    lying = (held.filter(away | ~works_there) | held.filter(lead_person__is_active=False)).exclude(by_roster)
    return sum(_cover(pk, at) for pk in list(lying.order_by("step_due_at", "pk").values_list("pk", flat=True)))


def _cover(pk: int, at: datetime) -> bool:
    with transaction.atomic():
        issue = Issue.objects.select_for_update(of=("self",)).select_related("lead_unit", "lead_person").get(pk=pk)
        if issue.state not in MOVABLE or issue.lead_person is None or issue.lead_unit is None:
            return False
        away = deputies([issue.lead_person_id], at)
        deputy = User.objects.filter(pk=away.get(issue.lead_person.pk) or 0, is_active=True).first()
        fit = deputy if deputy and handles_at(deputy, issue.lead_unit) else None
        moving.move_by_itself(issue, Move.REASSIGN, at=at, brought=Brought(person=fit))
    return True


def change_shifts(at: datetime) -> int:
    """What is with who is on duty goes to whoever is on duty after them, and when work begins to whose it is. What came while
    everybody was at rest, and nobody was on duty, is taken up by the next who is. May run twice.

    Returns: how many issues changed hands.
    """
    since = writing.at_rest_since(at)
    by_roster = Exists(Assignment.objects.filter(issue=OuterRef("pk"), on_duty=True, ended_at=None))
    lying = Issue.objects.open().filter(by_roster)
    if since is not None:
        came = Exists(Assignment.objects.filter(issue=OuterRef("pk"), part="lead", ended_at=None, given_at__gte=since))
        alone = Issue.objects.open().filter(came, state__in=MOVABLE, lead_person=None, suspended_until=None)
        lying = lying.filter(state__in=MOVABLE, suspended_until=None) | alone.filter(lead_unit__in=units_on_duty(at))
    return sum(_change_shift(pk, at) for pk in list(lying.order_by("pk").values_list("pk", flat=True)))


def _change_shift(pk: int, at: datetime) -> bool:
    with transaction.atomic():
        issue = Issue.objects.select_for_update(of=("self",)).select_related("lead_unit", "lead_person").get(pk=pk)
        lead = issue.assignments.filter(part="lead", ended_at=None).select_related("deputy_for").first()
        if lead is None or issue.lead_unit is None or issue.suspended_until is not None:
            return False
        if writing.at_rest_since(at) is None:
            return lead.on_duty and _give_back(issue, lead, at)
        return issue.state in MOVABLE and _next_on_duty(issue, issue.lead_unit, at)


def _give_back(issue: Issue, lead: Assignment, at: datetime) -> bool:
    """Work begins: to the person it was for, if one was named, else to their unit."""
    if issue.state in MOVABLE:
        owner = lead.deputy_for if lead.deputy_for and lead.deputy_for.is_active else None
        moving.move_by_itself(issue, Move.REASSIGN, at=at, brought=Brought(person=owner))
    elif issue.state == State.RECEIVED:
        opening.send_on_after_rest(issue, at)
    else:
        writing.mark_on_duty(lead, False)
    return True


def _next_on_duty(issue: Issue, unit: Unit, at: datetime) -> bool:
    """Whoever has it keeps it while they are on duty, and after that until somebody else is."""
    person = on_duty(unit, at)
    if person is None or not writing.is_for_duty(issue, at) or person == issue.lead_person:
        return False
    if issue.lead_person is not None and is_on_duty(issue.lead_person, unit, at):
        return False
    moving.move_by_itself(issue, Move.REASSIGN, at=at, brought=Brought(person=person, on_duty=True))
    return True


def pass_on(number: str, taker: User, actor: User, at: datetime, words: str) -> str:
    """One issue to a colleague. Returns why it was refused, or empty."""
    try:
        moving.move(number, Move.REASSIGN, actor=actor, at=at, brought=Brought(person=taker, words=words))
    except MoveRefused as refused:
        return refused.why
    except SomebodyWasFaster:
        return "state"
    return ""
