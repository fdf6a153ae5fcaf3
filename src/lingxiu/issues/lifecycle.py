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


class Level(StrEnum):
    """Who handles it. Grid and town together are what the county's report calls grassroots."""

    GRID = "grid"
    TOWN = "town"
    COUNTY = "county"


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
    """In what relation to the issue somebody makes a move; `relations.py` finds out.

    DISPATCHER: may dispatch, and belongs to the unit that holds it (or would, at this level) · ASSIGNEE: the person it
    was given to, or a member of the unit if it was given to no one · CHECKER: a dispatcher of this level or above who
    did not handle it · PARTY: any of them, or who found it.
    """

    DISPATCHER = "dispatcher"
    ASSIGNEE = "assignee"
    CHECKER = "checker"
    PARTY = "party"


class Needs(StrEnum):
    """What must come with a move."""

    WORDS = "words"
    UNIT = "unit"
    RESULT = "result"
    EVIDENCE = "evidence"
    ANSWER = "answer"
    ISSUE = "issue"


class Result(StrEnum):
    """What came of it, as fed back. Joining gives the last one."""

    FIXED = "fixed"
    REMINDED = "reminded"
    ORDERED = "ordered"
    CANNOT_FIX = "cannot_fix"
    NOT_FOUND = "not_found"
    DEVICE_FAULT = "device_fault"
    JOINED = "joined"


FOUND_TRUE: dict[Result, bool] = {
    Result.FIXED: True,
    Result.REMINDED: True,
    Result.ORDERED: True,
    Result.CANNOT_FIX: True,
    Result.NOT_FOUND: False,
    Result.DEVICE_FAULT: False,
}
"""属实: only what was found true counts against a merchant (domain-2026, practice 12). Its keys may be fed back."""

CERTIFIED_ONLY = frozenset({Result.ORDERED})
"""责令改正 comes from an enforcement body (国办发〔2024〕54号): a grid member reminds."""


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
        _rule(Move.FEED_BACK, {S.HANDLING}, S.RECHECK, {B.ASSIGNEE}, {N.RESULT, N.EVIDENCE}),
        _rule(Move.CLOSE, {S.RECHECK}, S.CLOSED, {B.CHECKER}, {N.ANSWER}),
        _rule(Move.REWORK, {S.RECHECK}, S.HANDLING, {B.CHECKER}, {N.WORDS}),
        _rule(Move.JOIN, {S.RECEIVED}, S.DISMISSED, {B.DISPATCHER}, {N.ISSUE}),
        _rule(Move.TRANSFER, {S.DISPATCHED, S.HANDLING}, S.DISPATCHED, {B.ASSIGNEE, B.DISPATCHER}, {N.UNIT, N.WORDS}),
        _rule(Move.RETURN, {S.RECEIVED, S.DISPATCHED, S.HANDLING}, S.RECEIVED, {B.ASSIGNEE, B.DISPATCHER}, {N.WORDS}),
        _rule(Move.ESCALATE, {S.RECEIVED, S.DISPATCHED, S.HANDLING}, S.RECEIVED, {B.ASSIGNEE, B.DISPATCHER}, {N.WORDS}),
        _rule(
            Move.DISMISS, {S.PREDICTED, S.RECEIVED, S.DISPATCHED, S.HANDLING}, S.DISMISSED, {B.DISPATCHER},
            {N.WORDS, N.ANSWER},
        ),
        _rule(Move.REOPEN, {S.CLOSED, S.DISMISSED}, S.RECEIVED, {B.DISPATCHER}, {N.WORDS}),
        _rule(Move.NOTE, set(State), None, {B.PARTY}, {N.WORDS}),
    )
}  # fmt: skip

_GRASSROOTS = {Level.GRID, Level.TOWN}
LEVELS: dict[tuple[Move, bool, Level], Level] = {
    # (move, is it with the dispatcher, level) → level after. A grid's goes up to its town, a town's to the county;
    # the dispatcher, who holds both grid and town, sends it to the county at once.
    (Move.ESCALATE, False, Level.GRID): Level.TOWN,
    (Move.ESCALATE, False, Level.TOWN): Level.COUNTY,
    **{(Move.ESCALATE, True, level): Level.COUNTY for level in _GRASSROOTS},
    # Who was given it hands it back to the dispatcher of the same level; the county's dispatcher hands it down to the town.
    **{(Move.RETURN, False, level): level for level in Level},
    (Move.RETURN, True, Level.COUNTY): Level.TOWN,
}


class MoveRefused(Exception):
    """A move that may not be made. `why`: the Needs that is missing, or state | person | level | certificate | place."""

    def __init__(self, move: Move, state: State, why: str) -> None:
        super().__init__(f"{move} from {state} is refused: {why}")
        self.move, self.state, self.why = move, state, why


def moves_from(state: State, level: Level, relations: frozenset[By]) -> list[Move]:
    """What somebody in these relations may do with an issue in this state and level, in the order of the table."""
    return [
        rule.move
        for rule in MOVES.values()
        if state in rule.come_from and rule.by & relations and _has_level(rule.move, state, level)
    ]


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


def level_after(move: Move, state: State, level: Level) -> Level:
    """The level after escalating or returning. Raises MoveRefused where there is no further one."""
    after = LEVELS.get((move, state is State.RECEIVED, level))
    if after is None:
        raise MoveRefused(move, state, "level")
    return after


def _has_level(move: Move, state: State, level: Level) -> bool:
    return move not in (Move.ESCALATE, Move.RETURN) or (move, state is State.RECEIVED, level) in LEVELS


@dataclass(frozen=True, slots=True)
class Pictures:
    """How many pictures show the matter: as it was found (reported, or at a visit), and as it was left (at a visit, or fed back)."""

    before: int
    visit: int
    after: int


def shows_enough(pictures: Pictures, *, before_wanted: bool, after_wanted: bool, result: Result) -> bool:
    """Whether the pictures the catalogue asks for are there.

    A visit's picture counts once, as either. Where nothing was found there is no before: any one picture of the visit
    shows that somebody was there.
    """
    if not FOUND_TRUE.get(result, True):
        return not (before_wanted or after_wanted) or pictures.visit + pictures.after > 0
    visits_used_before = 1 if before_wanted and not pictures.before else 0
    visits_left = pictures.visit - visits_used_before
    return visits_left >= 0 and (not after_wanted or visits_left + pictures.after > 0)
