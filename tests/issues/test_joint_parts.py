"""Co-operating parts: each due by a day of its own, sent back by the lead when it is not enough, objected to and replied to."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client

from lingxiu.accounts.models import Unit, User
from lingxiu.issues.digest import figures
from lingxiu.issues.disputes import disputes, told_lines
from lingxiu.issues.filters import Filter
from lingxiu.issues.lifecycle import Mark, Move, MoveRefused
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Assignment, Issue, Reminder
from lingxiu.issues.overdue import follow_up, resume_rested
from lingxiu.issues.papers import record_data, record_pdf
from lingxiu.issues.queries import own_parts, parts, situation
from lingxiu.policy.queries import in_force
from tests.cast import Cast, person
from tests.issues.world import LATER, do, find, photo

ZONE = ZoneInfo("Asia/Shanghai")
TWO_DAYS_ON = datetime(2026, 3, 7, 10, tzinfo=ZONE)


@pytest.fixture
def issue(cast: Cast) -> Issue:
    """At the county, with the ecology department."""
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    do(issue, Move.ACCEPT, cast.department_officer)
    issue.refresh_from_db()
    return issue


@pytest.fixture
def enforcer(cast: Cast) -> User:
    return person("enforcer", "department_officer", cast.enforcement)


@pytest.fixture
def marketer(cast: Cast) -> User:
    return person("marketer", "department_officer", cast.market)


def involve(issue: Issue, cast: Cast, *units: Unit, day: date | None = None) -> None:
    do(issue, Move.INVOLVE, cast.county_officer, units=units, part_due=day)
    issue.refresh_from_db()


def refused(issue: Issue, what: Move, actor: User, **brought: object) -> str:
    with pytest.raises(MoveRefused) as error:
        do(issue, what, actor, **brought)  # type: ignore[arg-type]  # what a test names
    return error.value.why


def part_of(issue: Issue, unit: Unit) -> Assignment:
    return issue.assignments.filter(part="cooperating", unit=unit).latest("pk")


def due_day(issue: Issue, unit: Unit) -> date:
    return part_of(issue, unit).due_at.astimezone(ZONE).date()


# ── by when ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_calls_units_in_says_by_which_day(cast: Cast, issue: Issue) -> None:
    involve(issue, cast, cast.enforcement, day=date(2026, 3, 9))
    involve(issue, cast, cast.market)
    assert due_day(issue, cast.enforcement) == date(2026, 3, 9)
    assert due_day(issue, cast.market) == date(2026, 3, 12), "five working days, by policy"


def test_no_part_is_due_after_the_whole_issue_nor_before_today(cast: Cast, issue: Issue) -> None:
    last = issue.due_at.astimezone(ZONE).date()
    asked = {"units": (cast.market,)}
    assert refused(issue, Move.INVOLVE, cast.county_officer, part_due=last + timedelta(days=1), **asked) == "whole"
    assert refused(issue, Move.INVOLVE, cast.county_officer, part_due=date(2026, 3, 4), **asked) == "part_due"
    involve(issue, cast, cast.market, day=last)
    assert part_of(issue, cast.market).due_at == issue.due_at


def test_by_policy_a_part_is_due_with_the_whole_at_the_latest(cast: Cast, issue: Issue) -> None:
    near_the_end = issue.due_at - timedelta(days=1)
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.market,), at=near_the_end)
    assert part_of(issue, cast.market).due_at == issue.due_at


def test_of_an_issue_that_is_late_a_part_has_its_own_time_all_the_same(cast: Cast, issue: Issue) -> None:
    late = issue.due_at + timedelta(hours=3)
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.market,), at=late)
    assert part_of(issue, cast.market).due_at > late


def browser(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


@time_machine.travel(LATER, tick=False)
def test_among_their_work_it_is_due_when_their_own_part_is(cast: Cast, issue: Issue, marketer: User) -> None:
    involve(issue, cast, cast.market, day=date(2026, 3, 9))
    assert list(own_parts([issue], marketer)) == [issue.pk]
    for reader, due in ((marketer, "2026-03-09 23:59"), (cast.department_officer, "2026-03-16 23:59")):
        page = browser(reader).get("/issues/?view=mine&part=list").content.decode()
        assert page.count(f">{due}</time>") == 1, page
        assert ("our part" in page) is (reader == marketer)


@time_machine.travel(LATER, tick=False)
def test_what_is_due_first_stands_first_be_it_the_issue_or_the_own_part(cast: Cast, issue: Issue) -> None:
    other = find(cast.town_officer, "V-A2", merchant=cast.other_merchant, photos=(photo(),))
    do(other, Move.DISPATCH, cast.county_officer, unit=cast.market)
    involve(issue, cast, cast.market, day=date(2026, 3, 9))
    page = browser(person("marketer", "department_officer", cast.market)).get("/issues/?view=mine&part=list")
    numbers = re.findall(r'id="row-(\d+)"', page.content.decode())
    assert numbers == [issue.number, other.number]


def test_the_county_sets_another_day_and_the_unit_is_reminded_for_that_day(cast: Cast, issue: Issue) -> None:
    involve(issue, cast, cast.enforcement, cast.market, day=date(2026, 3, 6))
    follow_up(TWO_DAYS_ON)
    assert told_of_parts(issue) == {"E-PART-50": 2, "E-PART-80": 2, "E-PART-100": 2}

    asked = {"units": (cast.market,), "part_due": date(2026, 3, 13)}
    assert refused(issue, Move.SET_DUE, cast.department_officer, words="x", **asked) == "person"
    assert refused(issue, Move.SET_DUE, cast.county_officer, **asked) == "words"
    assert refused(issue, Move.SET_DUE, cast.county_officer, words="x", units=(cast.market,)) == "part_due"
    row = do(issue, Move.SET_DUE, cast.county_officer, words="证照档案要调阅", at=TWO_DAYS_ON, **asked)
    assert (due_day(issue, cast.market), due_day(issue, cast.enforcement)) == (date(2026, 3, 13), date(2026, 3, 6))
    assert row.data["units"] == [cast.market.pk]

    follow_up(TWO_DAYS_ON + timedelta(minutes=1))
    assert told_of_parts(issue)["E-PART-50"] == 2, "its clock began anew"
    follow_up(datetime(2026, 3, 14, 1, tzinfo=ZONE))
    assert told_of_parts(issue)["E-PART-100"] == 3, "late again: told again"


def told_of_parts(issue: Issue) -> dict[str, int]:
    rules = [row.rule for row in Reminder.objects.filter(issue=issue, rule__startswith="E-PART")]
    return {rule: rules.count(rule) for rule in sorted(rules) if rule != "E-PART-200"}


def test_a_unit_that_has_no_open_part_is_set_no_day(cast: Cast, issue: Issue) -> None:
    involve(issue, cast, cast.market)
    asked = {"words": "x", "units": (cast.enforcement,), "part_due": date(2026, 3, 9)}
    assert refused(issue, Move.SET_DUE, cast.county_officer, **asked) == "departments"


def test_a_rest_lengthens_a_part_whose_day_was_set_as_well(cast: Cast, issue: Issue) -> None:
    involve(issue, cast, cast.market, day=date(2026, 3, 9))
    do(issue, Move.SUSPEND, cast.county_officer, words="等", reason="PART-ORDERED", until=date(2026, 3, 10))
    resume_rested(datetime(2026, 3, 11, 0, 1, tzinfo=ZONE))
    assert due_day(issue, cast.market) == date(2026, 3, 13), "three working days and the morning on which it went on"


# ── not enough ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lead_sends_back_what_is_not_enough_and_the_part_opens_again(
    cast: Cast, issue: Issue, enforcer: User
) -> None:
    involve(issue, cast, cast.enforcement, day=date(2026, 3, 9))
    do(issue, Move.CONTRIBUTE, enforcer, words="已看")
    assert Mark.CONTRIBUTED in situation(issue).marks
    assert refused(issue, Move.HAND_BACK, cast.department_officer, units=(cast.enforcement,)) == "words"
    assert refused(issue, Move.HAND_BACK, cast.county_officer, units=(cast.enforcement,), words="x") == "person"
    later = LATER + timedelta(days=1)
    do(issue, Move.HAND_BACK, cast.department_officer, units=(cast.enforcement,), words="缺现场照片和笔录", at=later)

    first, again = parts(issue)
    assert (first.outcome, first.words, first.answer) == ("sent_back", "已看", "缺现场照片和笔录")
    assert (again.state, again.given_at, again.ended_at) == ("offered", later, None)
    assert due_day(issue, cast.enforcement) == date(2026, 3, 13), "five working days from now, not the day that was set"
    assert {Mark.PARTS_OPEN} <= situation(issue).marks
    assert Mark.CONTRIBUTED not in situation(issue).marks


def test_it_is_sent_back_no_oftener_than_policy_lets_it_and_then_the_county_decides(
    cast: Cast, issue: Issue, enforcer: User
) -> None:
    involve(issue, cast, cast.enforcement)
    for _ in range(in_force().catalogues.deadlines.sent_back_times):
        do(issue, Move.CONTRIBUTE, enforcer, words="已看")
        do(issue, Move.HAND_BACK, cast.department_officer, units=(cast.enforcement,), words="还缺")
    do(issue, Move.CONTRIBUTE, enforcer, words="已看")
    assert refused(issue, Move.HAND_BACK, cast.department_officer, units=(cast.enforcement,), words="缺") == "nothing"
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.enforcement,), words="请补齐")
    assert part_of(issue, cast.enforcement).ended_at is None


def test_only_what_a_unit_did_can_be_sent_back(cast: Cast, issue: Issue, enforcer: User, marketer: User) -> None:
    involve(issue, cast, cast.enforcement, cast.market)
    do(issue, Move.CONTRIBUTE, enforcer, words="已看")
    do(issue, Move.OBJECT, marketer, words="不归我们")
    asked = {"units": (cast.market,), "words": "x"}
    assert refused(issue, Move.HAND_BACK, cast.department_officer, **asked) == "departments"


def test_what_was_done_before_it_was_opened_again_is_not_sent_back(cast: Cast, issue: Issue, enforcer: User) -> None:
    involve(issue, cast, cast.enforcement)
    do(issue, Move.CONTRIBUTE, enforcer, words="已看")
    do(issue, Move.DISMISS, cast.county_officer, words="重复")
    later = LATER + timedelta(hours=1)
    do(issue, Move.REOPEN, cast.county_officer, words="并不重复", at=later)
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology, at=later)
    assert Mark.CONTRIBUTED not in situation(Issue.objects.get(pk=issue.pk)).marks


def test_who_leads_again_by_declining_has_no_part_beside_it(cast: Cast, issue: Issue, marketer: User) -> None:
    do(issue, Move.TRANSFER, cast.department_officer, unit=cast.market, words="证照问题")
    involve(issue, cast, cast.ecology)
    do(issue, Move.DECLINE, marketer, words="不归我们")
    assert issue.assignments.filter(part="cooperating", ended_at=None).count() == 0


# ── both texts ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lead_is_asked_for_a_reply_before_the_county_settles(cast: Cast, issue: Issue, marketer: User) -> None:
    involve(issue, cast, cast.market)
    do(issue, Move.OBJECT, marketer, words="证照齐全，油烟非我局职责")
    part = part_of(issue, cast.market)
    assert part.answer_due_at == datetime(2026, 3, 6, 23, 59, 59, tzinfo=ZONE), "one working day"
    assert Mark.UNANSWERED in situation(issue).marks
    assert refused(issue, Move.SETTLE, cast.county_officer, words="同意") == "reply"
    assert refused(issue, Move.REPLY, cast.county_officer, words="x") == "person"
    assert refused(issue, Move.REPLY, cast.department_officer) == "words"
    do(issue, Move.REPLY, cast.department_officer, words="只请核对经营范围")
    assert Mark.UNANSWERED not in situation(issue).marks
    assert refused(issue, Move.REPLY, cast.department_officer, words="再说一遍") == "nothing"
    row = do(issue, Move.SETTLE, cast.county_officer, words="请核对", upheld=True, part_due=date(2026, 3, 10))

    (found,) = disputes(parts(issue), issue.moves.all())
    assert (found.part.words, found.part.answer) == ("证照齐全，油烟非我局职责", "只请核对经营范围")
    assert (found.is_open, found.decision) == (False, row)
    assert due_day(issue, cast.market) == date(2026, 3, 10)
    names = {cast.market.pk: cast.market.name}
    assert [value for _label, value in told_lines(row, names)][::2] == [cast.market.name, "2026-03-10 23:59"]


def test_the_record_on_paper_shows_both_texts_and_the_decision(
    cast: Cast, issue: Issue, enforcer: User, marketer: User
) -> None:
    involve(issue, cast, cast.enforcement, cast.market)
    do(issue, Move.CONTRIBUTE, enforcer, words="已看")
    do(issue, Move.OBJECT, marketer, words="证照齐全，油烟非我局职责")
    data = record_data(issue, cast.county_officer, LATER)
    assert [row["reply"] for row in data["disputes"]] == ["无"]  # type: ignore[attr-defined]  # a list
    do(issue, Move.REPLY, cast.department_officer, words="只请核对经营范围")
    do(issue, Move.SETTLE, cast.county_officer, words="不必参加")

    data = record_data(issue, cast.county_officer, LATER)
    assert data["disputes"] == [
        {
            "unit": cast.market.name, "objection": "证照齐全，油烟非我局职责", "reply": "只请核对经营范围",
            "decision": "已解除 · 不必参加",
        }
    ]  # fmt: skip
    came = [(row["unit"], row["came"]) for row in data["parts"]]  # type: ignore[attr-defined]  # a list
    assert came == [(cast.enforcement.name, "已完成协办"), (cast.market.name, "已解除")]
    pdf = record_pdf(issue, cast.county_officer, at=LATER)
    assert len(re.findall(rb"/Type ?/Page\b", pdf)) == 1


def test_after_the_time_of_policy_the_county_settles_without_a_reply(cast: Cast, issue: Issue, marketer: User) -> None:
    involve(issue, cast, cast.market)
    do(issue, Move.OBJECT, marketer, words="不归我们")
    friday = datetime(2026, 3, 6, 23, 0, tzinfo=ZONE)
    assert refused(issue, Move.SETTLE, cast.county_officer, words="同意", at=friday) == "reply"
    do(issue, Move.SETTLE, cast.county_officer, words="同意", at=TWO_DAYS_ON)
    assert part_of(issue, cast.market).outcome == "released"


def test_lead_and_county_are_told_when_the_time_for_the_reply_is_over(cast: Cast, issue: Issue, marketer: User) -> None:
    involve(issue, cast, cast.market)
    do(issue, Move.OBJECT, marketer, words="不归我们")
    follow_up(TWO_DAYS_ON)
    follow_up(TWO_DAYS_ON)
    assert Reminder.objects.filter(issue=issue, rule="E-REPLY-100").count() == 1


def test_the_morning_counts_objections_that_wait_for_a_reply(cast: Cast, issue: Issue, marketer: User) -> None:
    def counted() -> int:
        """Of the same list as the figure's own."""
        found = {one.url: one.count for one in figures(cast.county_officer, TWO_DAYS_ON)}
        listed = matching(Filter(waits="reply"), cast.county_officer, TWO_DAYS_ON).count()
        assert str(found["/issues/?view=all&waits=reply"]) == str(listed)
        return listed

    involve(issue, cast, cast.market)
    assert counted() == 0
    do(issue, Move.OBJECT, marketer, words="不归我们")
    assert counted() == 1
    do(issue, Move.REPLY, cast.department_officer, words="归的")
    assert counted() == 0


