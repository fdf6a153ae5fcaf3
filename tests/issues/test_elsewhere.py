"""The number an issue goes by in another system: written down once, found by it, refused a second time."""

from __future__ import annotations

import uuid
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from lingxiu.issues.elsewhere import OtherNumberTaken, holder_of, note, plain
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.models import Issue, MoveRow
from tests.cast import Cast
from tests.issues.world import LATER, complain, do, find

FOUR = "four-platforms"


@pytest.fixture
def issue(cast: Cast) -> Issue:
    return find(cast.grid_member, merchant=cast.merchant)


def numbered(issue: Issue, cast: Cast, number: str = "SPT-2026-0042", system: str = FOUR) -> MoveRow:
    return note(issue.number, system, number, actor=cast.grid_member, at=LATER)


def test_it_is_written_down_as_a_note_of_the_record(issue: Issue, cast: Cast) -> None:
    row = numbered(issue, cast, " spt-2026 0042 ")
    issue.refresh_from_db()
    assert (issue.other_system, issue.other_number) == (FOUR, "SPT-20260042")
    assert (row.move, row.words, row.actor) == (Move.NOTE, "基层治理四平台 SPT-20260042", cast.grid_member)


def test_a_second_open_issue_of_the_number_is_refused_and_the_first_is_named(issue: Issue, cast: Cast) -> None:
    numbered(issue, cast)
    other = find(cast.grid_member, "D-HOOD", merchant=cast.merchant)
    with pytest.raises(OtherNumberTaken) as refused:
        numbered(other, cast)
    assert refused.value.number == issue.number
    assert other.moves.filter(move=Move.NOTE).count() == 0


def test_another_system_may_have_the_same_number(issue: Issue, cast: Cast) -> None:
    numbered(issue, cast)
    numbered(find(cast.grid_member, "D-HOOD", merchant=cast.merchant), cast, system="city-management")


def test_a_number_that_came_with_a_report_of_that_system_is_taken(issue: Issue, cast: Cast) -> None:
    told = complain(cast.merchant, source="other_system", own_number="SPT-7")
    with pytest.raises(OtherNumberTaken) as refused:
        numbered(issue, cast, "SPT-7")
    assert refused.value.number == told.issue.number


def test_of_an_issue_that_was_joined_the_number_leads_to_the_one_it_is_in_now(issue: Issue, cast: Cast) -> None:
    joined = complain(cast.merchant).issue
    note(joined.number, FOUR, "SPT-9", actor=cast.dispatcher, at=LATER)
    do(joined, Move.JOIN, cast.dispatcher, into=issue.number)
    assert holder_of(FOUR, "SPT-9") == issue.number


def test_it_can_be_mended_and_taken_away(issue: Issue, cast: Cast) -> None:
    numbered(issue, cast)
    numbered(issue, cast)
    numbered(issue, cast, "")
    issue.refresh_from_db()
    assert (issue.other_system, issue.other_number) == ("", "")


def test_who_has_no_part_in_the_issue_writes_no_number(issue: Issue, cast: Cast) -> None:
    with pytest.raises(MoveRefused):
        note(issue.number, FOUR, "1", actor=cast.other_grid_member, at=LATER)


def test_an_issue_opened_again_leaves_the_number_to_who_goes_by_it_now(issue: Issue, cast: Cast) -> None:
    numbered(issue, cast)
    do(issue, Move.RETURN, cast.grid_member, words="不在本网格")
    do(issue, Move.DISMISS, cast.dispatcher, words="重复")
    numbered(find(cast.grid_member, "D-HOOD", merchant=cast.merchant), cast)
    do(issue, Move.REOPEN, cast.dispatcher, words="不是重复")
    issue.refresh_from_db()
    assert issue.other_number == ""


def test_blanks_and_small_letters_make_no_other_number() -> None:
    assert plain(" spt 12 ") == "SPT12"


# ── by the form of a find ──


def sent(client: Client, cast: Cast, **values: str) -> Any:
    fields = {
        "merchant": str(cast.merchant.pk),
        "violation": "D-HOOD",
        "other_system": FOUR,
        "submission": str(uuid.uuid4()),
    }
    return client.post("/issues/new/", fields | values)


def test_a_find_brings_its_number_and_the_same_again_names_the_first(client: Client, cast: Cast) -> None:
    client.force_login(cast.grid_member)
    assert sent(client, cast, other_number="SPT-1").status_code == 302
    first = Issue.objects.get()
    refused = sent(client, cast, other_number="spt-1")
    assert refused.status_code == 409
    assert first.number in refused.content.decode()
    assert Issue.objects.count() == 1


def test_the_same_find_sent_twice_leads_to_the_one_issue(client: Client, cast: Cast) -> None:
    client.force_login(cast.grid_member)
    again = str(uuid.uuid4())
    places = {sent(client, cast, other_number="SPT-1", submission=again).headers["Location"] for _ in range(2)}
    assert places == {f"/issues/{Issue.objects.get().number}/"}


def test_a_find_without_a_number_has_no_system(client: Client, cast: Cast) -> None:
    client.force_login(cast.grid_member)
    sent(client, cast)
    assert (Issue.objects.get().other_system, Issue.objects.get().other_number) == ("", "")


def test_the_list_finds_it_by_the_number_and_shows_it(issue: Issue, client: Client, cast: Cast) -> None:
    numbered(issue, cast)
    client.force_login(cast.dispatcher)
    page = client.get("/issues/?view=all&q=SPT-2026-0042").content.decode()
    assert issue.number in page
    assert "SPT-2026-0042</span>" in page


def test_the_sheet_has_system_and_number(issue: Issue, client: Client, cast: Cast) -> None:
    numbered(issue, cast)
    client.force_login(cast.dispatcher)
    answer = client.get("/issues/export.xlsx?view=all")
    sheet = CalamineWorkbook.from_filelike(BytesIO(answer.getvalue())).get_sheet_by_index(0)
    assert sheet.to_python()[2][-2:] == ["基层治理四平台", "SPT-2026-0042"]
