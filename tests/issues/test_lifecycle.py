"""The one table: every state, every move, every relation."""

from __future__ import annotations

from itertools import product

import pytest

from lingxiu.issues.lifecycle import (
    ENDED,
    FOUND_TRUE,
    LEVELS,
    MOVES,
    OPEN,
    By,
    Level,
    Mark,
    Move,
    MoveRefused,
    Needs,
    Pictures,
    Result,
    State,
    check,
    level_after,
    moves_from,
    shows_enough,
)
from lingxiu.issues.models import OPEN_STATES, FlowChoice, LevelChoice, ResultChoice, StateChoice

EVERYTHING = frozenset(Needs)
WHO: dict[Move, set[By]] = {
    Move.CONFIRM: {By.DISPATCHER},
    Move.DISPATCH: {By.DISPATCHER},
    Move.ACCEPT: {By.ASSIGNEE},
    Move.HANDLE: {By.ASSIGNEE},
    Move.FEED_BACK: {By.ASSIGNEE},
    Move.CLOSE: {By.CHECKER},
    Move.REWORK: {By.CHECKER},
    Move.JOIN: {By.DISPATCHER},
    Move.TRANSFER: {By.ASSIGNEE, By.DISPATCHER},
    Move.RETURN: {By.ASSIGNEE, By.DISPATCHER},
    Move.ESCALATE: {By.ASSIGNEE, By.DISPATCHER},
    Move.DISMISS: {By.DISPATCHER},
    Move.REOPEN: {By.DISPATCHER, By.REPORTER},
    Move.SPLIT: {By.DISPATCHER},
    Move.INVOLVE: {By.DISPATCHER},
    Move.CONTRIBUTE: {By.COOPERATOR},
    Move.OBJECT: {By.COOPERATOR},
    Move.REPLY: {By.ASSIGNEE},
    Move.SETTLE: {By.DISPATCHER},
    Move.HAND_BACK: {By.ASSIGNEE},
    Move.SET_DUE: {By.DISPATCHER},
    Move.RELEASE: {By.DISPATCHER},
    Move.DECLINE: {By.ASSIGNEE},
    Move.REASSIGN: {By.ASSIGNEE, By.DISPATCHER},
    Move.SUSPEND: {By.DISPATCHER},
    Move.RESUME: {By.DISPATCHER, By.ASSIGNEE},
    Move.EXTEND: {By.ASSIGNEE},
    Move.GRANT: {By.DISPATCHER},
    Move.REFUSE: {By.DISPATCHER},
    Move.SUPERVISE: {By.LEADER},
    Move.REPORT_UP: {By.ASSIGNEE, By.DISPATCHER},
    Move.CORRECT: {By.MERCHANT},
    Move.ASK: {By.DISPATCHER},
    Move.ANSWER: {By.DISPATCHER},
    Move.AMEND: {By.DISPATCHER},
    Move.ADD: {By.REPORTER},
    Move.FILE_CASE: {By.ENFORCER},
    Move.NOTE: {By.PARTY},
}
ONLY_IF: dict[Move, Mark] = {
    Move.SPLIT: Mark.SEVERAL_REPORTS,
    Move.REPLY: Mark.UNANSWERED,
    Move.SETTLE: Mark.OBJECTED,
    Move.HAND_BACK: Mark.CONTRIBUTED,
    Move.SET_DUE: Mark.PARTS_OPEN,
    Move.RELEASE: Mark.PARTS_OPEN,
    Move.DECLINE: Mark.MAY_DECLINE,
    Move.RESUME: Mark.SUSPENDED,
    Move.GRANT: Mark.EXTENSION_ASKED,
    Move.REFUSE: Mark.EXTENSION_ASKED,
    Move.REPORT_UP: Mark.SUPERVISED,
    Move.ASK: Mark.REPORTED,
    Move.ANSWER: Mark.REPORTED,
}
THOUGH_SUSPENDED = {
    Move.DISMISS, Move.RESUME, Move.REASSIGN, Move.SUPERVISE, Move.REPORT_UP, Move.CORRECT, Move.ASK, Move.ANSWER,
    Move.ADD, Move.NOTE,
}  # fmt: skip
# in which states a move that changes none of them can be made
STAYS: dict[Move, set[State]] = {
    Move.SPLIT: set(OPEN),
    Move.INVOLVE: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.CONTRIBUTE: {State.DISPATCHED, State.HANDLING},
    Move.OBJECT: {State.DISPATCHED, State.HANDLING},
    Move.REPLY: {State.DISPATCHED, State.HANDLING},
    Move.SETTLE: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.HAND_BACK: {State.DISPATCHED, State.HANDLING},
    Move.SET_DUE: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.RELEASE: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.REASSIGN: {State.DISPATCHED, State.HANDLING},
    Move.SUSPEND: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.RESUME: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.EXTEND: {State.DISPATCHED, State.HANDLING},
    Move.GRANT: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.REFUSE: {State.RECEIVED, State.DISPATCHED, State.HANDLING},
    Move.SUPERVISE: set(OPEN),
    Move.REPORT_UP: set(OPEN),
    Move.CORRECT: {State.RECEIVED, State.DISPATCHED, State.HANDLING, State.RECHECK},
    Move.ASK: set(OPEN),
    Move.ANSWER: set(OPEN),
    Move.AMEND: set(OPEN) - {State.PREDICTED},
    Move.ADD: set(OPEN),
    Move.NOTE: set(State),
}
# state → move → state after; what is not here is refused
GRAPH: dict[State, dict[Move, State]] = {
    State.PREDICTED: {Move.CONFIRM: State.RECEIVED, Move.DISMISS: State.DISMISSED},
    State.RECEIVED: {
        Move.DISPATCH: State.DISPATCHED,
        Move.JOIN: State.DISMISSED,
        Move.RETURN: State.RECEIVED,
        Move.ESCALATE: State.RECEIVED,
        Move.DISMISS: State.DISMISSED,
    },
    State.DISPATCHED: {
        Move.ACCEPT: State.HANDLING,
        Move.JOIN: State.DISMISSED,
        Move.TRANSFER: State.DISPATCHED,
        Move.DECLINE: State.DISPATCHED,
        Move.RETURN: State.RECEIVED,
        Move.ESCALATE: State.RECEIVED,
        Move.DISMISS: State.DISMISSED,
    },
    State.HANDLING: {
        Move.FILE_CASE: State.CLOSED,
        Move.HANDLE: State.HANDLING,
        Move.JOIN: State.DISMISSED,
        Move.FEED_BACK: State.RECHECK,
        Move.TRANSFER: State.DISPATCHED,
        Move.RETURN: State.RECEIVED,
        Move.ESCALATE: State.RECEIVED,
        Move.DISMISS: State.DISMISSED,
    },
    State.RECHECK: {Move.CLOSE: State.CLOSED, Move.REWORK: State.HANDLING, Move.FILE_CASE: State.CLOSED},
    State.CLOSED: {Move.REOPEN: State.RECEIVED},
    State.DISMISSED: {Move.REOPEN: State.RECEIVED},
}