def test_nobody_is_told_of_a_reply_that_was_made(cast: Cast, issue: Issue, marketer: User) -> None:
    involve(issue, cast, cast.market)
    do(issue, Move.OBJECT, marketer, words="不归我们")
    do(issue, Move.REPLY, cast.department_officer, words="归的")
    follow_up(TWO_DAYS_ON)
    assert not Reminder.objects.filter(issue=issue, rule="E-REPLY-100").exists()


def test_the_county_settles_one_objection_so_and_another_so(
    cast: Cast, issue: Issue, enforcer: User, marketer: User
) -> None:
    involve(issue, cast, cast.enforcement, cast.market)
    do(issue, Move.OBJECT, enforcer, words="不归我们")
    do(issue, Move.OBJECT, marketer, words="也不归我们")
    do(issue, Move.REPLY, cast.department_officer, words="归市场监管", units=(cast.market,))
    asked = {"words": "x", "units": (cast.enforcement,)}
    assert refused(issue, Move.SETTLE, cast.county_officer, **asked) == "departments"
    do(issue, Move.SETTLE, cast.county_officer, words="市场监管照办", upheld=True)
    assert [row.outcome for row in parts(issue)] == ["objected", "upheld", ""], "the other still waits for its reply"
    do(issue, Move.REPLY, cast.department_officer, words="城管可以不来")
    do(issue, Move.SETTLE, cast.county_officer, words="不来")
    assert [row.outcome for row in parts(issue)] == ["released", "upheld", ""]


def test_where_nobody_leads_there_is_nobody_to_reply(cast: Cast, issue: Issue, marketer: User) -> None:
    involve(issue, cast, cast.market)
    do(issue, Move.OBJECT, marketer, words="不归我们")
    do(issue, Move.RETURN, cast.department_officer, words="请另派")
    do(issue, Move.SETTLE, cast.county_officer, words="同意")
    assert part_of(issue, cast.market).outcome == "released"


def test_who_objected_and_was_given_the_lead_replies_to_nobody(cast: Cast, issue: Issue, marketer: User) -> None:
    involve(issue, cast, cast.market)
    do(issue, Move.OBJECT, marketer, words="不归我们")
    do(issue, Move.TRANSFER, cast.department_officer, unit=cast.market, words="就归你们")
    assert refused(issue, Move.REPLY, marketer, words="x") == "nothing"
    do(issue, Move.SETTLE, cast.county_officer, words="由你局牵头", upheld=True)
    assert issue.assignments.filter(part="cooperating", ended_at=None).count() == 0
