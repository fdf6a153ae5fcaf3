"""一清单's one table: which move leads from which state to which, who may make it, what it needs.

Buttons, permissions, the API, the documentation and the tests derive from `MOVES`. Plain values, no ORM, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    SPLIT = "split"
    INVOLVE = "involve"
    CONTRIBUTE = "contribute"
    OBJECT = "object"
    REPLY = "reply"
    SETTLE = "settle"
    HAND_BACK = "hand_back"
    SET_DUE = "set_due"
    RELEASE = "release"
    DECLINE = "decline"
    REASSIGN = "reassign"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXTEND = "extend"
    GRANT = "grant"
    REFUSE = "refuse"
    SUPERVISE = "supervise"
    REPORT_UP = "report_up"
    CORRECT = "correct"
    ASK = "ask"
    ANSWER = "answer"
    AMEND = "amend"
    ADD = "add"
    FILE_CASE = "file_case"
    NOTE = "note"


class By(StrEnum):
    """In what relation to the issue somebody makes a move; `relations.py` finds out.

    DISPATCHER: may dispatch, and belongs to the unit that holds it (or would, at this level) · ASSIGNEE: the person it
    was given to, or a member of the unit if it was given to no one · CHECKER: a dispatcher of this level or above who
    did not handle it · COOPERATOR: holds an open part of it beside the lead · LEADER: may supervise, and has it not
    themselves · ENFORCER: a certified officer of a unit that has or had a part in it · MERCHANT: answers for the shop ·
    REPORTER: holds the token of a report on it · PARTY: any of the officers, or who found it.
    """

    DISPATCHER = "dispatcher"
    ASSIGNEE = "assignee"
    CHECKER = "checker"
    COOPERATOR = "cooperator"
    LEADER = "leader"
    ENFORCER = "enforcer"
    MERCHANT = "merchant"
    REPORTER = "reporter"
    PARTY = "party"


class Needs(StrEnum):
    """What must come with a move."""

    WORDS = "words"
    UNIT = "unit"
    RESULT = "result"
    EVIDENCE = "evidence"
    FORM = "form"
    READING = "reading"
    ANSWER = "answer"
    ISSUE = "issue"
    PERSON = "person_of_unit"
    DEPARTMENTS = "departments"
    REPORT = "report"
    UNTIL = "until"
    PART_DUE = "part_due"
    DAYS = "days"
    CASE = "case"
    MATTER = "matter"


class Mark(StrEnum):
    """What is so of an issue beside its state and level, as far as moves depend on it."""

    SUSPENDED = "suspended"
    EXTENSION_ASKED = "extension_asked"
    EXTENDED = "extended"  # as often as policy lets it
    SUPERVISED = "supervised"
    PARTS_OPEN = "parts_open"
    OBJECTED = "objected"
    UNANSWERED = "unanswered"  # an objection the lead has not replied to
    CONTRIBUTED = "contributed"  # what a unit did may be sent back
    MAY_DECLINE = "may_decline"  # it was transferred, and nobody has declined it yet
    REPORTED = "reported"
    SEVERAL_REPORTS = "several_reports"
    OF_DEVICE = "of_device"  # what it is about, and where, is the device's


class Result(StrEnum):
    """What came of it, as fed back. Filing a case gives the last but one, joining the last."""

    FIXED = "fixed"
    REMINDED = "reminded"
    ORDERED = "ordered"
    CANNOT_FIX = "cannot_fix"
    NOT_FOUND = "not_found"
    DEVICE_FAULT = "device_fault"
    CASE_FILED = "case_filed"
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
    """One row of the table. `to` None: the state does not change.

    `needs`: refused without; ANSWER only if people reported it. `only_if`: the mark without which there is nothing to do.
    `unless`: marks that stand in the way. `levels`: where it can be made. `room`: which room's verb makes it.
    """

    move: Move
    come_from: frozenset[State]
    to: State | None
    by: frozenset[By]
    needs: frozenset[Needs] = frozenset()
    only_if: Mark | None = None
    unless: frozenset[Mark] = frozenset({Mark.SUSPENDED})
    levels: frozenset[Level] = frozenset(Level)
    room: str = "issues"


def _rule(
    move: Move,
    come_from: set[State],
    to: State | None,
    by: set[By],
    needs: set[Needs] | None = None,
    *,
    only_if: Mark | None = None,
    unless: set[Mark] | None = None,
    though_suspended: bool = False,
    levels: set[Level] | None = None,
    room: str = "issues",
) -> Rule:
    return Rule(
        move, frozenset(come_from), to, frozenset(by), frozenset(needs or ()), only_if,
        frozenset((unless or set()) | (set() if though_suspended else {Mark.SUSPENDED})), frozenset(levels or Level), room,
    )  # fmt: skip


S, B, N, M = State, By, Needs, Mark
WITH_SOMEBODY = {S.DISPATCHED, S.HANDLING}
BEFORE_RECHECK = {S.RECEIVED, S.DISPATCHED, S.HANDLING}
MOVES: dict[Move, Rule] = {
    rule.move: rule
    for rule in (
        _rule(Move.CONFIRM, {S.PREDICTED}, S.RECEIVED, {B.DISPATCHER}),
        _rule(Move.DISPATCH, {S.RECEIVED}, S.DISPATCHED, {B.DISPATCHER}, {N.UNIT}),
        _rule(Move.ACCEPT, {S.DISPATCHED}, S.HANDLING, {B.ASSIGNEE}),
        _rule(Move.HANDLE, {S.HANDLING}, S.HANDLING, {B.ASSIGNEE}, {N.WORDS}),
        _rule(
            Move.FEED_BACK, {S.HANDLING}, S.RECHECK, {B.ASSIGNEE}, {N.RESULT, N.EVIDENCE, N.FORM, N.READING},
            unless={M.PARTS_OPEN, M.OBJECTED},
        ),
        _rule(Move.CLOSE, {S.RECHECK}, S.CLOSED, {B.CHECKER}, {N.ANSWER}),
        _rule(Move.REWORK, {S.RECHECK}, S.HANDLING, {B.CHECKER}, {N.WORDS}),
        _rule(Move.JOIN, BEFORE_RECHECK, S.DISMISSED, {B.DISPATCHER}, {N.ISSUE}),
        _rule(Move.SPLIT, set(OPEN), None, {B.DISPATCHER}, {N.REPORT}, only_if=M.SEVERAL_REPORTS),
        _rule(Move.TRANSFER, WITH_SOMEBODY, S.DISPATCHED, {B.ASSIGNEE, B.DISPATCHER}, {N.UNIT, N.WORDS}),
        _rule(Move.DECLINE, {S.DISPATCHED}, S.DISPATCHED, {B.ASSIGNEE}, {N.WORDS}, only_if=M.MAY_DECLINE),
        _rule(
            Move.REASSIGN, WITH_SOMEBODY, None, {B.ASSIGNEE, B.DISPATCHER}, {N.PERSON}, though_suspended=True
        ),
        _rule(Move.RETURN, BEFORE_RECHECK, S.RECEIVED, {B.ASSIGNEE, B.DISPATCHER}, {N.WORDS}),
        _rule(Move.ESCALATE, BEFORE_RECHECK, S.RECEIVED, {B.ASSIGNEE, B.DISPATCHER}, {N.WORDS}),
        _rule(
            Move.DISMISS, {S.PREDICTED, *BEFORE_RECHECK}, S.DISMISSED, {B.DISPATCHER}, {N.WORDS, N.ANSWER},
            though_suspended=True,
        ),
        _rule(Move.REOPEN, {S.CLOSED, S.DISMISSED}, S.RECEIVED, {B.DISPATCHER, B.REPORTER}, {N.WORDS}),
        # the joint flow: the county names who works along, each with a part, a due time and a result of their own
        _rule(Move.INVOLVE, BEFORE_RECHECK, None, {B.DISPATCHER}, {N.DEPARTMENTS}, levels={Level.COUNTY}),
        _rule(Move.CONTRIBUTE, WITH_SOMEBODY, None, {B.COOPERATOR}, {N.WORDS}),
        _rule(Move.OBJECT, WITH_SOMEBODY, None, {B.COOPERATOR}, {N.WORDS}),
        _rule(Move.REPLY, WITH_SOMEBODY, None, {B.ASSIGNEE}, {N.WORDS}, only_if=M.UNANSWERED),
        _rule(Move.SETTLE, BEFORE_RECHECK, None, {B.DISPATCHER}, {N.WORDS}, only_if=M.OBJECTED),
        _rule(
            Move.HAND_BACK, WITH_SOMEBODY, None, {B.ASSIGNEE}, {N.WORDS, N.DEPARTMENTS}, only_if=M.CONTRIBUTED,
            levels={Level.COUNTY},
        ),
        _rule(
            Move.SET_DUE, BEFORE_RECHECK, None, {B.DISPATCHER}, {N.WORDS, N.DEPARTMENTS, N.PART_DUE},
            only_if=M.PARTS_OPEN,
        ),
        _rule(Move.RELEASE, BEFORE_RECHECK, None, {B.DISPATCHER}, {N.WORDS, N.DEPARTMENTS}, only_if=M.PARTS_OPEN),
        # time
        _rule(Move.SUSPEND, BEFORE_RECHECK, None, {B.DISPATCHER}, {N.WORDS, N.UNTIL}),
        _rule(
            Move.RESUME, BEFORE_RECHECK, None, {B.DISPATCHER, B.ASSIGNEE}, only_if=M.SUSPENDED, though_suspended=True
        ),
        _rule(
            Move.EXTEND, WITH_SOMEBODY, None, {B.ASSIGNEE}, {N.WORDS, N.DAYS}, unless={M.EXTENSION_ASKED, M.EXTENDED}
        ),
        _rule(Move.GRANT, BEFORE_RECHECK, None, {B.DISPATCHER}, only_if=M.EXTENSION_ASKED),
        _rule(Move.REFUSE, BEFORE_RECHECK, None, {B.DISPATCHER}, {N.WORDS}, only_if=M.EXTENSION_ASKED),
        # a leader's eye
        _rule(
            Move.SUPERVISE, set(OPEN), None, {B.LEADER}, {N.WORDS}, unless={M.SUPERVISED}, though_suspended=True
        ),
        _rule(
            Move.REPORT_UP, set(OPEN), None, {B.ASSIGNEE, B.DISPATCHER}, {N.WORDS}, only_if=M.SUPERVISED,
            though_suspended=True,
        ),
        # those it concerns, who are no officers
        _rule(Move.CORRECT, {*BEFORE_RECHECK, S.RECHECK}, None, {B.MERCHANT}, {N.WORDS}, though_suspended=True),
        _rule(Move.ASK, set(OPEN), None, {B.DISPATCHER}, {N.WORDS}, only_if=M.REPORTED, though_suspended=True),
        _rule(
            Move.ANSWER, set(OPEN), None, {B.DISPATCHER}, {N.REPORT, N.ANSWER}, only_if=M.REPORTED,
            though_suspended=True,
        ),
        _rule(
            Move.AMEND, {*BEFORE_RECHECK, S.RECHECK}, None, {B.DISPATCHER}, {N.WORDS, N.MATTER}, unless={M.OF_DEVICE},
        ),
        _rule(Move.ADD, set(OPEN), None, {B.REPORTER}, {N.WORDS}, though_suspended=True),
        _rule(
            Move.FILE_CASE, {S.HANDLING, S.RECHECK}, S.CLOSED, {B.ENFORCER}, {N.WORDS, N.CASE, N.ANSWER},
            unless={M.PARTS_OPEN, M.OBJECTED}, room="enforcement",
        ),
        _rule(Move.NOTE, set(State), None, {B.PARTY}, {N.WORDS}, though_suspended=True),
    )
}  # fmt: skip

_GRASSROOTS = (Level.GRID, Level.TOWN)
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
    """A move that may not be made.

    `why`: the Needs that is missing, the Mark that stands in the way, or state | person | level | certificate | place |
    nothing (there is nothing to do) | long (more time than policy gives) | time (policy's time for it is over) |
    whole (later than the whole issue) | reply (the lead's is still awaited).
    """

    def __init__(self, move: Move, state: State, why: str) -> None:
        super().__init__(f"{move} from {state} is refused: {why}")
        self.move, self.state, self.why = move, state, why


def moves_from(
    state: State, level: Level, relations: frozenset[By], marks: frozenset[Mark] = frozenset()
) -> list[Move]:
    """What somebody in these relations may do with an issue in this state, level and marks, in the order of the table."""
    return [
        rule.move
        for rule in MOVES.values()
        if rule.by & relations and not _obstacle(rule, state, level, marks) and _has_level(rule.move, state, level)
    ]


def check(
    move: Move,
    state: State,
    relations: frozenset[By],
    brought: frozenset[Needs],
    *,
    level: Level = Level.COUNTY,
    marks: frozenset[Mark] = frozenset(),
) -> State:
    """The state after this move. Raises MoveRefused naming the first thing that is missing or in the way."""
    rule = MOVES[move]
    if state not in rule.come_from:
        raise MoveRefused(move, state, "state")
    if not rule.by & relations:
        raise MoveRefused(move, state, "person")
    if why := _obstacle(rule, state, level, marks):
        raise MoveRefused(move, state, why)
    for need in Needs:
        if need in rule.needs and need not in brought:
            raise MoveRefused(move, state, need.value)
    return rule.to or state


def _obstacle(rule: Rule, state: State, level: Level, marks: frozenset[Mark]) -> str:
    """Why an issue that stands like this cannot be moved so, whoever asks; empty if it can."""
    if state not in rule.come_from:
        return "state"
    if level not in rule.levels:
        return "level"
    if rule.only_if is not None and rule.only_if not in marks:
        return "nothing"
    in_the_way = rule.unless & marks
    return next((mark.value for mark in Mark if mark in in_the_way), "") if in_the_way else ""


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


# ── the record told again ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Step:
    """A move as its row keeps it, as far as it says where the issue stood afterwards. `holder`: unit and person."""

    move: Move
    version: int
    level: Level
    holder: tuple[int | None, int | None]
    begins_in: State = State.RECEIVED
    suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an issue stands."""

    state: State
    level: Level
    version: int
    holder: tuple[int | None, int | None]
    suspended: bool


class Contradiction(Exception):
    """The rows of an issue's moves do not follow from one another by the table. Carries the step at fault."""

    def __init__(self, step: Step, state: State | None) -> None:
        super().__init__(f"move {step.move} as version {step.version} cannot follow {state}")
        self.step, self.state = step, state


def replay(steps: Iterable[Step]) -> Standing:
    """Where an issue stands by its moves alone: states by the table, never by what the rows say of them.

    Raises: Contradiction, ValueError for no steps at all.
    """
    now: Standing | None = None
    for step in steps:
        state = _state_by_table(step, now)
        suspended = state in OPEN and (
            step.suspended if step.suspended is not None else now is not None and now.suspended
        )
        now = Standing(state, step.level, step.version, step.holder, suspended)
    if now is None:
        raise ValueError("an issue has at least the move that reported it")
    return now


def _state_by_table(step: Step, now: Standing | None) -> State:
    if now is None:
        if step.move is not Move.REPORT or step.version != 0:
            raise Contradiction(step, None)
        return step.begins_in
    rule = MOVES.get(step.move)
    if rule is None or now.state not in rule.come_from or step.version != now.version + 1:
        raise Contradiction(step, now.state)
    return rule.to or now.state
