"""Several people, any moves, any order: no illegal state, one open lead, and the moves replay to the state that is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lingxiu.accounts.models import User
from lingxiu.issues.actions.moving import move
from lingxiu.issues.lifecycle import FOUND_TRUE, MOVES, OPEN, Level, Move, MoveRefused, State, moves_from, replay
from lingxiu.issues.models import Issue
from lingxiu.issues.queries import situation, step_of
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Brought
from tests.cast import NOON, Cast
from tests.issues.walking import open_by_moves
from tests.issues.world import alarm, complain, find, photo

PEOPLE = ["dispatcher", "county_officer", "grid_member", "town_officer", "department_officer", "leader"]


class _Back(Exception):
    """Ends a walk by rolling everything back."""


@contextmanager
def _forgotten() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            raise _Back
    except _Back:
        pass


class Walk(RuleBasedStateMachine):
    """One issue, walked by people of every kind. `cast` and `picture` are put on the class by the test."""

    cast: Cast
    picture: str

    def __init__(self) -> None:
        super().__init__()
        self.ground = _forgotten()
        self.ground.__enter__()
        self.at = NOON

    @initialize(source=st.sampled_from(["alarm", "find", "complaint", "banned"]))
    def begin(self, source: str) -> None:
        cast = self.cast
        self.issue = {
            "alarm": lambda: alarm(cast.merchant),
            "find": lambda: find(cast.town_officer, merchant=cast.merchant),
            "complaint": lambda: complain(cast.merchant).issue,
            "banned": lambda: find(cast.town_officer, "V-A2", merchant=cast.merchant),
        }[source]()
        self.made = self.issue.moves.count()
        self.other = find(cast.town_officer, merchant=cast.other_merchant)

    @rule(
        what=st.sampled_from(list(MOVES)),
        who=st.sampled_from([*PEOPLE, "owner", "assessor"]),
        to=st.sampled_from(["grid", "town_team", "ecology", "other_grid"]),
        result=st.sampled_from(list(FOUND_TRUE)),
    )
    def somebody_does_something(self, what: Move, who: str, to: str, result: str) -> None:
        self._do(what, getattr(self.cast, who), to, result)

    @rule(data=st.data())
    def somebody_does_what_they_are_offered(self, data: st.DataObject) -> None:
        """So that walks get somewhere: only moves the page would offer to this person."""
        self.issue.refresh_from_db()
        now = situation(self.issue)
        offered = [
            (user, what)
            for user in (getattr(self.cast, name) for name in [*PEOPLE, "owner"])
            for what in moves_from(
                State(self.issue.state),
                Level(self.issue.level),
                relations(user.pk, user.authority, now.held),
                now.marks,
            )
        ]
        user, what = data.draw(st.sampled_from(offered))
        to = {"county": "ecology", "town": "grid", "grid": "town_team"}[self.issue.level]
        self._do(what, user, to, data.draw(st.sampled_from(list(FOUND_TRUE))))

    def _do(self, what: Move, user: User, to: str, result: str) -> None:
        self.at += timedelta(minutes=10)
        brought = Brought(
            words="说明",
            unit=getattr(self.cast, to),
            result=result,
            photos=(self.picture,),
            answer="已处理",
            into=self.other.number,
            units=(self.cast.ecology, self.cast.enforcement, self.cast.town_team),
            report=self.issue.reports.values_list("pk", flat=True).last(),
            until=(self.at + timedelta(days=3)).date(),
            reason="PART-ORDERED",
            days=2,
            upheld=self.made % 2 == 0,
            part_due=(self.at + timedelta(days=self.made % 4)).date() if self.made % 3 else None,
            case_number="立〔2026〕1号",
        )  # type: ignore[arg-type]  # a member of FOUND_TRUE
        stored = Issue.objects.get(pk=self.issue.pk)
        before, due_at = State(stored.state), stored.due_at
        try:
            with transaction.atomic():
                move(self.issue.number, what, actor=user, at=self.at, brought=brought)
        except MoveRefused as refused:
            assert refused.state == before
            return
        self.issue.refresh_from_db()
        self.made = self.issue.version + 1
        assert before in MOVES[what].come_from
        assert self.issue.due_at >= due_at, "the whole clock is only ever lengthened"

    @rule(days=st.integers(1, 5))
    def days_pass(self, days: int) -> None:
        self.at += timedelta(days=days)

    @invariant()
    def nothing_is_out_of_order(self) -> None:
        if not hasattr(self, "issue"):
            return
        self.issue.refresh_from_db()
        issue = self.issue
        leads = list(issue.assignments.filter(part="lead", state__in=["offered", "accepted"]))
        if State(issue.state) in OPEN:
            assert [(lead.unit_id, lead.person_id) for lead in leads] == [(issue.lead_unit_id, issue.lead_person_id)]
            assert leads[0].step == issue.state
            assert issue.closed_at is None
        else:
            assert (leads, issue.lead_unit_id) == ([], None)
        assert (issue.state == "closed") <= (issue.result in {*FOUND_TRUE, "case_filed"})
        parts = list(issue.assignments.filter(part="cooperating", ended_at=None))
        assert not parts or (issue.flow == "joint" and State(issue.state) in OPEN)
        assert not {part.unit_id for part in parts} & {issue.lead_unit_id}
        assert {part.unit_id for part in parts} == open_by_moves(issue.moves.order_by("version"))
        assert (issue.suspended_until is None) or State(issue.state) in OPEN
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    @invariant()
    def the_moves_replay_to_what_is_stored(self) -> None:
        if not hasattr(self, "issue"):
            return
        issue, rows = self.issue, list(self.issue.moves.order_by("version"))
        assert [row.version for row in rows] == list(range(self.made))
        assert [row.at for row in rows] == sorted(row.at for row in rows), "time never runs backwards"
        told = replay(step_of(row) for row in rows)
        assert (told.state, told.level, told.version) == (issue.state, issue.level, issue.version)
        assert told.holder == (issue.lead_unit_id, issue.lead_person_id)
        assert told.suspended == (issue.suspended_until is not None)
        assert all((row.from_state, row.from_level) == (b.to_state, b.to_level) for b, row in pairwise(rows))
        standing = self.cast.merchant.standing
        standing.refresh_from_db()
        assert standing.open_issues == Issue.objects.open().filter(merchant=self.cast.merchant).count()

    def teardown(self) -> None:
        self.ground.__exit__(None, None, None)


@pytest.mark.django_db
def test_any_walk_of_several_people_keeps_the_list_in_order(cast: Cast) -> None:
    Walk.cast, Walk.picture = cast, photo()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis leaves it untyped
        Walk,
        settings=settings(
            max_examples=25,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
