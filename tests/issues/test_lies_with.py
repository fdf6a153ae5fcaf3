"""Everything that lies with somebody who changes post is shown, and goes: issues, seats, turns, standing in, shared lists."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from lingxiu.accounts.absences import declare
from lingxiu.accounts.duty import enter
from lingxiu.accounts.models import Absence, DutyTurn, Post, Unit, User
from lingxiu.issues import lies_with, signing
from lingxiu.issues.inspection_rules import Inspecting
from lingxiu.issues.inspections import inspect
from lingxiu.issues.joint import plan
from lingxiu.issues.joint_models import JointInspection
from lingxiu.issues.kept import SavedView
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from tests.cast import NOON, Cast, person
from tests.issues.test_joint_rounds import a_round, walked
from tests.issues.world import LATER, do, find
from tests.pages import plain_static

__all__ = ["plain_static"]

DAY = timedelta(days=1)


@pytest.fixture
def heir(cast: Cast) -> User:
    """Who comes after the team's officer."""
    return person("heir", "town_officer", cast.town_team)


@pytest.fixture
def the_round(cast: Cast) -> JointInspection:
    """A round in three days, on which the team's officer has a seat."""
    crew: dict[Unit, list[User]] = {
        cast.town_team: [cast.town_officer, person("team2", "town_officer", cast.town_team)],
        cast.ecology: [cast.department_officer, person("ecology2", "department_officer", cast.ecology)],
    }
    wanted = a_round(cast, crew, cast.merchant, day=(NOON + 3 * DAY).date())
    return plan(wanted, by=cast.county_officer, at=NOON, submission=uuid4()).joint


@pytest.fixture
def busy(cast: Cast, the_round: JointInspection) -> User:
    """The team's officer, with one of each."""
    team = cast.town_officer
    issue = find(team, "V-F1", merchant=cast.merchant)
    assert issue.lead_unit == cast.town_team, "graver finds are the team's"
    do(issue, Move.ACCEPT, team)
    enter(cast.town, team, NOON + 2 * DAY, NOON + 3 * DAY, rank=1, at=NOON, by=None)
    away = User.objects.get(username="team2")
    declare(away, NOON + 9 * DAY, NOON + 12 * DAY, reason="leave", deputy=team, at=NOON, by=away.pk)
    SavedView.objects.create(owner=team, name="我们队的", query="level=town", shared_with=cast.town_team, at=NOON)
    SavedView.objects.create(owner=team, name="自己看的", query="level=town", at=NOON)
    return team


def kinds(giver: User, cast: Cast) -> list[str]:
    return [thing.kind for thing in lies_with.of(giver, cast.town_team, actor=cast.dispatcher, at=LATER)]


def given(giver: User, taker: User, cast: Cast) -> dict[str, str]:
    done = lies_with.hand_over(giver, taker, cast.town_team, actor=cast.dispatcher, at=LATER, words="岗位调整")
    return {thing.kind: why for thing, why in done}


def test_one_of_each_is_shown_and_goes(cast: Cast, busy: User, heir: User, the_round: JointInspection) -> None:
    assert kinds(busy, cast) == ["issue", "seat", "turn", "stands_in", "view"]
    assert given(busy, heir, cast) == dict.fromkeys(["issue", "seat", "turn", "stands_in", "view"], "")
    assert kinds(busy, cast) == []
    assert Issue.objects.get(lead_unit=cast.town_team).lead_person == heir
    assert the_round.officers.filter(user=heir, unit=cast.town_team, deputy_for=None).exists()
    turn = DutyTurn.objects.get()
    assert (turn.person, turn.unit, turn.since, turn.rank) == (heir, cast.town, NOON + 2 * DAY, 1)
    assert Absence.objects.get().deputy == heir
    assert dict(SavedView.objects.values_list("name", "owner__username")) == {"我们队的": "heir", "自己看的": "team"}


def test_a_turn_that_runs_is_shared_where_it_changes_hands(cast: Cast, heir: User) -> None:
    enter(cast.town, cast.town_officer, NOON - DAY, NOON + DAY, rank=2, at=NOON - 2 * DAY, by=None)
    given(cast.town_officer, heir, cast)
    assert list(DutyTurn.objects.order_by("since").values_list("person__username", "since", "until", "rank")) == [
        ("team", NOON - DAY, LATER, 2), ("heir", LATER, NOON + DAY, 2),
    ]  # fmt: skip


