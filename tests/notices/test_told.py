"""From the journal to people: who is told of what was really done, once, whatever happens to the process that tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone, translation
from procrastinate.contrib.django.models import ProcrastinateJob

from lingxiu.accounts.duty import enter
from lingxiu.accounts.models import Absence
from lingxiu.issues import looking
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.models import Assignment, Issue
from lingxiu.issues.overdue import follow_up
from lingxiu.issues.writing import Brought
from lingxiu.journal.actions import record
from lingxiu.journal.models import Cursor, Entry
from lingxiu.journal.queries import follow
from lingxiu.notices.actions import Wishes, choose, tell
from lingxiu.notices.jobs import READER, forget_old, read_on, tell_people
from lingxiu.notices.models import Delivery, Notice, Untold
from lingxiu.notices.telling import Chosen, Way
from lingxiu.notices.wording import lines
from lingxiu.policy.queries import in_force
from tests.cast import NOON, Cast, make_cast, person
from tests.issues.world import LATER, alarm, complain, do, find, photo, to_recheck
from tests.notices.world import SOON, connected, rules_of, silent, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed: the journal is read only up to what is settled."""
    return make_cast()


def test_a_complaint_is_told_to_the_dispatcher_of_its_town_and_to_nobody_else(cast: Cast) -> None:
    complain(cast.merchant)
    assert told() == [("dispatcher", "N-RECEIVED")]


def test_what_is_given_to_a_grid_is_told_to_its_members_and_the_shop(cast: Cast) -> None:
    colleague = person("grid-b", "grid_member", cast.grid)
    issue = alarm(cast.merchant)
    assert issue.lead_unit == cast.grid, "the demo county sends an alarm to the grid at once"
    assert told() == [("grid", "N-GIVEN"), ("grid-b", "N-GIVEN"), ("owner", "N-SHOP-ISSUE")]
    do(issue, Move.ACCEPT, colleague)
    assert len(told()) == 3, "nobody need be told that somebody took it"


def test_on_a_holiday_who_is_on_duty_is_told_and_nobody_who_rests(cast: Cast) -> None:
    person("dispatcher-b", "town_dispatcher", cast.town)
    holiday = datetime(2026, 10, 2, 2, tzinfo=UTC)
    for who, since in (
        (cast.dispatcher, holiday - timedelta(hours=1)),
        (cast.town_officer, holiday + timedelta(hours=1)),
    ):
        enter(cast.town, who, since, since + timedelta(hours=2), rank=1, at=since, by=None)
    waits, goes = (
        alarm(cast.merchant, 1, at=holiday),
        alarm(cast.merchant, 2, violation="L-LINK", at=holiday + timedelta(hours=1, minutes=30)),
    )
    assert (waits.state, goes.lead_person) == ("received", cast.town_officer)
    read_on(holiday + timedelta(minutes=1))
    assert {(who, rule) for who, rule in told(holiday + timedelta(minutes=2)) if who != "owner"} == {
        ("dispatcher", "N-RECEIVED"), ("team", "N-GIVEN"),
    }  # fmt: skip


def test_a_look_is_told_to_who_is_sent_to_the_shop_and_back_to_who_asked(cast: Cast) -> None:
    issue, colleague = to_recheck(cast, alarm(cast.merchant)), person("grid-b", "grid_member", cast.grid)
    read_on(SOON)
    before = Notice.objects.count()
    asked = {"actor": cast.dispatcher, "at": LATER}
    looking.ask_shop(issue.number, "请拍滤网", submission=uuid4(), **asked)
    looking.send(issue.number, colleague, "看桶盖", submission=uuid4(), **asked)
    assert told(LATER)[before:] == [("owner", "N-SHOP-LOOK"), ("grid-b", "N-LOOK")]
    seen = Brought(words="盖好了", photos=(photo(3),))
    looking.saw(issue.number, seen, actor=colleague, at=LATER, submission=uuid4())
    do(issue, Move.CORRECT, cast.owner, words="拍好了", photos=(photo(4),))
    assert told(LATER)[before + 2 :] == [("dispatcher", "N-LOOKED"), ("dispatcher", "N-CORRECTED")]