@pytest.mark.parametrize("move", MOVES)
def test_every_state_move_and_relation_is_as_the_design_says(move: Move) -> None:
    for state, by in product(State, By):
        after = state if state in STAYS.get(move, set()) else GRAPH[state].get(move)
        if after is not None and by in WHO[move]:
            assert check(move, state, frozenset({by}), EVERYTHING, marks=needed(move)) is after
            continue
        with pytest.raises(MoveRefused) as refused:
            check(move, state, frozenset({by}), EVERYTHING, marks=needed(move))
        assert refused.value.why == ("state" if after is None else "person"), (state, by)


def needed(move: Move) -> frozenset[Mark]:
    return frozenset({ONLY_IF[move]} if move in ONLY_IF else ())


@pytest.mark.parametrize("move", ONLY_IF)
def test_without_its_mark_a_move_has_nothing_to_do(move: Move) -> None:
    rule = MOVES[move]
    with pytest.raises(MoveRefused) as refused:
        check(move, min(rule.come_from), rule.by, EVERYTHING)
    assert refused.value.why == "nothing"


@pytest.mark.parametrize("move", MOVES)
def test_what_rests_is_left_alone_but_for_what_does_not_disturb_it(move: Move) -> None:
    rule = MOVES[move]
    marks = needed(move) | {Mark.SUSPENDED}
    if move in THOUGH_SUSPENDED:
        assert check(move, min(rule.come_from), rule.by, EVERYTHING, marks=marks)
    else:
        with pytest.raises(MoveRefused) as refused:
            check(move, min(rule.come_from), rule.by, EVERYTHING, marks=marks)
        assert refused.value.why == "suspended"


