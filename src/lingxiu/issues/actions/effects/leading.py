"""Who leads: given, taken up, visited, fed back, sent back, passed to a colleague, to another unit or to another level."""

from __future__ import annotations

from datetime import datetime

from lingxiu.accounts.models import User
from lingxiu.issues import writing
from lingxiu.issues.actions.effects.shape import Data, Effect
from lingxiu.issues.holding import LEVEL_OF, dispatchers_unit, handles_at, stand_in
from lingxiu.issues.lifecycle import FOUND_TRUE, Level, Move, MoveRefused, State, level_after
from lingxiu.issues.models import Assignment, Issue
from lingxiu.issues.writing import Brought


def to_dispatcher(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    done = (issue.state, to) in {(State.PREDICTED, State.RECEIVED), (State.HANDLING, State.RECHECK)}
    writing.let_go(issue, done=done, at=at)
    writing.hand_over(issue, to, dispatchers_unit(Level(issue.level), issue.town), at=at)
    return {}


def to_other_level(what: Move) -> Effect:
    def effect(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
        state = State(issue.state)
        after = level_after(what, state, Level(issue.level))
        if after is not Level.COUNTY and not issue.town:
            raise MoveRefused(what, state, "place")
        issue.level = after
        return to_dispatcher(issue, to, actor, brought, at)

    return effect


def to_unit(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    assert brought.unit is not None  # Needs.UNIT
    writing.let_go(issue, done=issue.state == State.RECEIVED, at=at)
    issue.level = LEVEL_OF[brought.unit.kind]
    writing.end_part_of_lead(issue, brought.unit, at)
    writing.hand_over(issue, to, brought.unit, brought.person, accepted=False, at=at)
    return {}


def take(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    doer = brought.on_behalf_of or actor
    assert doer is not None  # nothing is accepted by itself
    writing.accept(issue, to, doer)
    return {}


def visit(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    return {"act": "inspection" if brought.inspection else "visit"}


def feed_back(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    assert brought.result is not None  # Needs.RESULT
    issue.result, issue.found_true = brought.result, FOUND_TRUE[brought.result]
    return {"found_true": issue.found_true, **_evidence(brought), **to_dispatcher(issue, to, actor, brought, at)}


def _evidence(brought: Brought) -> Data:
    """What the move keeps of the form and of the reading: later readings, or corrected ones, change nothing in it."""
    kept: Data = {"form": dict(brought.told), "measured": brought.measured.strip()}
    kept["reading"] = brought.reading.kept if brought.reading else None
    return {name: value for name, value in kept.items() if value}


def send_back(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """To whoever fed it back, if they still work there; else to their unit."""
    handled = issue.assignments.filter(part=Assignment.Part.LEAD, step=State.HANDLING, state=Assignment.State.DONE)
    last = handled.select_related("unit", "person").latest("ended_at", "id")
    person = last.person if last.person and handles_at(last.person, last.unit) else None
    writing.let_go(issue, done=True, at=at)
    writing.hand_over(issue, to, last.unit, person, at=at)
    return {}


def decline(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Back to whoever transferred it: the one who had the lead before."""
    former = (
        issue.assignments.filter(part=Assignment.Part.LEAD, ended_at__isnull=False).select_related("unit", "person")
    ).latest("id")
    still = former.person if former.person and handles_at(former.person, former.unit) else None
    writing.let_go(issue, done=False, at=at)
    issue.level = LEVEL_OF[former.unit.kind]
    writing.end_part_of_lead(issue, former.unit, at)
    writing.hand_over(issue, to, former.unit, still, accepted=False, at=at)
    return {}


def reassign(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """To a colleague, or to whoever stands in for them; to who is on duty, and back; the clock runs on."""
    assert issue.lead_unit is not None  # it is with somebody
    former, lead = issue.lead_person, writing.open_lead(issue)
    person, away = stand_in(brought.person, issue.lead_unit, at)
    ends_or_begins = lead.on_duty or brought.on_duty
    if brought.on_duty:
        away = lead.deputy_for  # whose it is stays whose it is, from one shift to the next
    elif actor is None and former is not None and away is None and not lead.on_duty:
        away = former  # the system covers whoever is away or has left
    lead.person = issue.lead_person = person
    lead.deputy_for = away if person != away else None
    lead.on_duty = brought.on_duty and person is not None
    lead.save(update_fields=["person", "deputy_for", "on_duty"])
    return {"former": former.pk if former else None, **({"duty": lead.on_duty} if ends_or_begins else {})}