def test_a_late_look_is_told_to_who_was_sent_and_not_as_a_part(cast: Cast) -> None:
    issue, colleague = to_recheck(cast, alarm(cast.merchant)), person("grid-b", "grid_member", cast.grid)
    looking.send(issue.number, colleague, "看桶盖", actor=cast.dispatcher, at=LATER, submission=uuid4())
    read_on(LATER)
    late = Assignment.objects.get(part="checking").due_at + timedelta(minutes=1)
    follow_up(late)
    read_on(late)
    warned = Notice.objects.filter(kind="issue.warned", person=colleague)
    assert set(warned.values_list("detail", flat=True)) == {"E-LOOK-80", "E-LOOK-100"}
    assert not Notice.objects.filter(detail__startswith="E-PART").exists()


def test_the_story_of_a_complaint_is_told_to_whom_it_concerns(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    read_on(SOON)
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, person=cast.grid_member)
    assert told(SOON)[1:] == [("grid", "N-GIVEN"), ("owner", "N-SHOP-ISSUE")]
    issue.refresh_from_db()
    do(issue, Move.ACCEPT, cast.grid_member)
    issue.refresh_from_db()
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.NOT_FOUND, photos=(photo(),))
    read_on(SOON)
    assert rules_of(cast.dispatcher) == ["N-RECEIVED", "N-RECHECK"]
    issue.refresh_from_db()
    do(issue, Move.REWORK, cast.dispatcher, words="看不清")
    read_on(SOON)
    assert rules_of(cast.grid_member) == ["N-GIVEN", "N-REWORK"]
    issue.refresh_from_db()
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.NOT_FOUND, photos=(photo(1),))
    issue.refresh_from_db()
    do(issue, Move.CLOSE, cast.county_officer, answer="现场未发现")
    read_on(SOON)
    assert rules_of(cast.grid_member) == ["N-GIVEN", "N-REWORK", "N-ENDED"]
    assert rules_of(cast.owner) == ["N-SHOP-ISSUE", "N-SHOP-ISSUE", "N-SHOP-CLOSED"]
    assert rules_of(cast.stranger_owner) == rules_of(cast.other_dispatcher) == []


def test_an_objection_is_told_to_the_lead_who_replies_and_to_the_county_which_settles(cast: Cast) -> None:
    enforcer, marketer = (
        person(name, "department_officer", unit) for name, unit in (("enf", cast.enforcement), ("mar", cast.market))
    )
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.enforcement, cast.market))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology, person=cast.department_officer)
    before = len(told(SOON))

    def said(what: Move, actor: Any, **brought: Any) -> list[tuple[str, str]]:
        nonlocal before
        do(issue, what, actor, **brought)
        new = told(SOON)[before:]
        before += len(new)
        return new

    county, lead = cast.county_officer.username, cast.department_officer.username
    assert said(Move.OBJECT, marketer, words="不归我们") == [(county, "N-OBJECTED-SEEN"), (lead, "N-OBJECTED")]
    assert said(Move.REPLY, cast.department_officer, words="归的") == [(county, "N-REPLIED"), ("mar", "N-REPLIED-UNIT")]
    settled = said(Move.SETTLE, cast.county_officer, words="照办", upheld=True)
    assert settled == [(lead, "N-SETTLED"), ("mar", "N-SETTLED")]
    day = {"units": (cast.market,), "part_due": (NOON + timedelta(days=4)).date()}
    assert said(Move.SET_DUE, cast.county_officer, words="提前", **day) == [("mar", "N-PART-DUE")]
    said(Move.CONTRIBUTE, enforcer, words="已看")
    back = said(Move.HAND_BACK, cast.department_officer, words="缺照片", units=(cast.enforcement,))
    assert back == [(county, "N-PART-BACK-SEEN"), ("enf", "N-PART-BACK")]


def test_who_did_it_is_not_told_of_it(cast: Cast) -> None:
    find(cast.grid_member, merchant=cast.merchant)
    assert "grid" not in {who for who, _rule in told()}