@pytest.mark.parametrize(
    ("move", "mark"),
    [
        (Move.FEED_BACK, Mark.PARTS_OPEN),
        (Move.FEED_BACK, Mark.OBJECTED),
        (Move.FILE_CASE, Mark.PARTS_OPEN),
        (Move.FILE_CASE, Mark.OBJECTED),
        (Move.EXTEND, Mark.EXTENSION_ASKED),
        (Move.EXTEND, Mark.EXTENDED),
        (Move.SUPERVISE, Mark.SUPERVISED),
    ],
)
def test_what_stands_in_the_way_is_named(move: Move, mark: Mark) -> None:
    with pytest.raises(MoveRefused) as refused:
        check(move, State.HANDLING, MOVES[move].by, EVERYTHING, marks=needed(move) | {mark})
    assert refused.value.why == mark.value


@pytest.mark.parametrize("move", [Move.INVOLVE, Move.HAND_BACK])
def test_only_at_the_county_are_departments_called_in_and_what_they_did_sent_back(move: Move) -> None:
    for level in (Level.GRID, Level.TOWN):
        with pytest.raises(MoveRefused) as refused:
            check(move, State.HANDLING, MOVES[move].by, EVERYTHING, level=level, marks=needed(move))
        assert refused.value.why == "level"


@pytest.mark.parametrize("move", MOVES)
def test_a_move_is_refused_by_the_name_of_the_first_thing_it_lacks(move: Move) -> None:
    rule = MOVES[move]
    state, who = min(rule.come_from), frozenset(rule.by)
    for need in rule.needs:
        with pytest.raises(MoveRefused) as refused:
            check(move, state, who, EVERYTHING - {need}, marks=needed(move))
        assert (refused.value.move, refused.value.state, refused.value.why) == (move, state, need.value)


@pytest.mark.parametrize("mark", [None, *Mark])
def test_whatever_is_offered_is_allowed_and_whatever_is_allowed_is_offered(mark: Mark | None) -> None:
    marks = frozenset({mark} if mark else ())

    def works(move: Move, state: State, level: Level, by: By) -> bool:
        try:
            check(move, state, frozenset({by}), EVERYTHING, level=level, marks=marks)
            if move in (Move.ESCALATE, Move.RETURN):
                level_after(move, state, level)
        except MoveRefused:
            return False
        return True

    for state, level, by in product(State, Level, By):
        allowed = [move for move in MOVES if works(move, state, level, by)]
        assert moves_from(state, level, frozenset({by}), marks) == allowed, (state, level, by)


def test_every_move_but_the_first_stands_in_the_table() -> None:
    assert set(Move) - set(MOVES) == {Move.REPORT}


def test_strangers_may_do_nothing() -> None:
    assert not any(moves_from(state, level, frozenset()) for state, level in product(State, Level))


def test_no_move_ends_an_issue_that_people_reported_without_an_answer() -> None:
    unanswered = {move for move, rule in MOVES.items() if rule.to in ENDED and Needs.ANSWER not in rule.needs}
    assert unanswered == {Move.JOIN}, "joined reports are owed their answer by the other issue"


def test_nothing_is_closed_without_a_result() -> None:
    closing = {move: rule for move, rule in MOVES.items() if rule.to is State.CLOSED}
    assert closing.pop(Move.FILE_CASE).needs >= {Needs.CASE, Needs.WORDS}, "a case is its result"
    assert all(rule.come_from <= {State.RECHECK} for rule in closing.values())
    into_recheck = [rule for rule in MOVES.values() if rule.to is State.RECHECK]
    assert into_recheck
    assert all(Needs.RESULT in rule.needs for rule in into_recheck)


