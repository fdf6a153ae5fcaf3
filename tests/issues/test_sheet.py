"""The working sheet: out, filled in, back, shown, carried out; each row by itself, with the version that stood in it."""

from __future__ import annotations

import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from python_calamine import CalamineWorkbook

from lingxiu.accounts.models import User
from lingxiu.issues import sheet
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, MoveRow, ResultChoice
from lingxiu.issues.sheet import Line
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find

Rows = list[list[str]]


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def taken_out(client: Client, query: str = "view=unit") -> Rows:
    """The sheet's first page as rows of text."""
    answer = client.get(f"/issues/sheet.xlsx?{query}")
    assert answer.status_code == 200
    return rows_in(b"".join(answer.streaming_content))  # type: ignore[attr-defined]  # a FileResponse


def rows_in(data: bytes) -> Rows:
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [[str(cell) for cell in row] for row in book.get_sheet_by_index(0).to_python()]


def workbook(rows: Rows) -> SimpleUploadedFile:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet()
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)
    book.close()
    return SimpleUploadedFile("sheet.xlsx", out.getvalue())


def fill(rows: Rows, issue: Issue, **cells: str) -> None:
    """Write into the row of an issue, by the names of the columns."""
    names = [name for name, _title, _width in sheet.COLUMNS]
    row = next(row for row in rows if row[0] == issue.number)
    row.extend([""] * (len(names) - len(row)))
    for name, text in cells.items():
        row[names.index(name)] = text


def send(client: Client, rows: Rows) -> Any:
    return client.post("/issues/sheet/", {"sheet": workbook(rows)})


def apply(client: Client, shown: Any, **values: str) -> Any:
    data = {"lines": shown.context["lines"], "submission": str(uuid.uuid4()), "do": "apply", **values}
    return client.post("/issues/sheet/apply/", data)


def test_a_sheet_goes_out_is_filled_in_and_carried_out(cast: Cast) -> None:
    first, second, third = (
        complain(cast.merchant).issue,
        complain(cast.merchant).issue,
        find(cast.grid_member, merchant=cast.merchant),
    )
    client = browser(cast.dispatcher)
    rows = taken_out(client)
    assert {row[0] for row in rows[1:]} == {first.number, second.number, third.number}
    fill(rows, first, to="第一网格", words="请去看看")
    fill(rows, second, to="魏塘执法队 · team")
    fill(rows, third, words="店家电话没人接")
    shown = send(client, rows)
    assert (shown.context["done"], shown.context["refused"]) == (3, 0)
    assert MoveRow.objects.filter(actor=cast.dispatcher).count() == 0  # only shown
    told = client.get(apply(client, shown)["Location"])
    assert {one.number: one.done for one in told.context["outcomes"]} == dict.fromkeys(
        [first.number, second.number, third.number], True
    )
    for issue in (first, second):
        issue.refresh_from_db()
    assert (first.lead_unit, first.moves.latest("version").words) == (cast.grid, "请去看看")
    assert (second.lead_unit, second.lead_person) == (cast.town_team, cast.town_officer)
    assert third.moves.get(move=Move.NOTE).words == "店家电话没人接"


def test_somebody_faster_is_told_in_the_row_and_the_others_go_on(cast: Cast) -> None:
    slow, other = complain(cast.merchant).issue, complain(cast.merchant).issue
    client = browser(cast.dispatcher, "en")
    rows = taken_out(client)
    fill(rows, slow, to="第一网格")
    fill(rows, other, to="第一网格")
    do(slow, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    shown = send(client, rows)
    said = {line.number: outcome for line, outcome in shown.context["rows"]}
    assert (said[slow.number].done, said[other.number].done) == (False, True)
    assert "was faster" in said[slow.number].words


def test_what_changed_between_showing_and_doing_is_told_in_the_row(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    client = browser(cast.dispatcher)
    rows = taken_out(client)
    fill(rows, issue, to="第一网格")
    shown = send(client, rows)
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    told = client.get(apply(client, shown)["Location"])
    assert [one.done for one in told.context["outcomes"]] == [False]


def test_a_sheet_sent_twice_is_carried_out_once(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    client, submission = browser(cast.dispatcher), str(uuid.uuid4())
    rows = taken_out(client)
    fill(rows, issue, words="记一笔")
    shown = send(client, rows)
    for _ in range(2):
        assert apply(client, shown, submission=submission).status_code == 302
    assert issue.moves.filter(move=Move.NOTE).count() == 1


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"to": "没有的单位"}, "nobody this issue can be given to"),
        ({"to": "第一网格", "result": "fixed"}, "one of the two"),
        ({"result": "perfect"}, "is no result"),
        ({"result": "fixed", "words": "ok"}, "with a unit, not with a person"),
        ({"words": "x", "version": ""}, "version is missing"),
        ({"words": "x", "number": "2026030599999"}, "no such issue"),
    ],
)
def test_every_error_stands_in_its_row(cast: Cast, cells: dict[str, str], why: str) -> None:
    issue = complain(cast.merchant).issue
    client = browser(cast.dispatcher, "en")
    rows = taken_out(client)
    fill(rows, issue, **cells)
    shown = send(client, rows)
    [(_line, outcome)] = shown.context["rows"]
    assert not outcome.done
    assert why in outcome.words
    mended = apply(client, shown, do="errors")
    assert why in rows_in(b"".join(mended.streaming_content))[1][-1]