def test_what_cannot_go_stays_and_says_why(cast: Cast, busy: User) -> None:
    """Somebody who goes along already, is on duty then, is the one who is away, and has a list of that name."""
    taker = User.objects.get(username="team2")
    enter(cast.town, taker, NOON + 2 * DAY, NOON + 3 * DAY, rank=2, at=NOON, by=None)
    SavedView.objects.create(owner=taker, name="我们队的", query="level=grid", at=NOON)
    outcome = given(busy, taker, cast)
    assert [kind for kind, why in outcome.items() if not why] == ["issue"]
    assert kinds(busy, cast) == ["seat", "turn", "stands_in", "view"]


def test_who_left_already_is_still_found_with_what_lies_with_them(cast: Cast, busy: User, heir: User) -> None:
    Post.objects.filter(user=busy).update(until=NOON + timedelta(minutes=1))
    assert (cast.town_team, busy) in lies_with.givers(cast.dispatcher, LATER)
    assert set(given(busy, heir, cast).values()) == {""}


def test_what_rests_goes_too_and_goes_on_resting(cast: Cast, busy: User, heir: User) -> None:
    issue = Issue.objects.get(lead_person=busy)
    until = (NOON + 5 * DAY).date()
    do(issue, Move.SUSPEND, cast.dispatcher, words="等配件", reason="PART-ORDERED", until=until)
    columns = ("suspended_until", "due_at", "step_due_at")
    rests = Issue.objects.values(*columns).get(pk=issue.pk)
    assert given(busy, heir, cast)["issue"] == ""
    assert Issue.objects.values("lead_person", *columns).get(pk=issue.pk) == {"lead_person": heir.pk, **rests}
    assert rests["suspended_until"] is not None


def test_a_round_that_was_walked_keeps_who_walked_it(cast: Cast, heir: User, the_round: JointInspection) -> None:
    JointInspection.objects.filter(pk=the_round.pk).update(day=NOON.date())
    the_round.refresh_from_db()
    walked(cast, the_round, cast.merchant)
    assert kinds(cast.town_officer, cast) == ["paper"], "what was written down there is still theirs to sign"


@pytest.mark.usefixtures("plain_static", "the_round")
@time_machine.travel(LATER, tick=False)
def test_the_page_shows_it_before_it_goes(client: Client, cast: Cast, busy: User, heir: User) -> None:
    client.force_login(cast.dispatcher)
    key = f"{cast.town_team.pk}:{busy.pk}"
    assert f'value="{key}"' in client.get("/issues/hand-over/").content.decode()
    shown = client.get("/issues/hand-over/", {"giver": key})
    assert [thing.kind for thing in shown.context["things"]] == ["issue", "seat", "turn", "stands_in", "view"]
    assert "餐饮油烟联合检查" in shown.content.decode()
    sent = {"giver": key, "taker": f"{cast.town_team.pk}:{heir.pk}", "words": "岗位调整", "submission": str(uuid4())}
    assert client.post("/issues/hand-over/", {**sent, "taker": key}).status_code == 422
    done = client.post("/issues/hand-over/", sent)
    assert (done.status_code, [row["why"] for row in done.context["done"]]) == (200, [""] * 5)
    assert client.get("/issues/hand-over/", {"giver": "x:y"}).status_code == 200
    client.force_login(cast.other_dispatcher)
    assert f'value="{key}"' not in client.get("/issues/hand-over/").content.decode()


def test_a_paper_that_waits_for_a_signature_is_named_and_stays(cast: Cast, heir: User) -> None:
    second = person("team2", "town_officer", cast.town_team)
    said = Inspecting(second.pk, ("T07",), LATER - timedelta(hours=1), LATER)
    inspect(cast.merchant, said, officer=cast.town_officer, words="查看净化器", at=LATER, submission=uuid4())
    assert (cast.town_team, second) in lies_with.givers(cast.dispatcher, LATER)
    (thing,) = lies_with.of(second, cast.town_team, actor=cast.dispatcher, at=LATER)
    assert (thing.kind, cast.merchant.name in thing.text, thing.url.startswith("/issues/inspections/")) == (
        "paper", True, True,
    )  # fmt: skip
    assert given(second, heir, cast) == {"paper": str(lies_with.STAYS)}
    assert signing.counted(second) == 1
