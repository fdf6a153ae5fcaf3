"""Who works along, is sent to look, or decides what was asked has a line on the 浙政钉 list too, until it is theirs no more."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues import looking
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.models import Assignment, Issue
from lingxiu.notices.jobs import read_on
from lingxiu.notices.sending import send_due
from tests.cast import NOON, Cast, make_cast, person
from tests.issues.world import LATER, alarm, do, find, photo, to_recheck
from tests.notices.others import Zhezhengding
from tests.notices.world import connected

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed, and known to 浙政钉: the county, its ecology department's officer, a grid member."""
    cast = make_cast()
    for number, user in ((5001, cast.county_officer), (5002, cast.department_officer), (5003, cast.grid_member)):
        connected(user, str(number))
    return cast


@pytest.fixture
def marketer(cast: Cast) -> User:
    """Of the department that works along."""
    user = person("marketer", "department_officer", cast.market)
    connected(user, "6001")
    return user


@pytest.fixture
def joint(cast: Cast, marketer: User) -> Issue:
    """Led by ecology, the market's part beside it."""
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.market,), part_due=date(2026, 3, 6))
    issue.refresh_from_db()
    return issue


class Lists:
    """Everybody's list on the other side, as the worker's next round leaves it."""

    def __init__(self, zhezhengding: Zhezhengding) -> None:
        self.zhezhengding, self.at = zhezhengding, LATER

    def now(self) -> dict[str, str]:
        """Whose line is due when."""
        self.at += timedelta(minutes=10)
        self.zhezhengding.now = self.at
        read_on(self.at)
        send_due(self.at)
        return {task["assigneeId"]: task["dueTime"] for task in self.zhezhengding.open_tasks}


@pytest.fixture
def lists(zhezhengding: Zhezhengding) -> Lists:
    return Lists(zhezhengding)


def said(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"


def test_a_part_stands_on_its_units_list_by_its_own_day_until_it_is_done(
    cast: Cast, joint: Issue, marketer: User, lists: Lists
) -> None:
    part = Assignment.objects.get(issue=joint, part=Assignment.Part.COOPERATING)
    assert lists.now() == {"5002": said(joint.step_due_at), "6001": said(part.due_at)}
    assert part.due_at != joint.step_due_at
    do(joint, Move.CONTRIBUTE, marketer, words="证照齐全")
    assert set(lists.now()) == {"5002"}
    do(joint, Move.HAND_BACK, cast.department_officer, words="请补近期抽检", units=(cast.market,))
    assert set(lists.now()) == {"5002", "6001"}
    do(joint, Move.RELEASE, cast.county_officer, words="不用了", units=(cast.market,))
    assert set(lists.now()) == {"5002"}


def test_who_settles_has_it_once_the_lead_has_replied(cast: Cast, joint: Issue, marketer: User, lists: Lists) -> None:
    lists.now()
    do(joint, Move.ACCEPT, cast.department_officer)
    do(joint, Move.OBJECT, marketer, words="不归我们")
    assert set(lists.now()) == {"5002"}, "the lead is to reply first"
    do(joint, Move.REPLY, cast.department_officer, words="归的")
    assert set(lists.now()) == {"5001", "5002"}
    do(joint, Move.SETTLE, cast.county_officer, words="市场监管照办", upheld=True)
    assert set(lists.now()) == {"5002", "6001"}


def test_more_time_asked_for_stands_with_who_grants_it(cast: Cast, joint: Issue, lists: Lists) -> None:
    do(joint, Move.RELEASE, cast.county_officer, words="不用了", units=(cast.market,))
    lists.now()
    do(joint, Move.ACCEPT, cast.department_officer)
    do(joint, Move.EXTEND, cast.department_officer, words="等配件", days=1)
    assert set(lists.now()) == {"5001", "5002"}
    do(joint, Move.GRANT, cast.county_officer)
    assert set(lists.now()) == {"5002"}


def test_who_is_sent_to_look_has_it_until_they_said_what_they_saw(cast: Cast, lists: Lists) -> None:
    colleague = person("grid-b", "grid_member", cast.grid)
    connected(colleague, "6002")
    issue = to_recheck(cast, alarm(cast.merchant))
    assert set(lists.now()) == set(), "the town's dispatcher is not there"
    looking.send(issue.number, colleague, "看看桶盖了没有", actor=cast.dispatcher, at=LATER, submission=uuid4())
    assert set(lists.now()) == {"6002"}
    do(issue, Move.REWORK, cast.dispatcher, words="还在漏")
    assert set(lists.now()) == {"5003"}, "nobody looks any more, it is done again"
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED, photos=(photo(8),), at=NOON + timedelta(hours=5))
    assert set(lists.now()) == set()
