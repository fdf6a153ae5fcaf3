"""What people do with issues, and what each move leaves behind."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from lingxiu.accounts.models import Post
from lingxiu.issues.lifecycle import Move, MoveRefused, Result, State
from lingxiu.issues.models import Assignment, Issue, MoveRow
from lingxiu.issues.queries import mine, situation, suggestions, unit_work
from lingxiu.issues.writing import SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast, person
from tests.issues.world import (
    LATER,
    alarm,
    all_signed,
    complain,
    do,
    filled,
    find,
    inspecting,
    photo,
    to_closed,
    to_recheck,
)

MUCH_LATER = NOON + timedelta(days=1)


def refused(issue: Issue, what: Move, actor: object, **brought: object) -> str:
    """Why a move is refused."""
    with pytest.raises(MoveRefused) as error:
        do(issue, what, actor, **brought)  # type: ignore[arg-type]  # people of the cast
    return error.value.why


# ── the quick way ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_quick_way_from_an_alarm_to_the_end(cast: Cast) -> None:
    issue = to_closed(cast, alarm(cast.merchant))
    assert (issue.state, issue.result, issue.found_true, issue.lead_unit, issue.closed_at) == (
        "closed", "fixed", True, None, LATER,
    )  # fmt: skip
    assert list(issue.moves.order_by("version").values_list("move", flat=True)) == [
        "report", "dispatch", "accept", "handle", "feed_back", "close",
    ]  # fmt: skip
    assert [row.version for row in issue.moves.order_by("version")] == list(range(6))
    assert issue.version == 5


def test_every_step_has_an_assignment_with_a_clock_of_its_own(cast: Cast) -> None:
    issue = to_closed(cast, alarm(cast.merchant))
    steps = issue.assignments.order_by("id").values_list("unit__kind", "person__username", "step", "state")
    assert list(steps) == [
        ("town", None, "received", "done"),
        ("grid", "grid", "handling", "done"),
        ("town", None, "recheck", "done"),
    ]
    assert not issue.assignments.filter(ended_at=None).exists()


def test_accepting_makes_it_one_persons_and_lets_the_clock_run_on(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    due = issue.step_due_at
    do(issue, Move.ACCEPT, cast.grid_member)
    issue.refresh_from_db()
    assert (issue.state, issue.lead_person, issue.step_due_at) == ("handling", cast.grid_member, due)


def test_a_visit_is_told_to_the_merchants_standing_and_is_no_inspection(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    row = do(issue, Move.HANDLE, cast.grid_member, words="看了现场", lng=120.92, lat=30.85)
    cast.merchant.standing.refresh_from_db()
    assert cast.merchant.standing.last_visit_at == LATER
    assert (row.data["act"], row.lng, row.lat) == ("visit", 120.92, 30.85)


def test_grid_members_may_not_inspect_nor_order(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    tried = {"words": "检查", "inspection": inspecting(cast.town_officer)}
    assert refused(issue, Move.HANDLE, cast.grid_member, **tried) == "certificate"
    ordered = {"result": Result.ORDERED, "photos": (photo(),)}
    assert refused(issue, Move.FEED_BACK, cast.grid_member, **ordered) == "certificate"


def test_certified_officers_may_inspect_and_order(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A1", merchant=cast.merchant)
    assert issue.lead_person == cast.town_officer
    do(issue, Move.ACCEPT, cast.town_officer)
    brought = {"words": "检查笔录", "inspection": inspecting(cast.town_officer), "photos": (photo(1),)}
    row = do(issue, Move.HANDLE, cast.town_officer, **brought)
    assert row.data["act"] == "inspection"
    all_signed()
    shown = {"photos": (photo(2),), "told": filled(issue), "measured": "采样检测 3.4 mg/m³"}
    do(issue, Move.FEED_BACK, cast.town_officer, result=Result.ORDERED, **shown)
    issue.refresh_from_db()
    assert (issue.state, issue.result, issue.found_true) == ("recheck", "ordered", True)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_move_the_table_does_not_allow_changes_nothing(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert refused(issue, Move.CLOSE, cast.dispatcher) == "state"
    assert refused(issue, Move.ACCEPT, cast.dispatcher) == "person"
    issue.refresh_from_db()
    assert (issue.state, issue.version, issue.moves.count()) == ("dispatched", 1, 2)


@pytest.mark.parametrize("role", ["assessor", "department_officer", "owner", "cleaning_company"])
def test_people_who_have_nothing_to_do_with_it_can_do_nothing(cast: Cast, role: str) -> None:
    issue = alarm(cast.merchant)
    for what in (Move.ACCEPT, Move.TRANSFER, Move.DISMISS, Move.NOTE, Move.ESCALATE):
        assert refused(issue, what, cast.by_role[role], words="x", unit=cast.town_team) == "person"


def test_a_neighbouring_towns_dispatcher_can_do_nothing(cast: Cast) -> None:
    assert refused(alarm(cast.merchant), Move.DISMISS, cast.other_dispatcher, words="x") == "person"


def test_feedback_without_a_picture_is_refused_where_the_catalogue_asks_for_one(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.HANDLE, cast.grid_member, words="看了现场")
    assert refused(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED) == "evidence"
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED, photos=(photo(),))


def test_a_picture_of_the_visit_is_enough_where_only_how_it_was_left_is_asked_for(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.HANDLE, cast.grid_member, words="看了现场", photos=(photo(),))
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.REMINDED)


def test_no_picture_is_asked_for_a_silent_device(cast: Cast) -> None:
    issue = alarm(cast.merchant, violation="L-OFF")
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.DEVICE_FAULT)
    issue.refresh_from_db()
    assert issue.found_true is False


def test_feedback_without_a_result_or_with_one_that_joining_gives_is_refused(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    assert refused(issue, Move.FEED_BACK, cast.grid_member, photos=(photo(),)) == "result"
    assert refused(issue, Move.FEED_BACK, cast.grid_member, photos=(photo(),), result=Result.JOINED) == "result"


def test_blank_words_are_no_words(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    assert refused(issue, Move.HANDLE, cast.grid_member, words="  \n ") == "words"


# ── two people ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_handled_it_may_not_close_it(cast: Cast) -> None:
    both = person("both", "town_dispatcher", cast.town)
    Post.objects.create(user=both, role="grid_member", unit=cast.grid, since=NOON - timedelta(days=9))
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, both)
    do(issue, Move.FEED_BACK, both, result=Result.FIXED, photos=(photo(),))
    assert refused(issue, Move.CLOSE, both) == "person"
    do(issue, Move.CLOSE, cast.dispatcher)


def test_a_dispatcher_enters_what_was_phoned_in_and_then_somebody_else_closes(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    for_them = {"on_behalf_of": cast.grid_member}
    do(issue, Move.ACCEPT, cast.dispatcher, **for_them)
    do(issue, Move.HANDLE, cast.dispatcher, words="电话说已到现场", photos=(photo(),), **for_them)
    row = do(issue, Move.FEED_BACK, cast.dispatcher, result=Result.FIXED, **for_them)
    issue.refresh_from_db()
    assert (row.actor, row.on_behalf_of) == (cast.dispatcher, cast.grid_member)
    assert situation(issue).held.handled_by == {cast.dispatcher.pk, cast.grid_member.pk}
    assert refused(issue, Move.CLOSE, cast.dispatcher) == "person"
    do(issue, Move.CLOSE, cast.county_officer)


def test_nobody_enters_for_somebody_who_was_not_given_it(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert refused(issue, Move.ACCEPT, cast.dispatcher, on_behalf_of=cast.town_officer) == "person"
    assert refused(issue, Move.ACCEPT, cast.other_dispatcher, on_behalf_of=cast.grid_member) == "person"
    given_away = {"unit": cast.town_team, "words": "x", "on_behalf_of": cast.grid_member}
    assert refused(issue, Move.TRANSFER, cast.dispatcher, **given_away) == "person"


def test_entering_for_a_grid_member_gives_no_certificate(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.dispatcher, on_behalf_of=cast.grid_member)
    tried = {"words": "x", "inspection": inspecting(cast.town_officer), "on_behalf_of": cast.grid_member}
    assert refused(issue, Move.HANDLE, cast.dispatcher, **tried) == "certificate"


def test_the_second_of_two_is_told_that_somebody_was_faster(cast: Cast) -> None:
    issue = to_recheck(cast, alarm(cast.merchant))
    do(issue, Move.CLOSE, cast.dispatcher, seen=issue.version)
    with pytest.raises(SomebodyWasFaster) as told:
        do(issue, Move.REWORK, cast.county_officer, words="再看看", seen=issue.version)
    assert told.value.last is not None
    assert (told.value.last.move, told.value.last.actor) == ("close", cast.dispatcher)


def test_a_note_made_in_between_disturbs_nobody(cast: Cast) -> None:
    issue = to_recheck(cast, alarm(cast.merchant))
    do(issue, Move.NOTE, cast.county_officer, words="请抓紧")
    do(issue, Move.CLOSE, cast.dispatcher, seen=issue.version)


# ── dispatching, handing on, up and down ─────────────────────────────────────────────────────────────────────────


def test_the_dispatcher_gives_it_to_a_grid_to_the_team_or_to_somebody_of_theirs(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.town_team, person=cast.town_officer)
    issue.refresh_from_db()
    assert (issue.state, issue.level, issue.lead_unit, issue.lead_person) == (
        "dispatched", "town", cast.town_team, cast.town_officer,
    )  # fmt: skip
    colleague = person("colleague", "town_officer", cast.town_team)
    assert refused(issue, Move.ACCEPT, colleague) == "person"


def test_it_is_not_given_to_another_town_nor_to_somebody_who_does_not_work_there(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    assert refused(issue, Move.DISPATCH, cast.dispatcher, unit=cast.other_grid) == "unit"
    assert refused(issue, Move.DISPATCH, cast.dispatcher, unit=cast.ecology) == "unit"
    assert refused(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, person=cast.town_officer) == "unit"
    assert refused(issue, Move.DISPATCH, cast.dispatcher) == "unit"


def test_transfer_takes_it_from_one_and_offers_it_to_another(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.TRANSFER, cast.grid_member, unit=cast.town_team, words="需要执法队")
    issue.refresh_from_db()
    assert (issue.state, issue.level, issue.lead_unit, issue.lead_person) == (
        "dispatched",
        "town",
        cast.town_team,
        None,
    )
    assert issue.assignments.get(unit=cast.grid).state == "given_up"


def test_transfer_to_whoever_has_it_already_is_refused(cast: Cast) -> None:
    assert refused(alarm(cast.merchant), Move.TRANSFER, cast.dispatcher, unit=cast.grid, words="x") == "unit"


def test_escalation_goes_to_the_dispatcher_of_the_next_level_with_a_longer_clock(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    due = issue.due_at
    do(issue, Move.ESCALATE, cast.grid_member, words="店家不配合")
    issue.refresh_from_db()
    assert (issue.state, issue.level, issue.lead_unit) == ("received", "town", cast.town)
    assert issue.due_at > due
    do(issue, Move.ESCALATE, cast.dispatcher, words="请县里协调")
    issue.refresh_from_db()
    assert (issue.state, issue.level, issue.lead_unit) == ("received", "county", cast.county_office)
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    do(issue, Move.ACCEPT, cast.department_officer)
    assert refused(issue, Move.ESCALATE, cast.department_officer, words="x") == "level"


def test_a_department_returns_what_is_not_its_duty_and_the_county_hands_it_down(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant)
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    do(issue, Move.RETURN, cast.department_officer, words="三定方案第四条，非本单位职责")
    issue.refresh_from_db()
    assert (issue.state, issue.level, issue.lead_unit) == ("received", "county", cast.county_office)
    do(issue, Move.RETURN, cast.county_officer, words="镇里可办")
    issue.refresh_from_db()
    assert (issue.state, issue.level, issue.lead_unit) == ("received", "town", cast.town)
    assert refused(issue, Move.RETURN, cast.dispatcher, words="x") == "level"


def test_the_county_cannot_hand_down_what_lies_in_no_town(cast: Cast) -> None:
    issue = find(cast.county_officer, lng=121.5, lat=31.5)
    assert refused(issue, Move.RETURN, cast.county_officer, words="x") == "place"


def test_rework_goes_back_to_whoever_handled_it(cast: Cast) -> None:
    issue = to_recheck(cast, alarm(cast.merchant))
    do(issue, Move.REWORK, cast.dispatcher, words="照片看不清", at=MUCH_LATER)
    issue.refresh_from_db()
    assert (issue.state, issue.lead_unit, issue.lead_person) == ("handling", cast.grid, cast.grid_member)
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED, photos=(photo(5),), at=MUCH_LATER)


def test_rework_goes_to_the_unit_when_the_person_has_left_it(cast: Cast) -> None:
    issue = to_recheck(cast, alarm(cast.merchant))
    cast.grid_member.posts.update(until=NOON)
    do(issue, Move.REWORK, cast.dispatcher, words="再去一次")
    issue.refresh_from_db()
    assert (issue.lead_unit, issue.lead_person) == (cast.grid, None)


# ── ends, answers, joining, opening again ────────────────────────────────────────────────────────────────────────


def test_nothing_people_reported_closes_without_an_answer(cast: Cast) -> None:
    row = complain(cast.merchant)
    issue = row.issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_recheck(cast, issue)
    assert refused(issue, Move.CLOSE, cast.dispatcher, answer="  ") == "answer"
    do(issue, Move.CLOSE, cast.dispatcher, answer="已督促清洗净化器", at=MUCH_LATER)
    row.refresh_from_db()
    assert (row.answer, row.answered_at) == ("已督促清洗净化器", MUCH_LATER)


def test_dismissing_answers_as_well(cast: Cast) -> None:
    row = complain(cast.merchant)
    assert refused(row.issue, Move.DISMISS, cast.dispatcher, words="不在辖区") == "answer"
    do(row.issue, Move.DISMISS, cast.dispatcher, words="不在辖区", answer="该店不在我县，已转告")
    row.refresh_from_db()
    assert row.answer.startswith("该店不在我县")


def test_joining_hands_the_reports_over_and_each_keeps_its_own_answer_and_deadline(cast: Cast) -> None:
    first = complain(cast.merchant)
    second = complain(cast.merchant, source="12345", own_number="A1", at=LATER)
    joined = second.issue
    row = do(joined, Move.JOIN, cast.dispatcher, into=first.issue.number)
    second.refresh_from_db()
    joined.refresh_from_db()
    assert (second.issue, second.answer) == (first.issue, "")
    assert (joined.state, joined.result, joined.joined_into) == ("dismissed", "joined", first.issue)
    assert row.data == {"into": first.issue.number, "reports": [second.pk]}
    told = first.issue.moves.get(move="note")
    assert told.data == {"joined": joined.number, "reports": [second.pk]}
    do(first.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_recheck(cast, first.issue)
    assert refused(first.issue, Move.CLOSE, cast.dispatcher, answers={first.pk: "给您"}) == "answer"
    do(first.issue, Move.CLOSE, cast.dispatcher, answer="一并处理", answers={second.pk: "12345 工单已办"})
    assert [r.answer for r in (first, second) if r.refresh_from_db() is None] == ["一并处理", "12345 工单已办"]


def test_joining_by_mistake_is_undone_by_opening_again(cast: Cast) -> None:
    first, second = complain(cast.merchant), complain(cast.merchant, at=LATER)
    mistaken = second.issue
    do(mistaken, Move.JOIN, cast.dispatcher, into=first.issue.number)
    do(mistaken, Move.REOPEN, cast.dispatcher, words="不是同一件事", at=MUCH_LATER)
    second.refresh_from_db()
    mistaken.refresh_from_db()
    assert second.issue == mistaken
    assert (mistaken.state, mistaken.joined_into, mistaken.result) == ("received", None, "")
    assert first.issue.reports.count() == 1


def test_an_issue_is_joined_only_to_an_open_other_one_the_dispatcher_sees(cast: Cast) -> None:
    ended = complain(cast.merchant)
    do(ended.issue, Move.DISMISS, cast.dispatcher, words="重复", answer="重复")
    elsewhere = complain(cast.other_merchant)
    issue = complain(cast.merchant).issue
    for into in (ended.issue.number, elsewhere.issue.number, issue.number, "2026010100001", ""):
        assert refused(issue, Move.JOIN, cast.dispatcher, into=into) == "issue"


def test_suggestions_are_the_same_shop_first_then_the_neighbourhood(cast: Cast) -> None:
    same_kind = complain(cast.merchant).issue
    same_shop = find(cast.grid_member, merchant=cast.merchant)
    nearby = find(cast.grid_member, lng=cast.merchant.lng + 0.001, lat=cast.merchant.lat)
    find(cast.grid_member, lng=cast.merchant.lng + 0.05, lat=cast.merchant.lat)
    alarm(cast.other_merchant)
    report = complain(cast.merchant, at=LATER)
    assert suggestions(report.issue, cast.dispatcher) == [same_kind, same_shop, nearby]


def test_opening_again_starts_new_clocks_with_the_dispatcher(cast: Cast) -> None:
    issue = to_closed(cast, alarm(cast.merchant))
    do(issue, Move.REOPEN, cast.dispatcher, words="又冒烟了", at=MUCH_LATER)
    issue.refresh_from_db()
    assert (issue.state, issue.lead_unit, issue.closed_at, issue.clock_from) == (
        "received",
        cast.town,
        None,
        MUCH_LATER,
    )
    assert (issue.result, issue.found_true) == ("", None)
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, at=MUCH_LATER)
    do(issue, Move.ACCEPT, cast.grid_member, at=MUCH_LATER)
    assert refused(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED) == "evidence", "of this round"


def test_an_alarms_issue_is_not_opened_again_beside_the_one_that_took_its_place(cast: Cast) -> None:
    old = to_closed(cast, alarm(cast.merchant, 1))
    alarm(cast.merchant, 2, at=MUCH_LATER)
    assert refused(old, Move.REOPEN, cast.dispatcher, words="x") == "issue"


def test_a_later_answer_takes_the_place_of_the_first_and_the_moves_keep_both(cast: Cast) -> None:
    row = complain(cast.merchant)
    do(row.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现")
    do(row.issue, Move.REOPEN, cast.dispatcher, words="又来电")
    do(row.issue, Move.DISMISS, cast.dispatcher, words="仍未发现", answer="再次查看仍未发现")
    row.refresh_from_db()
    assert row.answer == "再次查看仍未发现"
    said = [m.data["answers"][str(row.pk)] for m in row.issue.moves.filter(move="dismiss").order_by("version")]
    assert said == ["未发现", "再次查看仍未发现"]


def test_whoever_finds_out_which_shop_it_is_says_so_once(cast: Cast) -> None:
    issue = complain(lng=120.95, lat=30.85, place="桥头").issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, merchant=cast.merchant)
    issue.refresh_from_db()
    assert (issue.merchant, issue.lng) == (cast.merchant, cast.merchant.lng)
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.HANDLE, cast.grid_member, words="x", merchant=cast.other_merchant)
    issue.refresh_from_db()
    assert issue.merchant == cast.merchant
    cast.merchant.standing.refresh_from_db()
    assert cast.merchant.standing.open_issues == 1


def test_the_standing_counts_down_again(cast: Cast) -> None:
    to_closed(cast, alarm(cast.merchant))
    cast.merchant.standing.refresh_from_db()
    assert cast.merchant.standing.open_issues == 0


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_submission_makes_one_move(cast: Cast) -> None:
    issue, submission = alarm(cast.merchant), uuid4()
    first = do(issue, Move.ACCEPT, cast.grid_member, submission=submission)
    again = do(issue, Move.ACCEPT, cast.grid_member, submission=submission, at=MUCH_LATER)
    assert first == again
    assert issue.moves.count() == 3


def test_a_submission_of_another_move_is_refused(cast: Cast) -> None:
    issue, submission = alarm(cast.merchant), uuid4()
    do(issue, Move.ACCEPT, cast.grid_member, submission=submission)
    with pytest.raises(SubmissionReused):
        do(issue, Move.HANDLE, cast.grid_member, words="x", submission=submission)


def test_every_move_is_told_to_the_journal(cast: Cast) -> None:
    issue = to_closed(cast, alarm(cast.merchant))
    told = Entry.objects.filter(subject_kind="issue", subject_id=issue.number).order_by("id")
    assert [entry.kind for entry in told] == [
        "issue.reported", "issue.dispatched", "issue.accepted", "issue.handled", "issue.fed_back", "issue.closed",
    ]  # fmt: skip
    assert [entry.reference["version"] for entry in told] == list(range(6))


def test_moves_are_never_changed_nor_taken_back(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    for tamper in (
        lambda: issue.moves.update(words="别的话"),
        lambda: MoveRow.objects.filter(issue=issue).delete(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            tamper()
    assert issue.moves.count() == 2


def test_an_open_issue_held_by_nobody_cannot_be_committed(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    with pytest.raises(IntegrityError, match="open lead"), transaction.atomic():
        Assignment.objects.filter(issue=issue, ended_at=None).update(state="given_up", ended_at=LATER)
        _commit()


def test_an_ended_issue_held_by_somebody_cannot_be_committed(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    with pytest.raises(IntegrityError, match="still held"), transaction.atomic():
        Issue.objects.filter(pk=issue.pk).update(
            state=State.DISMISSED, closed_at=LATER, lead_unit=None, lead_person=None
        )
        _commit()


def test_an_issue_that_names_another_holder_than_its_assignment_cannot_be_committed(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    with pytest.raises(IntegrityError, match="as the issue says"), transaction.atomic():
        Issue.objects.filter(pk=issue.pk).update(lead_unit=cast.town_team)
        _commit()


def test_deleting_the_assignment_of_an_open_issue_cannot_be_committed(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    with pytest.raises(IntegrityError, match="open lead"), transaction.atomic():
        Assignment.objects.filter(issue=issue, ended_at=None).delete()
        _commit()


def _commit() -> None:
    """What PostgreSQL checks at commit, now: a test's own transaction is never committed."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


