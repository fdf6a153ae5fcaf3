"""The joint flow: units that work along, by when, what they did or object to, what the lead says to that, and what the county
settles (复杂多跨)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from lingxiu.accounts.models import Unit, User
from lingxiu.china.calendar import Due
from lingxiu.issues import cooperating, deadlines, queries, writing
from lingxiu.issues.actions.effects.shape import Data
from lingxiu.issues.holding import units_to_give
from lingxiu.issues.lifecycle import WITH_SOMEBODY, Level, Move, MoveRefused, Needs, State
from lingxiu.issues.models import Assignment, FlowChoice, Issue
from lingxiu.issues.relations import parts_of
from lingxiu.issues.writing import Brought

Outcome = Assignment.Outcome


def involve(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Departments, or the town's team, work along. Who leads, or has an open part, is not asked twice. Raises MoveRefused."""
    taken = _taking_part(issue)
    allowed = set(units_to_give(Level.COUNTY, issue.town).values_list("pk", flat=True))
    units = [unit for unit in brought.units if unit.pk in allowed - taken]
    if not units:
        raise MoveRefused(Move.INVOLVE, State(issue.state), Needs.DEPARTMENTS.value)
    given = _give(Move.INVOLVE, issue, units, at, brought.part_due)
    issue.flow = FlowChoice.JOINT
    return given


def _taking_part(issue: Issue) -> set[int | None]:
    """Units that lead, or have an open part, already."""
    return {issue.lead_unit_id, *writing.open_parts(issue).values_list("unit_id", flat=True)}


def _give(what: Move, issue: Issue, units: Iterable[Unit], at: datetime, day: date | None) -> Data:
    """A part each, all due at the same time. Returns what the move keeps of it. Raises MoveRefused."""
    units, due = list(units), _due(what, issue, at, day)
    for unit in units:
        writing.give_part(issue, unit, due, at)
    return {"units": [unit.pk for unit in units], "due": due.at.isoformat()}


def _due(what: Move, issue: Issue, at: datetime, day: date | None) -> Due:
    """Raises MoveRefused for a day on which no part can be due."""
    try:
        return writing.part_due(issue, at, day)
    except cooperating.DayRefused as refused:
        why = "whole" if refused.why == "whole" else Needs.PART_DUE.value
        raise MoveRefused(what, State(issue.state), why) from refused


def set_due(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Open parts are due on another day; their clocks begin anew, so that reminders come for the new day."""
    due = _due(Move.SET_DUE, issue, at, brought.part_due)
    parts = list(writing.open_parts(issue).filter(unit__in=brought.units))
    if not parts:
        raise MoveRefused(Move.SET_DUE, State(issue.state), Needs.DEPARTMENTS.value)
    for part in parts:
        writing.set_part_due(part, due, at)
    return {"units": [part.unit_id for part in parts], "due": due.at.isoformat()}


def contribute(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    return _end_own(issue, actor, brought, at, Outcome.CONTRIBUTED)


def object_to(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """The part ends; the lead is asked for a reply, and the county to settle it."""
    reply = deadlines.due(writing.calendar(), at, writing.limits(issue).reply)
    return _end_own(issue, actor, brought, at, Outcome.OBJECTED, reply.at)


def _end_own(
    issue: Issue, actor: User | None, brought: Brought, at: datetime, outcome: Outcome, reply: datetime | None = None
) -> Data:
    assert actor is not None  # no part ends by itself
    own = parts_of(actor.pk, actor.authority, queries.situation(issue).held)
    writing.open_parts(issue).filter(unit_id__in=own).update(
        state=Assignment.State.DONE, ended_at=at, outcome=outcome, words=brought.words.strip(), person=actor,
        answer_due_at=reply,
    )  # fmt: skip
    return {"units": sorted(own), "outcome": outcome.value}


def hand_back(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """What a unit did is not enough: its part is open again, with a new clock. Raises MoveRefused."""
    most = writing.limits(issue).sent_back_times
    done = cooperating.to_hand_back(writing.parts(issue), issue.lead_unit_id, issue.clock_from, most)
    chosen = [part for part in done if part.unit in brought.units]
    if not chosen:
        raise MoveRefused(Move.HAND_BACK, State(issue.state), Needs.DEPARTMENTS.value)
    _answer(chosen, actor, brought, at, Outcome.SENT_BACK)
    return {
        **_give(Move.HAND_BACK, issue, [part.unit for part in chosen], at, None),
        "outcome": Outcome.SENT_BACK.value,
    }


def reply(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """What the lead says to an objection, or to all that wait for it. The county reads both. Raises MoveRefused."""
    waiting = cooperating.to_reply(writing.parts(issue), issue.lead_unit_id)
    chosen = [part for part in waiting if not brought.units or part.unit in brought.units]
    if not chosen:
        raise MoveRefused(Move.REPLY, State(issue.state), Needs.DEPARTMENTS.value)
    _answer(chosen, actor, brought, at, Outcome.OBJECTED)
    return {"units": [part.unit_id for part in chosen]}


def _answer(parts: Iterable[Assignment], actor: User | None, brought: Brought, at: datetime, outcome: Outcome) -> None:
    Assignment.objects.filter(pk__in=[part.pk for part in parts]).update(
        answer=brought.words.strip(), answered_at=at, answered_by=actor, outcome=outcome
    )


def settle(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """The county has read both sides, of one objection or of all it may settle: whoever objected does its part all the same,
    with a new due time, or is released. Raises MoveRefused while the lead's reply is awaited."""
    state = State(issue.state)
    ready = cooperating.to_settle(writing.parts(issue), issue.lead_unit_id, at, is_given=state in WITH_SOMEBODY)
    chosen = [part for part in ready if not brought.units or part.unit in brought.units]
    if not chosen:
        raise MoveRefused(Move.SETTLE, state, Needs.DEPARTMENTS.value if ready else "reply")
    outcome = Outcome.UPHELD if brought.upheld else Outcome.RELEASED
    Assignment.objects.filter(pk__in=[part.pk for part in chosen]).update(outcome=outcome)
    units = {part.unit_id: part.unit for part in chosen}
    settled: Data = {"units": list(units), "outcome": outcome.value}
    taken = _taking_part(issue)
    again = [unit for pk, unit in units.items() if brought.upheld and pk not in taken]
    if again:
        given = _give(Move.SETTLE, issue, again, at, brought.part_due)
        settled |= {"given": given["units"], "due": given["due"]}
    return settled


def release(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    parts = writing.open_parts(issue).filter(unit__in=brought.units)
    units = list(parts.values_list("unit_id", flat=True))
    if not units:
        raise MoveRefused(Move.RELEASE, State(issue.state), Needs.DEPARTMENTS.value)
    parts.update(state=Assignment.State.GIVEN_UP, ended_at=at, outcome=Outcome.RELEASED, words=brought.words.strip())
    return {"units": units}
