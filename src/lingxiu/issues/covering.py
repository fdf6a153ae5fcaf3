"""What is with somebody who is away, or has left their post, goes to their deputy or their unit. Never decides who that is."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from lingxiu.accounts.absences import deputies
from lingxiu.accounts.models import Absence, Post, Unit, User
from lingxiu.issues.actions import moving
from lingxiu.issues.holding import handles_at
from lingxiu.issues.lifecycle import MOVES, Move, MoveRefused
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought, SomebodyWasFaster

MOVABLE = [state.value for state in MOVES[Move.REASSIGN].come_from]


def cover_absent(at: datetime) -> int:
    """Hand over what lies with people who are away now, or hold no post any more where they had it. May run twice.

    Returns: how many issues changed hands.
    """
    held = Issue.objects.open().filter(state__in=MOVABLE, suspended_until=None, lead_person__isnull=False)
    away = Exists(Absence.objects.filter(Absence.at(at), user=OuterRef("lead_person")))
    works_there = Exists(
        Post.objects.filter(Post.held_at(at), user=OuterRef("lead_person"), unit=OuterRef("lead_unit"))
    )
    lying = held.filter(away | ~works_there) | held.filter(lead_person__is_active=False)
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


def hand_over_all(
    giver: User, taker: User, unit: Unit, *, actor: User, at: datetime, words: str
) -> list[tuple[str, str]]:
    """Everything that lies with one person of a unit goes to a colleague: somebody changes post.

    Returns: (number, why it was refused, or empty) of each, in the order of their due times.
    """
    lying = Issue.objects.visible_to(actor).open().filter(lead_person=giver, lead_unit=unit, state__in=MOVABLE)
    numbers = list(lying.order_by("step_due_at", "pk").values_list("number", flat=True))
    return [(number, _hand_over(number, taker, actor, at, words)) for number in numbers]


def _hand_over(number: str, taker: User, actor: User, at: datetime, words: str) -> str:
    try:
        moving.move(number, Move.REASSIGN, actor=actor, at=at, brought=Brought(person=taker, words=words))
    except MoveRefused as refused:
        return refused.why
    except SomebodyWasFaster:
        return "state"
    return ""
