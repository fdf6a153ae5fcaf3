"""Been there, put right: accepted, visited and fed back in one go. Each move is written, by the table, or none of them is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction

from lingxiu.accounts.models import User
from lingxiu.issues import queries
from lingxiu.issues.actions.moving import move
from lingxiu.issues.lifecycle import By, Level, Move, MoveRefused, State, moves_from
from lingxiu.issues.models import FlowChoice, Issue, MoveRow
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Brought


def may_put_right(issue: Issue, user: User) -> bool:
    """Whether it is this person's to do, quick, at the grid, and not visited yet in this round."""
    if issue.flow != FlowChoice.QUICK or issue.level != Level.GRID:
        return False
    situation = queries.situation(issue)
    own = relations(user.pk, user.authority, situation.held) & {By.ASSIGNEE}
    offered = moves_from(State(issue.state), Level(issue.level), own, situation.marks)
    if Move.ACCEPT in offered:
        return True
    visited = queries.this_round(issue).filter(move=Move.HANDLE)
    return {Move.HANDLE, Move.FEED_BACK} <= set(offered) and not visited.exists()


def put_right(
    number: str,
    *,
    actor: User,
    at: datetime,
    visit: Brought,
    outcome: Brought,
    seen: int | None = None,
    submission: UUID,
) -> MoveRow:
    """Accept it if nobody has, tell of the visit, feed back. Returns the feedback's row.

    Raises: MoveRefused of whichever move is refused, and none is made; SomebodyWasFaster, SubmissionReused.
    """
    with transaction.atomic():
        issue = Issue.objects.get(number=number)
        if issue.flow != FlowChoice.QUICK or issue.level != Level.GRID:
            raise MoveRefused(Move.FEED_BACK, State(issue.state), "person")
        if issue.state == State.DISPATCHED:
            took = move(number, Move.ACCEPT, actor=actor, at=at, seen=seen, submission=uuid5(submission, "accept"))
            seen = took.version
        went = move(
            number, Move.HANDLE, actor=actor, at=at, brought=visit, seen=seen, submission=uuid5(submission, "handle")
        )
        told = replace(outcome, merchant=None)  # the visit found out which shop it is
        return move(number, Move.FEED_BACK, actor=actor, at=at, brought=told, seen=went.version, submission=submission)
