"""How issues come in: alarms, finds, people's reports; numbered, routed, held, with their clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from lingxiu.files.models import FileUse
from lingxiu.issues.actions.opening import Found as FoundValues
from lingxiu.issues.actions.opening import report
from lingxiu.issues.actions.reports import OwnNumberKnown
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Assignment, Issue, IssueNumber, Report, Source
from lingxiu.issues.numbering import LAST_OF_A_DAY, NumbersExhausted, next_number
from lingxiu.journal.actions import SubmissionReused
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find, photo, to_closed


def test_an_alarm_becomes_an_issue_in_the_grids_hands_at_once(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert (issue.state, issue.level, issue.flow, issue.source) == ("dispatched", "grid", "quick", "alarm")
    assert (issue.lead_unit, issue.lead_person) == (cast.grid, None)
    assert (issue.merchant, issue.town, issue.grid) == (cast.merchant, cast.town.town, cast.grid.grid)
    assert (issue.violation, issue.violation_kind, issue.responsible) == ("L-FUME", "lead", "dept-ecology")
    assert issue.routing_rule == "R-40-LEAD"
    assert issue.routing_why["tried"][0] == {
        "rule": "R-10-BANNED",
        "failed": "violation",
        "wanted": "V-A2",
        "found": "L-FUME",
    }


def test_its_first_two_moves_are_the_report_and_the_systems_own_dispatch(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    moves = list(
        issue.moves.order_by("version").values_list("version", "move", "actor", "from_state", "to_state", "to_unit")
    )
    assert moves == [
        (0, "report", None, "", "received", cast.town.pk),
        (1, "dispatch", None, "received", "dispatched", cast.grid.pk),
    ]
    assert issue.version == 1


def test_both_clocks_run_from_the_report(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert timezone.localtime(issue.due_at).strftime("%m-%d %H:%M:%S") == "03-10 23:59:59"
    assert timezone.localtime(issue.step_due_at).strftime("%m-%d %H:%M:%S") == "03-06 23:59:59"
    lead = issue.assignments.get(ended_at=None)
    assert (lead.state, lead.step, lead.due_at) == ("offered", "dispatched", issue.step_due_at)


def test_a_second_alarm_of_the_same_kind_joins_the_open_issue(cast: Cast) -> None:
    first, second = alarm(cast.merchant, 1), alarm(cast.merchant, 2, at=LATER)
    assert first == second
    joined = second.moves.get(move=Move.NOTE)
    assert (joined.version, joined.actor, joined.data["alarm"]) == (2, None, 2)


def test_an_alarm_of_another_kind_or_another_merchant_opens_its_own(cast: Cast) -> None:
    issues = {alarm(cast.merchant, 1), alarm(cast.merchant, 2, violation="L-LINK"), alarm(cast.other_merchant, 3)}
    assert len(issues) == 3


def test_after_the_issue_was_closed_the_next_alarm_opens_a_new_one(cast: Cast) -> None:
    closed = to_closed(cast, alarm(cast.merchant, 1))
    again = alarm(cast.merchant, 2, at=LATER + timedelta(hours=1))
    assert closed != again
    assert again.is_open


def test_an_alarm_told_twice_counts_once(cast: Cast) -> None:
    first = alarm(cast.merchant, 1)
    alarm(cast.merchant, 2)
    again, joined_again = alarm(cast.merchant, 1), alarm(cast.merchant, 2)
    assert first == again == joined_again
    assert first.moves.count() == 3
    assert Issue.objects.count() == 1


def test_the_fifth_lead_in_ninety_days_goes_to_the_town_team(cast: Cast) -> None:
    for number in range(4):
        to_closed(
            cast,
            alarm(cast.merchant, number, at=NOON + timedelta(days=number)),
            at=NOON + timedelta(days=number, hours=1),
        )
    fifth = alarm(cast.merchant, 9, at=NOON + timedelta(days=5))
    assert (fifth.routing_rule, fifth.lead_unit, fifth.level) == ("R-30-REPEAT-LEAD", cast.town_team, "town")


def test_leads_of_long_ago_do_not_count_as_repeats(cast: Cast) -> None:
    for number in range(4):
        to_closed(
            cast,
            alarm(cast.merchant, number, at=NOON + timedelta(days=number)),
            at=NOON + timedelta(days=number, hours=1),
        )
    assert alarm(cast.merchant, 9, at=NOON + timedelta(days=100)).routing_rule == "R-40-LEAD"


def test_what_a_grid_member_finds_in_the_own_grid_is_given_to_them(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    assert (issue.state, issue.lead_unit, issue.lead_person) == ("dispatched", cast.grid, cast.grid_member)
    assert issue.moves.get(move="report").actor == cast.grid_member


def test_what_a_team_officer_finds_that_the_grid_can_do_goes_to_the_grid(cast: Cast) -> None:
    issue = find(cast.town_officer, merchant=cast.merchant)
    assert (issue.lead_unit, issue.lead_person) == (cast.grid, None)


def test_a_find_without_a_merchant_goes_by_its_place(cast: Cast) -> None:
    issue = find(cast.town_officer, lng=120.95, lat=30.85, place="菜场后门")
    assert (issue.merchant, issue.town, issue.grid) == (None, cast.town.town, cast.grid.grid)
    assert issue.place == "菜场后门"


def test_a_place_outside_every_grid_is_for_the_county_office_to_judge(cast: Cast) -> None:
    issue = find(cast.county_officer, lng=121.5, lat=31.5)
    assert (issue.state, issue.level, issue.lead_unit) == ("received", "county", cast.county_office)


def test_a_banned_place_is_the_countys_joint_flow(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant)
    assert (issue.state, issue.level, issue.flow, issue.lead_unit) == (
        "received",
        "county",
        "joint",
        cast.county_office,
    )


def test_where_the_unit_of_the_rule_does_not_work_any_more_the_dispatcher_keeps_it(cast: Cast) -> None:
    cast.grid.active = False
    cast.grid.save()
    issue = alarm(cast.merchant)
    assert (issue.state, issue.lead_unit) == ("received", cast.town)


def test_a_town_without_a_unit_leaves_its_issues_to_the_county_office(cast: Cast) -> None:
    type(cast.town).objects.filter(town=cast.town.town).update(active=False)
    assert alarm(cast.merchant).lead_unit == cast.county_office


def test_a_persons_report_waits_with_the_dispatcher_whatever_else_is_open(cast: Cast) -> None:
    alarm(cast.merchant)
    row = complain(cast.merchant)
    assert (row.issue.state, row.issue.level, row.issue.lead_unit) == ("received", "grid", cast.town)
    assert timezone.localtime(row.due_at).strftime("%m-%d %H:%M") == "03-12 23:59"
    assert Issue.objects.count() == 2


def test_a_report_keeps_what_was_said_and_the_issue_only_what_it_is_about(cast: Cast) -> None:
    row = complain(cast.merchant, words="\n  油烟很大  \n我家在三楼，关窗都没用")
    assert row.words.endswith("关窗都没用")
    assert row.issue.summary == "油烟扰民"
    assert row.issue.moves.get().words == "油烟扰民"


def test_reporters_lie_encrypted_in_the_database(cast: Cast) -> None:
    row = complain(cast.merchant, name="王小明", phone="13812345678")
    with connection.cursor() as cursor:
        cursor.execute("SELECT reporter_name, reporter_phone FROM issues_report WHERE id = %s", [row.pk])
        stored = cursor.fetchone()
    assert stored is not None
    assert "王" not in stored[0]
    assert "13812345678" not in stored[1]
    assert Report.objects.get(pk=row.pk).reporter_name == "王小明"


def test_a_12345_number_is_entered_once(cast: Cast) -> None:
    first = complain(cast.merchant, source="12345", own_number="JX20260305001")
    with pytest.raises(OwnNumberKnown) as refused:
        complain(cast.merchant, source="12345", own_number="JX20260305001")
    assert refused.value.number == first.issue.number
    assert Issue.objects.count() == 1


def test_numbers_are_the_day_of_the_county_and_five_digits(cast: Cast) -> None:
    late_evening = datetime(2026, 3, 5, 16, 30, tzinfo=UTC)  # half past midnight of the 6th in the county
    numbers = [find(cast.grid_member, at=at, merchant=cast.merchant).number for at in (NOON, NOON, late_evening)]
    assert numbers == ["2026030500001", "2026030500002", "2026030600001"]


def test_a_day_that_has_used_up_its_numbers_says_so(db: None) -> None:
    IssueNumber.objects.create(day=NOON.date(), last=LAST_OF_A_DAY)
    with pytest.raises(NumbersExhausted):
        next_number(NOON)


def test_the_same_submission_makes_one_issue(cast: Cast) -> None:
    submission = uuid4()
    found = FoundValues(Source.GRID_MEMBER, "D-BIN", "桶没有盖", NOON, cast.merchant, found_by=cast.grid_member)
    assert report(found, at=NOON, submission=submission) == report(found, at=LATER, submission=submission)
    assert Issue.objects.count() == 1


def test_a_submission_somebody_else_has_used_is_refused(cast: Cast) -> None:
    submission = uuid4()
    found = FoundValues(Source.GRID_MEMBER, "D-BIN", "桶没有盖", NOON, cast.merchant, found_by=cast.grid_member)
    report(found, at=NOON, submission=submission)
    with pytest.raises(SubmissionReused):
        report(
            FoundValues(Source.OFFICER, "D-BIN", "x", NOON, found_by=cast.town_officer), at=NOON, submission=submission
        )


def test_a_violation_no_catalogue_has_is_refused(cast: Cast) -> None:
    with pytest.raises(KeyError):
        find(cast.grid_member, "V-NONE", merchant=cast.merchant)
    assert not Issue.objects.exists()


def test_the_merchant_is_told_in_its_standing(cast: Cast) -> None:
    alarm(cast.merchant)
    complain(cast.merchant, at=LATER)
    standing = cast.merchant.standing
    standing.refresh_from_db()
    assert (standing.open_issues, standing.last_issue_at, standing.last_visit_at) == (2, LATER, None)


def test_the_journal_names_the_shop_of_a_report_only_once_it_was_judged(cast: Cast) -> None:
    row = complain(cast.merchant)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    dismissed = complain(cast.merchant).issue
    do(dismissed, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现")
    told = Entry.objects.exclude(merchant_id=None).values_list("kind", "subject_id")
    assert list(told) == [("issue.dispatched", row.issue.number)]


def test_the_journal_hears_of_everything_without_a_word_of_what_was_said(cast: Cast) -> None:
    row = complain(cast.merchant, name="王小明", phone="13812345678")
    alarm(cast.merchant)
    kinds = list(Entry.objects.exclude(kind="policy.loaded").order_by("id").values_list("kind", flat=True))
    assert kinds == ["issue.reported", "report.taken", "issue.reported", "issue.dispatched"]
    told = str(list(Entry.objects.values_list("reference", "subject_id")))
    assert not any(secret in told for secret in ("王小明", "13812345678", row.words, row.token))
    last = Entry.objects.order_by("-id").first()
    assert last is not None
    assert (last.town, last.grid, last.unit_id, last.merchant_id, last.public) == (
        cast.town.town, cast.grid.grid, cast.grid.pk, cast.merchant.pk, False,
    )  # fmt: skip


def test_pictures_of_a_find_belong_to_the_issue(cast: Cast) -> None:
    sha256 = photo()
    issue = find(cast.grid_member, merchant=cast.merchant, photos=(sha256,))
    assert issue.moves.get(move="report").photos == [sha256]
    assert FileUse.objects.filter(file__sha256=sha256, subject_kind="issue", subject_id=issue.number).exists()


def test_an_alarm_that_comes_while_the_issue_is_handled_does_not_disturb_who_handles_it(cast: Cast) -> None:
    issue = alarm(cast.merchant, 1)
    do(issue, Move.ACCEPT, cast.grid_member, seen=issue.version)
    seen = Issue.objects.get(pk=issue.pk).version
    alarm(cast.merchant, 2, at=LATER)
    do(issue, Move.HANDLE, cast.grid_member, words="到现场了", seen=seen)
    assert Assignment.objects.filter(issue=issue, ended_at=None).count() == 1