@pytest.mark.parametrize(
    ("move", "state", "level", "after"),
    [
        (Move.ESCALATE, State.HANDLING, Level.GRID, Level.TOWN),
        (Move.ESCALATE, State.DISPATCHED, Level.TOWN, Level.COUNTY),
        (Move.ESCALATE, State.RECEIVED, Level.GRID, Level.COUNTY),
        (Move.ESCALATE, State.RECEIVED, Level.TOWN, Level.COUNTY),
        (Move.RETURN, State.HANDLING, Level.GRID, Level.GRID),
        (Move.RETURN, State.DISPATCHED, Level.COUNTY, Level.COUNTY),
        (Move.RETURN, State.RECEIVED, Level.COUNTY, Level.TOWN),
    ],
)
def test_the_level_after_going_up_or_down(move: Move, state: State, level: Level, after: Level) -> None:
    assert level_after(move, state, level) is after


@pytest.mark.parametrize(
    ("move", "state", "level"),
    [
        (Move.ESCALATE, State.HANDLING, Level.COUNTY),
        (Move.ESCALATE, State.RECEIVED, Level.COUNTY),
        (Move.RETURN, State.RECEIVED, Level.GRID),
        (Move.RETURN, State.RECEIVED, Level.TOWN),
    ],
)
def test_there_is_nothing_above_the_county_nor_below_the_dispatcher(move: Move, state: State, level: Level) -> None:
    assert (move, state is State.RECEIVED, level) not in LEVELS
    with pytest.raises(MoveRefused) as refused:
        level_after(move, state, level)
    assert refused.value.why == "level"


def test_models_and_rules_know_the_same_words() -> None:
    assert set(StateChoice.values) == set(State)
    assert set(LevelChoice.values) == set(Level)
    assert set(ResultChoice.values) == set(Result)
    assert set(OPEN_STATES) == OPEN
    assert FlowChoice.values == ["quick", "joint"]


def test_every_result_but_joining_says_whether_it_was_true() -> None:
    assert set(FOUND_TRUE) == set(Result) - {Result.JOINED, Result.CASE_FILED}


@pytest.mark.parametrize(
    ("before", "visit", "after", "enough"),
    [
        (0, 0, 0, False),
        (1, 0, 0, False),
        (0, 1, 0, False),  # one picture of the visit cannot be both before and after
        (0, 2, 0, True),
        (0, 1, 1, True),
        (1, 1, 0, True),
        (1, 0, 1, True),
        (0, 0, 2, False),
    ],
)
def test_two_pictures_are_wanted_where_the_catalogue_asks_for_before_and_after(
    before: int, visit: int, after: int, enough: bool
) -> None:
    pictures = Pictures(before, visit, after)
    assert shows_enough(pictures, before_wanted=True, after_wanted=True, result=Result.FIXED) is enough


@pytest.mark.parametrize(("before", "visit", "after", "enough"), [(5, 0, 0, False), (0, 1, 0, True), (0, 0, 1, True)])
def test_one_picture_of_the_handler_shows_how_it_was_left(before: int, visit: int, after: int, enough: bool) -> None:
    pictures = Pictures(before, visit, after)
    assert shows_enough(pictures, before_wanted=False, after_wanted=True, result=Result.REMINDED) is enough


def test_what_was_not_found_needs_only_a_picture_of_having_been_there() -> None:
    wanted = {"before_wanted": True, "after_wanted": True, "result": Result.NOT_FOUND}
    assert not shows_enough(Pictures(3, 0, 0), **wanted)
    assert shows_enough(Pictures(0, 0, 1), **wanted)


def test_no_picture_is_wanted_where_the_catalogue_asks_for_none() -> None:
    for result in FOUND_TRUE:
        assert shows_enough(Pictures(0, 0, 0), before_wanted=False, after_wanted=False, result=result)