def test_who_has_it_no_more_is_not_told_that_they_had_it(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.grid_member, words="不在本网格")
    read_on(SOON)
    assert rules_of(cast.grid_member) == []
    assert rules_of(cast.dispatcher) == ["N-RECEIVED"]


def test_nobody_is_told_of_an_issue_they_may_not_open(cast: Cast) -> None:
    with transaction.atomic():
        issue = alarm(cast.merchant)
        said = {"people": [cast.other_grid_member.pk, cast.county_officer.pk], "version": 0}
        record("issue.noted", "issue", issue.number, at=NOON, reference=said)
    read_on(SOON)
    assert rules_of(cast.other_grid_member) == []
    assert rules_of(cast.county_officer) == ["N-MENTIONED"]


def test_an_entry_may_name_units_and_audiences_itself(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    with transaction.atomic():
        said = {"tell": ["holder", "county", "nonsense"], "units": [cast.grid.pk], "rule": "E-NONE"}
        record("issue.warned", "issue", issue.number, at=NOON, reference=said)
    read_on(SOON)
    reminded = Notice.objects.filter(rule="N-TIME").values_list("person__username", flat=True)
    assert sorted(reminded) == ["county", "dispatcher", "grid"]


def test_what_runs_out_of_time_is_told_to_whom_escalation_names_once(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    read_on(SOON)
    later = issue.due_at + timedelta(days=30)
    assert follow_up(later) > 3
    read_on(later)
    warned = Notice.objects.filter(kind="issue.warned")
    rules = dict(warned.filter(person=cast.grid_member).values_list("detail", "rule"))
    assert rules["E-STEP-80"] == "N-TIME"
    assert "E-STEP-GRID-UP" in rules, "who was late is told that the town gains it"
    assert set(warned.filter(person=cast.county_officer).values_list("detail", flat=True)) >= {"E-WHOLE-100"}
    assert warned.values("person", "detail").distinct().count() == warned.count()
    with translation.override("en"):
        mine = warned.get(person=cast.grid_member, detail="E-STEP-80")
        assert lines([mine], officer=True)[0].what == "the step is due soon"
    before = Notice.objects.count()
    follow_up(later)
    read_on(later)
    assert Notice.objects.count() == before


def test_who_is_away_is_stood_in_for(cast: Cast) -> None:
    deputy, colleague = person("dispatcher-b", "town_dispatcher", cast.town), cast.dispatcher
    month = NOON - timedelta(days=1), NOON + timedelta(days=30)
    Absence.objects.create(
        user=colleague,
        since=month[0],
        until=month[1],
        deputy=deputy,
        reason="leave",
        declared_at=NOON,
        declared_by=None,
    )
    complain(cast.merchant)
    assert told() == [("dispatcher-b", "N-RECEIVED")]
    Absence.objects.create(user=deputy, since=month[0], until=month[1], reason="leave", declared_at=NOON)
    complain(cast.merchant, violation="P-DRAIN")
    assert len(told()) == 3, "with nobody left all are told, so that somebody hears of it"


def test_owner_and_grid_hear_that_a_device_fell_silent(cast: Cast) -> None:
    silent(cast.merchant)
    assert told() == [("grid", "N-SILENT"), ("owner", "N-SHOP-SILENT")]


def test_told_once_though_the_job_runs_twice(cast: Cast) -> None:
    silent(cast.merchant)
    assert read_on(SOON) == 2
    assert read_on(SOON) == 0
    entries = list(Entry.objects.all())
    assert tell(entries, at=SOON) == 0, "nor if the cursor were lost"
    assert Notice.objects.count() == 2


def test_killed_in_between_nothing_is_told_and_then_all_of_it_once(cast: Cast) -> None:
    silent(cast.merchant)

    def killed(entries: list[Entry]) -> None:
        tell(entries, at=SOON)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(READER, killed)
    assert (Notice.objects.count(), Delivery.objects.count()) == (0, 0)
    assert Cursor.objects.get(reader=READER).entry_id == 0
    assert read_on(SOON) == 2


def test_what_is_older_than_policy_says_is_told_to_nobody(cast: Cast) -> None:
    hours = in_force().catalogues.notices.stale_hours
    silent(cast.merchant, at=SOON - timedelta(hours=hours))
    silent(cast.merchant, at=SOON - timedelta(hours=hours - 1))
    assert read_on(SOON) == 2


def test_an_entry_that_cannot_be_told_is_put_aside_and_those_after_it_are_told(cast: Cast) -> None:
    with transaction.atomic():
        bad = record("report.rated", "report", "not-a-number", at=NOON)
    silent(cast.merchant)
    assert read_on(SOON) == 2
    assert [(row.entry_id, row.kind) for row in Untold.objects.all()] == [(bad.pk, "report.rated")]
    assert "ValueError" in Untold.objects.get().error


def test_the_ways_are_those_of_the_person(cast: Cast, phone: object, zhezhengding: object) -> None:
    connected(cast.grid_member, "5001")
    alarm(cast.merchant)
    read_on(SOON)
    by = Delivery.objects.order_by("person__username", "way").values_list("person__username", "way")
    assert list(by) == [("grid", "todo"), ("grid", "zhezhengding"), ("owner", "sms")]
    assert set(Delivery.objects.values_list("state", "next_at")) == {("waiting", SOON)}


def test_a_persons_own_choice_counts(cast: Cast, phone: object) -> None:
    wishes = Wishes({"shop": Chosen(frozenset({Way.SMS}), digest=True)}, NOON.time(), NOON.time(), 3, {})
    choose(cast.owner, wishes, at=NOON)
    silent(cast.merchant)
    read_on(SOON)
    row = Delivery.objects.get()
    assert (row.person, row.way) == (cast.owner, "sms")
    assert row.next_at.isoformat() == "2026-03-05T23:45:00+00:00", "07:45 of the next morning"


def test_one_todo_an_issue_and_it_goes_when_the_ball_moves_on(cast: Cast, zhezhengding: object) -> None:
    connected(cast.grid_member, "5001")
    connected(cast.dispatcher, "5002")
    issue = alarm(cast.merchant)
    read_on(SOON)
    todo = Delivery.objects.get(way="todo")
    assert todo.person == cast.grid_member
    Delivery.objects.filter(pk=todo.pk).update(state="sent", remote_id="T-1")
    do(issue, Move.ACCEPT, cast.grid_member)
    read_on(SOON)
    assert not Delivery.objects.filter(way="todo_done").exists(), "they have it still"
    issue.refresh_from_db()
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.NOT_FOUND, photos=(photo(),))
    read_on(SOON)
    assert Delivery.objects.get(way="todo_done").finishes == todo
    assert Delivery.objects.get(way="todo", person=cast.dispatcher).state == "waiting"
    issue.refresh_from_db()
    do(issue, Move.CLOSE, cast.dispatcher, answer="好")
    read_on(SOON)
    assert Delivery.objects.get(way="todo", person=cast.dispatcher).state == "needless", "it had not left yet"
    assert Delivery.objects.filter(way="todo_done").count() == 1
    assert not Issue.objects.get(pk=issue.pk).is_open


def test_what_is_told_is_sent_at_once_and_old_notices_go(cast: Cast) -> None:
    silent(cast.merchant, at=timezone.now())
    for _ in range(2):
        tell_people(timestamp=0)
    waiting_jobs = ProcrastinateJob.objects.filter(task_name="lingxiu.notices.jobs.send_what_is_due")
    assert waiting_jobs.count() == 1
    assert forget_old(timezone.now() + timedelta(days=399)) == 0
    assert forget_old(timezone.now() + timedelta(days=401)) == 2
    assert not Notice.objects.exists()


def test_a_long_history_that_concerns_nobody_is_passed_over_quickly(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for _ in range(50):
        silent(cast.merchant, at=NOON - timedelta(days=30))
    with django_assert_max_num_queries(20):
        assert read_on(SOON) == 0