def test_a_result_is_entered_for_the_person_who_has_it_and_evidence_is_wanted_as_ever(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    client = browser(cast.dispatcher, "en")
    rows = taken_out(client)
    fill(rows, issue, result="fixed", words="电话反馈已清洗")
    [(_line, outcome)] = send(client, rows).context["rows"]
    assert not outcome.done
    assert "picture is missing" in outcome.words
    plain = alarm(cast.merchant, 2, violation="L-OFF")
    do(plain, Move.ACCEPT, cast.grid_member)
    rows = taken_out(client)
    fill(rows, plain, result="fixed", words="已恢复供电")
    told = client.get(apply(client, send(client, rows))["Location"])
    assert [one.done for one in told.context["outcomes"]] == [True]
    row = plain.moves.get(move=Move.FEED_BACK)
    assert (row.actor, row.on_behalf_of, row.result) == (cast.dispatcher, cast.grid_member, "fixed")


def test_an_issue_that_stands_twice_is_taken_once(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    lines = [Line(issue.number, "0", words="一"), Line(issue.number, "0", words="二")]
    done = sheet.carry_out(lines, actor=cast.dispatcher, at=LATER, submission=uuid.uuid4())
    assert [one.done for one in done.outcomes] == [True, False]
    assert issue.moves.get(move=Move.NOTE).words == "一"


def test_the_titles_are_understood_in_either_language(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    rows = taken_out(browser(cast.dispatcher, "en"))
    fill(rows, issue, words="x")
    assert send(browser(cast.dispatcher, "zh-hans"), rows).context["done"] == 1


@pytest.mark.parametrize(
    "file",
    [
        SimpleUploadedFile("a.xlsx", b"no workbook"),
        SimpleUploadedFile("a.xlsx", b""),
        workbook([["a", "b"], ["1", "2"]]),
    ],
)
def test_what_is_no_working_sheet_is_refused_in_words(cast: Cast, file: SimpleUploadedFile) -> None:
    answer = browser(cast.dispatcher).post("/issues/sheet/", {"sheet": file})
    assert answer.status_code == 422
    assert answer.context["wrong"]


def test_rows_of_somebody_else_or_forged_ones_are_not_carried_out(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    client = browser(cast.dispatcher)
    rows = taken_out(client)
    fill(rows, issue, words="x")
    shown = send(client, rows)
    assert apply(browser(cast.other_dispatcher), shown).status_code == 422
    assert client.post("/issues/sheet/apply/", {"lines": "forged"}).status_code == 422


def test_the_sheet_holds_what_the_person_sees_and_nothing_of_reporters(cast: Cast) -> None:
    complain(cast.merchant, words="楼下冒烟", name="王芳", phone="13900001111")
    complain(cast.other_merchant)
    text = str(taken_out(browser(cast.dispatcher), "view=all"))
    assert not re.search("王芳|13900001111|楼下冒烟|老街面馆", text)


def test_the_sheet_is_for_who_works_on_issues(cast: Cast) -> None:
    find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(minutes=1))
    seen = set()
    for name, user in cast.by_role.items():
        answer = browser(user).get("/issues/sheet/")
        if answer.status_code == 200:
            seen.add(name)
    assert seen == {"county_officer", "town_dispatcher", "department_officer", "town_officer"}


def test_what_is_shown_is_what_carrying_it_out_comes_to(cast: Cast) -> None:
    """One row of every kind: given, passed on, fed back, noted; not understood, not allowed, too late, doubled, gone."""
    given, other, late, gone = (complain(cast.merchant).issue for _ in range(4))
    accepted, resting = alarm(cast.merchant), find(cast.grid_member, "D-HOOD", merchant=cast.merchant)
    do(accepted, Move.ACCEPT, cast.grid_member)
    do(late, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    do(gone, Move.DISMISS, cast.dispatcher, words="重复", answer="已在办理")
    for issue in (accepted, resting, gone):
        issue.refresh_from_db()
    ended = str(ResultChoice("not_found").label)
    lines = [
        Line(given.number, "1", to="第一网格", words="请去看看"), Line(other.number, "1", to="魏塘执法队 · team"),
        Line(accepted.number, str(accepted.version), result=ended, words="去看过了"), Line(resting.number, "0", words="改天再去"),
        Line(late.number, "1", to="第一网格"), Line(given.number, "1", words="又一行"), Line(gone.number, "9", to="第一网格"),
        Line("2026030599999", "1", words="x"), Line(resting.number.replace("2026", "2025"), "1", words="x"),
    ]  # fmt: skip
    lines += [Line(complain(cast.merchant).issue.number, *said) for said in (
        ("1", "没有的单位"), ("x", "第一网格"), ("1", "第一网格", ended), ("1", "", "没有的结果"), ("1", "", ended),
    )]  # fmt: skip
    moves = MoveRow.objects.count()
    shown = sheet.dry_run(lines, actor=cast.dispatcher)
    assert MoveRow.objects.count() == moves
    work = sheet.carry_out(lines, actor=cast.dispatcher, at=LATER, submission=uuid.uuid4())
    assert [(one.number, one.done, one.words) for one in shown] == [
        (one.number, one.done, one.words) for one in work.outcomes
    ]
    assert {one.done for one in shown} == {True, False}
    assert sum(one.done for one in shown) == 3


def test_showing_five_hundred_rows_costs_a_few_statements_a_row(cast: Cast, django_assert_max_num_queries: Any) -> None:
    def lines(n: int) -> list[Line]:
        issues = [complain(cast.merchant).issue for _ in range(n)]
        return [Line(issue.number, str(issue.version), to="第一网格 · grid") for issue in issues]

    ten = lines(10)
    with django_assert_max_num_queries(12 + 2 * len(ten)):
        assert all(one.done for one in sheet.dry_run(ten, actor=cast.dispatcher))
