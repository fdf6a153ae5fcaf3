"""Rests, more time, a leader's eye: clocks stand still where policy says, and are never set back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lingxiu.issues import resting
from lingxiu.issues.filters import Filter
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue
from lingxiu.issues.overdue import resume_rested
from lingxiu.issues.queries import counts
from lingxiu.issues.views import rows_of
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, do

ZONE = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


def refused(issue: Issue, what: Move, actor: object, **brought: object) -> str:
    with pytest.raises(MoveRefused) as error:
        do(issue, what, actor, **brought)  # type: ignore[arg-type]  # a user of the cast
    return error.value.why


def day_of(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def rest(issue: Issue, cast: Cast, until: date, reason: str = "PART-ORDERED") -> None:
    do(issue, Move.SUSPEND, cast.dispatcher, words="等配件", reason=reason, until=until)
    issue.refresh_from_db()


def test_what_rests_is_asked_nothing_and_goes_on_by_itself_with_its_working_days_added(cast: Cast) -> None:
    issue = alarm(cast.merchant)  # Thursday 5 March 2026, noon; whole: three working days, the step: one
    due, step = issue.due_at, issue.step_due_at
    rest(issue, cast, date(2026, 3, 10))
    assert refused(issue, Move.ACCEPT, cast.grid_member) == "suspended"
    assert (issue.due_at, issue.step_due_at) == (due, step)
    assert resume_rested(datetime(2026, 3, 10, 23, 0, tzinfo=ZONE)) == 0
    assert resume_rested(datetime(2026, 3, 11, 0, 1, tzinfo=ZONE)) == 1
    assert resume_rested(datetime(2026, 3, 11, 0, 2, tzinfo=ZONE)) == 0
    issue.refresh_from_db()
    # Friday, Monday, Tuesday and Wednesday began while it rested.
    assert (day_of(due), day_of(issue.due_at)) == (date(2026, 3, 10), date(2026, 3, 16))
    assert (day_of(step), day_of(issue.step_due_at)) == (date(2026, 3, 6), date(2026, 3, 12))
    last = issue.moves.latest("version")
    assert (last.move, last.actor, last.data["days"]) == ("resume", None, 4)
    do(issue, Move.ACCEPT, cast.grid_member, at=datetime(2026, 3, 11, 9, tzinfo=ZONE))


def test_a_reason_that_does_not_stop_the_clocks_adds_nothing(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    due = issue.due_at
    rest(issue, cast, date(2026, 3, 9), "APPOINTMENT")
    do(issue, Move.RESUME, cast.dispatcher, at=NOON + 2 * DAY)
    issue.refresh_from_db()
    assert (issue.due_at, issue.suspended_until, issue.suspended_for) == (due, None, "")


def test_what_rests_with_its_clocks_stopped_is_late_nowhere(cast: Cast) -> None:
    issue, other = alarm(cast.merchant), alarm(cast.merchant, 2, violation="L-OFF")
    rest(issue, cast, date(2026, 3, 16))
    rest(other, cast, date(2026, 3, 12), "APPOINTMENT")  # which stops no clock
    now = NOON + 5 * DAY
    assert issue.step_due_at < now
    assert not resting.is_late(issue, now)
    assert resting.is_late(other, now)
    assert list(matching(Filter(late=True), cast.dispatcher, now)) == [other]
    assert counts(cast.dispatcher, now).late == 1
    rows = {row["number"]: (row["late"], row["rests"]) for row in rows_of([issue, other], now)}
    assert rows == {issue.number: (False, "2026-03-16"), other.number: (True, "")}
    do(issue, Move.RESUME, cast.dispatcher, at=NOON + DAY)
    assert set(matching(Filter(late=True), cast.dispatcher, now + 7 * DAY)) == {issue, other}


@pytest.mark.parametrize(
    ("until", "reason", "why"),
    [
        (date(2026, 3, 5), "PART-ORDERED", "until"),
        (date(2026, 3, 21), "PART-ORDERED", "long"),
        (date(2026, 3, 9), "NO-SUCH", "until"),
        (None, "PART-ORDERED", "until"),
    ],
)
def test_a_rest_has_a_reason_and_a_date_within_bounds(cast: Cast, until: date | None, reason: str, why: str) -> None:
    issue = alarm(cast.merchant)
    assert refused(issue, Move.SUSPEND, cast.dispatcher, words="等", reason=reason, until=until) == why
    issue.refresh_from_db()
    assert issue.suspended_until is None


def test_only_the_dispatcher_lets_it_rest(cast: Cast) -> None:
    given = {"words": "等", "reason": "PART-ORDERED", "until": date(2026, 3, 9)}
    assert refused(alarm(cast.merchant), Move.SUSPEND, cast.grid_member, **given) == "person"


def test_more_time_is_asked_for_and_given_once(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    due, step = issue.due_at, issue.step_due_at
    do(issue, Move.ACCEPT, cast.grid_member)
    assert refused(issue, Move.EXTEND, cast.grid_member, words="店里装修", days=4) == "long"
    do(issue, Move.EXTEND, cast.grid_member, words="店里装修", days=3)
    assert refused(issue, Move.EXTEND, cast.grid_member, words="再要", days=1) == "extension_asked"
    assert refused(issue, Move.GRANT, cast.grid_member) == "person"
    do(issue, Move.GRANT, cast.dispatcher, days=2)
    issue.refresh_from_db()
    assert (day_of(due), day_of(issue.due_at)) == (date(2026, 3, 10), date(2026, 3, 12))
    assert (day_of(step), day_of(issue.step_due_at)) == (date(2026, 3, 6), date(2026, 3, 10))
    assert refused(issue, Move.EXTEND, cast.grid_member, words="再要", days=1) == "extended"


def test_more_time_refused_leaves_the_clocks_and_may_be_asked_for_again(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    due = issue.due_at
    do(issue, Move.EXTEND, cast.grid_member, words="忙", days=3)
    assert refused(issue, Move.REFUSE, cast.dispatcher) == "words"
    do(issue, Move.REFUSE, cast.dispatcher, words="今天必须去")
    issue.refresh_from_db()
    assert (issue.due_at, issue.extension_asked_days) == (due, None)
    do(issue, Move.EXTEND, cast.grid_member, words="真的忙", days=1)


def test_what_goes_to_another_hand_leaves_the_request_behind(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.EXTEND, cast.grid_member, words="忙", days=3)
    do(issue, Move.TRANSFER, cast.dispatcher, unit=cast.town_team, words="执法队去")
    issue.refresh_from_db()
    assert issue.extension_asked_days is None


def test_coming_down_a_level_never_shortens_the_whole_clock(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.dispatcher, words="收回")
    do(issue, Move.ESCALATE, cast.dispatcher, words="县里定")
    issue.refresh_from_db()
    at_county = issue.due_at
    do(issue, Move.RETURN, cast.county_officer, words="镇里办")
    issue.refresh_from_db()
    assert (issue.level, issue.due_at) == ("town", at_county)


def test_a_leader_asks_and_is_answered_by_a_date_of_its_own(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert refused(issue, Move.SUPERVISE, cast.grid_member, words="快办") == "person"
    do(issue, Move.SUPERVISE, cast.leader, words="学校旁边，务必本周解决")
    issue.refresh_from_db()
    assert (issue.supervised_by, day_of(issue.supervised_due_at)) == (cast.leader, date(2026, 3, 9))  # type: ignore[arg-type]  # supervised
    assert refused(issue, Move.SUPERVISE, cast.county_officer, words="快") == "supervised"
    do(issue, Move.REPORT_UP, cast.grid_member, words="明天清洗")
    issue.refresh_from_db()
    assert (issue.supervised_at, issue.supervised_due_at, issue.supervised_by) == (None, None, None)


def test_a_transfer_may_be_declined_once(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    assert refused(issue, Move.DECLINE, cast.grid_member, words="x") == "state"
    do(issue, Move.TRANSFER, cast.grid_member, unit=cast.town_team, words="要执法")
    do(issue, Move.DECLINE, cast.town_officer, words="不够立案，先提醒")
    issue.refresh_from_db()
    assert (issue.state, issue.lead_unit, issue.lead_person, issue.level) == (
        "dispatched", cast.grid, cast.grid_member, "grid",
    )  # fmt: skip
    do(issue, Move.TRANSFER, cast.grid_member, unit=cast.town_team, words="老板不听")
    assert refused(issue, Move.DECLINE, cast.town_officer, words="还是不要") == "nothing"


def test_what_was_dispatched_is_not_declined_but_returned(cast: Cast) -> None:
    assert refused(alarm(cast.merchant), Move.DECLINE, cast.grid_member, words="不要") == "nothing"


def test_the_clock_of_a_slow_machine_does_not_turn_time_back(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member, at=LATER)
    row = do(issue, Move.NOTE, cast.grid_member, words="记录", at=LATER - timedelta(minutes=30))
    assert row.at == LATER
