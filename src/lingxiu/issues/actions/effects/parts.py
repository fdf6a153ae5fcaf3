"""The joint flow: units that work along, what they did or object to, and what the county settles (复杂多跨)."""

from __future__ import annotations

from datetime import datetime

from lingxiu.accounts.models import User
from lingxiu.issues import queries, writing
from lingxiu.issues.actions.effects.shape import Data, Effect
from lingxiu.issues.holding import units_to_give
from lingxiu.issues.lifecycle import Level, Move, MoveRefused, Needs, State
from lingxiu.issues.models import Assignment, FlowChoice, Issue
from lingxiu.issues.relations import parts_of
from lingxiu.issues.writing import Brought


def involve(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Departments, or the town's team, work along. Who leads, or has an open part, is not asked twice. Raises MoveRefused."""
    taken = _taking_part(issue)
    allowed = set(units_to_give(Level.COUNTY, issue.town).values_list("pk", flat=True))
    units = [unit for unit in brought.units if unit.pk in allowed - taken]
    if not units:
        raise MoveRefused(Move.INVOLVE, State(issue.state), Needs.DEPARTMENTS.value)
    for unit in units:
        writing.give_part(issue, unit, at)
    issue.flow = FlowChoice.JOINT
    return {"units": [unit.pk for unit in units]}


def _taking_part(issue: Issue) -> set[int | None]:
    """Units that lead, or have an open part, already."""
    return {issue.lead_unit_id, *writing.open_parts(issue).values_list("unit_id", flat=True)}


def end_parts(outcome: Assignment.Outcome) -> Effect:
    def effect(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
        assert actor is not None  # no part ends by itself
        own = parts_of(actor.pk, actor.authority, queries.situation(issue).held)
        writing.open_parts(issue).filter(unit_id__in=own).update(
            state=Assignment.State.DONE, ended_at=at, outcome=outcome, words=brought.words.strip(), person=actor
        )
        return {"units": sorted(own), "outcome": outcome.value}

    return effect


def settle(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """The county has read both sides: whoever objected does its part all the same, with a new due time, or is released."""
    rows = list(writing.objections(issue).select_related("unit"))
    outcome = Assignment.Outcome.UPHELD if brought.upheld else Assignment.Outcome.RELEASED
    writing.objections(issue).update(outcome=outcome)
    units = {row.unit_id: row.unit for row in rows}
    if brought.upheld:
        taken = _taking_part(issue)
        for unit in (unit for pk, unit in units.items() if pk not in taken):
            writing.give_part(issue, unit, at)
    return {"units": list(units), "outcome": outcome.value}


def release(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    parts = writing.open_parts(issue).filter(unit__in=brought.units)
    units = list(parts.values_list("unit_id", flat=True))
    if not units:
        raise MoveRefused(Move.RELEASE, State(issue.state), Needs.DEPARTMENTS.value)
    parts.update(
        state=Assignment.State.GIVEN_UP, ended_at=at, outcome=Assignment.Outcome.RELEASED, words=brought.words.strip()
    )
    return {"units": units}
