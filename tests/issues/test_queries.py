"""Numbers that open, the owner's plain words, and who is not told what."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest

from lingxiu.accounts.models import Bond, User
from lingxiu.issues import paging
from lingxiu.issues.filters import Filter
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.models import Issue, Report
from lingxiu.issues.paging import listing
from lingxiu.issues.queries import ForOwner, complaints_found_true, counts, for_owner, of_merchant, timeline, unit_work
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find, to_closed, to_recheck


def test_counts_say_where_open_issues_stand(cast: Cast) -> None:
    alarm(cast.merchant)
    complain(cast.merchant)
    to_recheck(cast, find(cast.grid_member, merchant=cast.merchant))
    to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    found = counts(cast.dispatcher, NOON)
    assert (found.open, found.received, found.dispatched, found.handling, found.recheck) == (3, 1, 1, 0, 1)
    assert (found.due_today, found.late) == (1, 0), "the report wants judging within two hours"
    assert counts(cast.dispatcher, NOON + timedelta(hours=3)).late == 1
    assert counts(cast.other_dispatcher, NOON).open == 0


def test_counts_can_be_of_a_narrower_list(cast: Cast) -> None:
    alarm(cast.merchant)
    complain(cast.merchant)
    assert counts(cast.grid_member, NOON, unit_work(cast.grid_member)).open == 1


def test_counts_take_one_query(cast: Cast, django_assert_num_queries: object) -> None:
    alarm(cast.merchant)
    assert cast.dispatcher.authority  # read before
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture
        counts(cast.dispatcher, NOON)


def test_officers_see_a_merchants_issues_as_far_as_they_see(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert list(of_merchant(cast.merchant, cast.dispatcher)) == [issue]
    assert not of_merchant(cast.merchant, cast.other_dispatcher).exists()
    assert not of_merchant(cast.merchant, cast.owner).exists()


def test_an_owner_is_told_plainly_of_their_own_shop_and_of_no_other(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    alarm(cast.other_merchant, 2)
    [told] = for_owner(cast.merchant, cast.owner)
    assert (told.number, told.is_reminder, told.is_open, told.state) == (issue.number, True, True, "dispatched")
    assert told.advice is not None
    assert for_owner(cast.other_merchant, cast.owner) == []
    assert for_owner(cast.merchant, cast.stranger_owner) == []
    assert for_owner(cast.merchant, cast.cleaning_company) == []
    assert for_owner(cast.merchant, cast.dispatcher) == []


def test_an_owner_is_never_told_who_complained_nor_which_officer_came(cast: Cast) -> None:
    row = complain(cast.merchant, name="王小明", phone="13812345678")
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    told = str(for_owner(cast.merchant, cast.owner))
    assert not any(secret in told for secret in ("王小明", "138", "晚上十点油烟很大", "dispatcher"))
    assert {field.name for field in fields(ForOwner)} == {
        "number", "what", "is_reminder", "advice", "since", "due_at", "state", "is_open", "result",
    }  # fmt: skip
    assert not Report.objects.visible_to(cast.owner).exists()


def test_an_owner_is_told_of_a_complaint_once_a_dispatcher_has_judged_it(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    assert for_owner(cast.merchant, cast.owner) == []
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    assert [told.number for told in for_owner(cast.merchant, cast.owner)] == [issue.number]
    do(issue, Move.RETURN, cast.grid_member, words="不是我们的")
    assert [told.number for told in for_owner(cast.merchant, cast.owner)] == [issue.number], "once told, it stays told"


def test_an_officer_reads_no_report_about_a_shop_of_their_own(cast: Cast) -> None:
    complain(cast.merchant)
    elsewhere = complain(cast.other_merchant)
    Bond.objects.create(user=cast.county_officer, merchant_id=cast.merchant.pk, kind="owner", made_at=NOON)
    both = User.objects.get(pk=cast.county_officer.pk)
    assert list(Report.objects.visible_to(both)) == [elsewhere]
    assert list(Issue.objects.visible_to(both)) == [elsewhere.issue]


def test_an_owner_is_not_troubled_with_what_was_joined_or_dismissed(cast: Cast) -> None:
    row = complain(cast.merchant)
    do(row.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现")
    assert for_owner(cast.merchant, cast.owner) == []


def test_open_issues_stand_first_with_the_owner(cast: Cast) -> None:
    closed = to_closed(cast, find(cast.grid_member, merchant=cast.merchant, at=LATER))
    opened = alarm(cast.merchant)
    assert [told.number for told in for_owner(cast.merchant, cast.owner)] == [opened.number, closed.number]
    assert [told.number for told in for_owner(cast.merchant, cast.owner, open_only=True)] == [opened.number]


def test_only_complaints_found_true_count(cast: Cast) -> None:
    for result in (Result.FIXED, Result.NOT_FOUND):
        row = complain(cast.merchant)
        do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
        to_recheck(cast, row.issue, result=result)
        do(row.issue, Move.CLOSE, cast.dispatcher, answer="已处理")
    complain(cast.merchant)
    assert complaints_found_true(NOON - timedelta(days=1), LATER) == {cast.merchant.pk: 1}
    assert complaints_found_true(LATER, LATER + timedelta(days=1)) == {}


def test_the_timeline_is_newest_first_and_names_people_in_one_query(
    cast: Cast, django_assert_num_queries: object
) -> None:
    issue = Issue.objects.get(pk=to_closed(cast, alarm(cast.merchant)).pk)
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture
        names = [(row.move, row.actor and row.actor.name) for row in timeline(issue, cast.dispatcher)]
    assert names == [
        ("close", "dispatcher"), ("feed_back", "grid"), ("handle", "grid"), ("accept", "grid"), ("dispatch", None), ("report", None),
    ]  # fmt: skip


@pytest.mark.parametrize("counted", [0, 10_000])
@pytest.mark.parametrize(("asked", "fits"), [("油污", 5), ("油污外溢", 5), ("BIN-no", 2), ("污", 5), ("没有这句话", 0)])
def test_words_are_found_alike_however_many_issues_hold_them(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, counted: int, asked: str, fits: int
) -> None:
    monkeypatch.setattr(paging, "SEARCHED", counted)
    monkeypatch.setattr(paging, "PAGE", 2)
    for n in range(7):
        issue = find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(minutes=n))
        words = ["油污外溢", "后门油污外溢 bin-NO 7"][n % 2 == 0 and n < 3] if n < 5 else "灯不亮"
        Issue.objects.filter(pk=issue.pk).update(summary=words, place="")
    wanted = Filter(q=asked)
    expected = [row.number for row in Issue.objects.order_by("-reported_at") if asked.lower() in row.summary.lower()]
    assert len(expected) == fits
    seen: list[str] = []
    query: dict[str, str] = {}
    pages: list[list[str]] = []
    while True:
        shown, total = listing(wanted, cast.county_officer, LATER, query)
        pages.append([row.number for row in shown.rows])
        seen += pages[-1]
        if not shown.after:
            break
        query = {"after": shown.after}
    assert seen == expected
    assert total.number == (min(fits, counted + 1))
    if shown.before:
        back, _total = listing(wanted, cast.county_officer, LATER, {"before": shown.before})
        assert [row.number for row in back.rows] == pages[-2]
