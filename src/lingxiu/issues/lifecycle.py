"""一清单's one table: which move leads from which state to which, who may make it, what it needs.

Buttons, permissions, the API, the documentation and the tests derive from `MOVES`. Plain values, no ORM, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where an issue stands."""

    PREDICTED = "predicted"
    RECEIVED = "received"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    RECHECK = "recheck"
    CLOSED = "closed"
    DISMISSED = "dismissed"


OPEN = frozenset({State.PREDICTED, State.RECEIVED, State.DISPATCHED, State.HANDLING, State.RECHECK})
ENDED = frozenset({State.CLOSED, State.DISMISSED})


class Move(StrEnum):
    """What somebody does with an issue. `report` is the first move of every issue."""

    REPORT = "report"
    CONFIRM = "confirm"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    HANDLE = "handle"
    TRANSFER = "transfer"
    ESCALATE = "escalate"
    RETURN = "return"
    FEED_BACK = "feed_back"
    REWORK = "rework"
    CLOSE = "close"
    DISMISS = "dismiss"
    REOPEN = "reopen"
    JOIN = "join"
    NOTE = "note"


class By(StrEnum):
    """In what relation to the issue somebody makes a move.

    DISPATCHER: may dispatch, and belongs to the unit that holds it (or would, at this level) · ASSIGNEE: the person it
    was given to, or a member of the unit if it was given to no one · CHECKER: a dispatcher who did not handle it
    himself · PARTY: any of them, or who found it.
    """

    DISPATCHER = "dispatcher"
    ASSIGNEE = "assignee"
    CHECKER = "checker"
    PARTY = "party"


class Needs(StrEnum):
    """What must come with a move."""

    WORDS = "words"
    UNIT = "unit"
    EVIDENCE = "evidence"
    RESULT = "result"
    ANSWER = "answer"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. `to` None: the state does not change. `needs`: refused without; ANSWER only if people reported it."""

    move: Move
    come_from: frozenset[State]
    to: State | None
    by: frozenset[By]
    needs: frozenset[Needs] = frozenset()


def _rule(move: Move, come_from: set[State], to: State | None, by: set[By], needs: set[Needs] | None = None) -> Rule:
    return Rule(move, frozenset(come_from), to, frozenset(by), frozenset(needs or set()))


S, B, N = State, By, Needs
MOVES: dict[Move, Rule] = {
    rule.move: rule
    for rule in (
        _rule(Move.CONFIRM, {S.PREDICTED}, S.RECEIVED, {B.DISPATCHER}),
        _rule(Move.DISPATCH, {S.RECEIVED}, S.DISPATCHED, {B.DISPATCHER}, {N.UNIT}),
        _rule(Move.ACCEPT, {S.DISPATCHED}, S.HANDLING, {B.ASSIGNEE}),
        _rule(Move.HANDLE, {S.HANDLING}, S.HANDLING, {B.ASSIGNEE}, {N.WORDS}),
        _rule(Move.TRANSFER, {S.DISPATCHED, S.HANDLING}, S.DISPATCHED, {B.ASSIGNEE, B.DISPATCHER}, {N.UNIT, N.WORDS}),
        _rule(Move.ESCALATE, {S.DISPATCHED, S.HANDLING, S.RECEIVED}, S.RECEIVED, {B.ASSIGNEE, B.DISPATCHER}, {N.WORDS}),
        _rule(Move.RETURN, {S.DISPATCHED, S.HANDLING, S.RECEIVED}, S.RECEIVED, {B.ASSIGNEE, B.DISPATCHER}, {N.WORDS}),
        _rule(Move.FEED_BACK, {S.HANDLING}, S.RECHECK, {B.ASSIGNEE}, {N.RESULT, N.EVIDENCE}),
        _rule(Move.REWORK, {S.RECHECK}, S.HANDLING, {B.CHECKER}, {N.WORDS}),
        _rule(Move.CLOSE, {S.RECHECK}, S.CLOSED, {B.CHECKER}, {N.ANSWER}),
        _rule(
            Move.DISMISS, {S.PREDICTED, S.RECEIVED, S.DISPATCHED, S.HANDLING}, S.DISMISSED, {B.DISPATCHER},
            {N.WORDS, N.ANSWER},
        ),
        _rule(Move.REOPEN, {S.CLOSED}, S.RECEIVED, {B.DISPATCHER}, {N.WORDS}),
        _rule(Move.JOIN, {S.RECEIVED}, S.DISMISSED, {B.DISPATCHER}, {N.ISSUE}),
        _rule(Move.NOTE, set(State), None, {B.PARTY}, {N.WORDS}),
    )
}  # fmt: skip


class MoveRefused(Exception):
    """A move the table does not allow. `why`: state | person | words | unit | evidence | result | answer | issue | level | late."""

    def __init__(self, move: Move, state: State, why: str) -> None:
        super().__init__(f"{move} from {state} is refused: {why}")
        self.move, self.state, self.why = move, state, why


def moves_from(state: State, relations: frozenset[By]) -> list[Move]:
    """What somebody in these relations may do with an issue in this state, in the order of the table."""
    return [rule.move for rule in MOVES.values() if state in rule.come_from and rule.by & relations]


def check(move: Move, state: State, relations: frozenset[By], brought: frozenset[Needs]) -> State:
    """The state after this move. Raises MoveRefused naming the first thing that is missing."""
    rule = MOVES[move]
    if state not in rule.come_from:
        raise MoveRefused(move, state, "state")
    if not rule.by & relations:
        raise MoveRefused(move, state, "person")
    for need in Needs:
        if need in rule.needs and need not in brought:
            raise MoveRefused(move, state, need.value)
    return rule.to or state