# ── whose work it is ─────────────────────────────────────────────────────────────────────────────────────────────


def test_my_list_is_where_the_ball_is_with_me(cast: Cast) -> None:
    given, waiting = alarm(cast.merchant), complain(cast.merchant).issue
    colleague = person("colleague", "grid_member", cast.grid)
    assert list(mine(cast.grid_member)) == list(mine(colleague)) == [given]
    assert list(mine(cast.dispatcher)) == [waiting]
    do(given, Move.ACCEPT, cast.grid_member)
    assert (list(mine(cast.grid_member)), list(mine(colleague))) == ([given], [])
    assert not mine(cast.leader).exists()


def test_my_units_list_is_the_towns_for_its_room_and_the_counties_for_the_office(cast: Cast) -> None:
    in_grid, waiting = alarm(cast.merchant), complain(cast.merchant).issue
    alarm(cast.other_merchant, 5)
    joint = find(cast.town_officer, "V-A2", merchant=cast.merchant)
    do(joint, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    assert set(unit_work(cast.dispatcher)) == {in_grid, waiting}
    assert set(unit_work(cast.grid_member)) == {in_grid}
    assert set(unit_work(cast.county_officer)) == {joint}
    assert set(unit_work(cast.department_officer)) == {joint}
    assert not unit_work(cast.owner).exists()
