"""The dispatcher's desk: many at once, kept views, a unit's own notes, colleagues named, the morning's figures."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from lingxiu.accounts.models import User
from lingxiu.issues import bulk, bulk_run, digest, jobs, reporters
from lingxiu.issues.filters import Filter
from lingxiu.issues.kept import PrivateNote, SavedView
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast, person
from tests.issues.world import LATER, alarm, complain, do, find, to_closed, to_recheck

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def row(issue: Issue) -> str:
    issue.refresh_from_db()
    return f"{issue.number}.{issue.version}"


def ordered(client: Client, issues: list[Issue], **order: Any) -> Any:
    """Send one order for these issues; the page that says what came of it."""
    data = {"row": [row(issue) for issue in issues], "submission": str(uuid.uuid4()), "what": "assign", **order}
    answer = client.post("/issues/bulk/", data)
    return client.get(answer["Location"]) if answer.status_code == 302 else answer


def outcomes(answer: Any) -> dict[str, bool]:
    return {one.number: one.done for one in answer.context["outcomes"]}


def slight(cast: Cast, **values: Any) -> Issue:
    """A received issue that nobody reported, severity 1."""
    issue = alarm(cast.merchant, **values)
    Issue.objects.filter(pk=issue.pk).update(severity=1)
    issue.refresh_from_db()
    return issue


def received(cast: Cast) -> Issue:
    """A person's report: it waits for the dispatcher."""
    return complain(cast.merchant).issue


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_ticked_issues_go_to_one_unit_each_by_its_own_move(cast: Cast) -> None:
    issues = [received(cast), received(cast)]
    answer = ordered(browser(cast.dispatcher), issues, to=str(cast.grid.pk))
    assert outcomes(answer) == {issue.number: True for issue in issues}
    for issue in issues:
        issue.refresh_from_db()
        assert (issue.state, issue.lead_unit) == ("dispatched", cast.grid)
        assert issue.moves.get(move=Move.DISPATCH).actor == cast.dispatcher


def test_what_is_refused_says_why_and_stops_nobody_else(cast: Cast) -> None:
    here, there = received(cast), complain(cast.other_merchant).issue
    moved = received(cast)
    stale = row(moved)
    do(moved, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    client = browser(cast.dispatcher)
    answer = client.post(
        "/issues/bulk/",
        {"row": [row(here), row(there), stale], "what": "assign", "to": str(cast.grid.pk), "words": "一并处理",
         "submission": str(uuid.uuid4())},
    )  # fmt: skip
    told = client.get(answer["Location"])
    assert outcomes(told) == {here.number: True, there.number: False, moved.number: False}
    said = {one.number: one.words for one in told.context["outcomes"]}
    assert cast.dispatcher.name in said[moved.number]  # somebody was faster
    assert "没有" in said[there.number]


def test_an_order_sent_twice_is_done_once_and_answered_alike(cast: Cast) -> None:
    issues = [received(cast), to_recheck(cast, alarm(cast.merchant))]
    client, submission = browser(cast.dispatcher), str(uuid.uuid4())
    first = {
        "row": [row(issue) for issue in issues],
        "what": "assign",
        "to": str(cast.grid.pk),
        "submission": submission,
    }
    answers = [client.get(client.post("/issues/bulk/", first)["Location"]) for _ in range(2)]
    assert outcomes(answers[0]) == outcomes(answers[1]) == {issues[0].number: True, issues[1].number: False}
    assert MoveRow.objects.filter(issue=issues[0], move=Move.DISPATCH).count() == 1


def test_a_submission_of_somebody_elses_order_is_refused(cast: Cast) -> None:
    issue, submission = received(cast), str(uuid.uuid4())
    order = {"row": row(issue), "what": "assign", "to": str(cast.grid.pk), "submission": submission}
    browser(cast.dispatcher).post("/issues/bulk/", order)
    other = complain(cast.other_merchant).issue
    answer = browser(cast.other_dispatcher).post(
        "/issues/bulk/", {**order, "row": row(other), "to": str(cast.other_grid.pk)}
    )
    assert answer.status_code == 409
    assert bulk_run.progress(uuid.UUID(submission), cast.other_dispatcher.pk) is None


def in_parts(cast: Cast, issues: list[Issue], monkeypatch: pytest.MonkeyPatch, language: str = "en") -> tuple[Any, str]:
    """Give them to the grid in a request that has time for one row alone: what the reader is shown, and the submission."""
    monkeypatch.setattr(bulk_run, "IN_A_REQUEST_S", 0)
    client, submission = browser(cast.dispatcher, language), str(uuid.uuid4())
    return ordered(client, issues, to=str(cast.grid.pk), submission=submission), submission


def test_what_a_request_has_no_time_for_is_done_by_the_worker(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    issues = [received(cast) for _ in range(3)]
    shown, submission = in_parts(cast, issues, monkeypatch)
    assert (len(outcomes(shown)), shown.context["left"]) == (1, 2)
    assert "2 more are being done" in shown.content.decode()
    asked = [
        job for job in ProcrastinateJob.objects.filter(task_name=bulk_run.GO_ON) if job.args["submission"] == submission
    ]
    assert {job.scheduled_at is None for job in asked} == {True, False}, (
        "at once; and once more, should this process end"
    )
    jobs.go_on_with_many(submission)
    later = browser(cast.dispatcher, "en").get(f"/issues/bulk/done/?of={submission}&part=rows")
    assert outcomes(later) == {issue.number: True for issue in issues}
    assert "<html" not in later.content.decode()
    assert "being done" not in later.content.decode()
    jobs.go_on_with_many(submission)
    assert [issue.moves.filter(move=Move.DISPATCH).count() for issue in issues] == [1, 1, 1]


def test_an_order_sent_again_while_it_is_being_done_shows_how_far_it_got(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues = [received(cast) for _ in range(2)]
    _shown, submission = in_parts(cast, issues, monkeypatch)
    data = {"row": [f"{one.number}.0" for one in issues], "what": "assign", "to": str(cast.grid.pk)}
    client = browser(cast.dispatcher)
    again = client.get(client.post("/issues/bulk/", {**data, "submission": submission})["Location"])
    assert len(outcomes(again)) == 1
    assert MoveRow.objects.filter(move=Move.DISPATCH).count() == 1


def test_what_the_worker_may_not_do_says_why_in_the_language_of_who_asked(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues = [received(cast) for _ in range(2)]
    _shown, submission = in_parts(cast, issues, monkeypatch, "en")
    do(issues[1], Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    jobs.go_on_with_many(submission)
    found = bulk_run.progress(uuid.UUID(submission), cast.dispatcher.pk)
    assert found is not None
    assert [one.done for one in found.outcomes] == [True, False]
    assert "was faster" in found.outcomes[1].words


def test_a_row_that_fails_by_a_mistake_of_ours_holds_up_no_other(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    issues = [received(cast) for _ in range(3)]
    _shown, submission = in_parts(cast, issues, monkeypatch)
    asked = uuid.UUID(submission)

    def falls_over(work: bulk_run.Work, actor: User) -> bulk_run.Row:
        row = bulk.doing(work, actor)

        def one(kept: bulk_run.Json, at: datetime) -> bulk_run.Outcome:
            done = row(kept, at)
            return done if kept["number"] != issues[1].number else 1 / 0  # type: ignore[return-value]  # it never returns

        return one

    assert bulk_run.go_on(asked, falls_over, lambda: LATER)
    found = bulk_run.progress(asked, cast.dispatcher.pk)
    assert found is not None
    assert [one.done for one in found.outcomes] == [True, False, True]
    issues[1].refresh_from_db()
    assert issues[1].state == "received", "the row that failed is left as it was"


def test_only_slight_issues_nobody_reported_are_dismissed_together(cast: Cast) -> None:
    light, reported = slight(cast), received(cast)
    grave = find(cast.town_officer, merchant=cast.merchant)
    Issue.objects.filter(pk=grave.pk).update(severity=2)
    Issue.objects.filter(pk=reported.pk).update(severity=1)
    answer = ordered(browser(cast.dispatcher, "en"), [light, reported, grave], what="dismiss", words="试运行误报")
    assert outcomes(answer) == {light.number: True, reported.number: False, grave.number: False}
    said = {one.number: one.words for one in answer.context["outcomes"]}
    assert "wait for an answer" in said[reported.number]
    assert "not slight" in said[grave.number]
    light.refresh_from_db()
    assert (light.state, light.moves.latest("version").words) == ("dismissed", "试运行误报")


def test_what_was_fed_back_is_closed_together_but_not_by_who_handled_it(cast: Cast) -> None:
    done = to_recheck(cast, slight(cast))
    answer = ordered(browser(cast.dispatcher), [done], what="close", words="已核实")
    assert outcomes(answer) == {done.number: True}


def test_a_reason_is_needed_to_end_and_a_unit_to_assign(cast: Cast) -> None:
    issue = slight(cast)
    client = browser(cast.dispatcher, "en")
    assert ordered(client, [issue], what="dismiss", words=" ").status_code == 422
    assert ordered(client, [issue], what="assign").status_code == 422
    assert issue.moves.filter(actor=cast.dispatcher).count() == 0


def test_all_that_a_filter_shows_can_be_taken_up(cast: Cast) -> None:
    issues = [received(cast), received(cast)]
    to_closed(cast, alarm(cast.merchant))
    page = browser(cast.dispatcher).get("/issues/bulk/?view=unit&all=1")
    assert {one.number for one in page.context["ticked"]} == {issue.number for issue in issues}


def test_nobody_but_a_dispatcher_moves_many(cast: Cast) -> None:
    issue = slight(cast)
    for user in (cast.grid_member, cast.town_officer, cast.leader, cast.assessor):
        assert browser(user).post("/issues/bulk/", {"row": row(issue)}).status_code == 403
        assert "data-tick-all" not in browser(user).get("/issues/?view=all").content.decode()
    assert "data-tick-all" in browser(cast.dispatcher).get("/issues/?view=all").content.decode()


# ── saved views ──────────────────────────────────────────────────────────────────────────────────────────────────


def save(client: Client, name: str, **values: str) -> Any:
    return client.post("/issues/views/", {"do": "save", "name": name, "view": "unit", "late": "1", **values})


def test_a_view_too_long_to_keep_is_refused_and_not_cut_to_another_one(cast: Cast) -> None:
    answer = save(browser(cast.dispatcher), "长", q="油烟很大" * 15)
    assert (answer.status_code, SavedView.objects.exists()) == (422, False)


def test_a_view_is_kept_opened_shared_with_the_unit_and_deleted(cast: Cast) -> None:
    client = browser(cast.dispatcher)
    assert save(client, "超期的")["Location"] == "/issues/?view=unit&late=1"
    assert "/issues/?view=unit&amp;late=1" in client.get("/issues/").content.decode()
    view = SavedView.objects.get()
    colleague = person("dispatcher3", "town_dispatcher", cast.town)
    assert not SavedView.objects.visible_to(colleague).exists()
    client.post("/issues/views/", {"do": "share", "id": view.pk})
    assert SavedView.objects.visible_to(colleague).get() == view
    assert not SavedView.objects.visible_to(cast.other_dispatcher).exists()
    assert browser(colleague).post("/issues/views/", {"do": "delete", "id": view.pk}).status_code == 404
    client.post("/issues/views/", {"do": "delete", "id": view.pk})
    assert not SavedView.objects.exists()


def test_the_same_name_again_changes_the_view(cast: Cast) -> None:
    client = browser(cast.dispatcher)
    save(client, "我的")
    save(client, "我的", source="alarm", shared="on")
    view = SavedView.objects.get()
    assert (view.query, view.shared_with) == ("view=unit&source=alarm&late=1", cast.town)


def test_a_view_without_a_name_is_refused_and_one_may_not_keep_them_without_end(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(cast.dispatcher)
    assert save(client, " ").status_code == 422
    monkeypatch.setattr("lingxiu.issues.desk.MOST_VIEWS", 1)
    save(client, "一")
    assert save(client, "二").status_code == 422


# ── a unit's own notes ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_private_note_is_read_by_the_authors_unit_alone(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    answer = browser(cast.dispatcher).post(
        f"/issues/{issue.number}/private/", {"words": "老板脾气大，先打电话", "submission": str(uuid.uuid4())}
    )
    assert answer["Location"] == f"/issues/{issue.number}/#private"
    seen = {
        name: "老板脾气大" in browser(user).get(f"/issues/{issue.number}/").content.decode()
        for name, user in cast.by_role.items()
        if name not in ("owner", "cleaning_company", "waste_hauler")
    }
    assert {name for name, sees in seen.items() if sees} == {"town_dispatcher"}
    assert issue.moves.filter(words__contains="脾气").count() == 0
    told = Entry.objects.get(kind="issue.privately_noted")
    assert (told.town, told.merchant_id, told.reference) == ("", None, {})


def test_a_private_note_sent_from_a_page_gone_back_to_is_not_lost(cast: Cast) -> None:
    issue, client, submission = received(cast), browser(cast.dispatcher), str(uuid.uuid4())
    for words in ("先打电话", "先打电话，老板姓沈", "先打电话，老板姓沈"):
        client.post(f"/issues/{issue.number}/private/", {"words": words, "submission": submission})
    assert sorted(row.words for row in PrivateNote.objects.all()) == ["先打电话", "先打电话，老板姓沈"]


def test_a_private_note_sent_twice_is_one_and_an_empty_one_none(cast: Cast) -> None:
    issue, client, submission = alarm(cast.merchant), browser(cast.dispatcher), str(uuid.uuid4())
    for _ in range(2):
        client.post(f"/issues/{issue.number}/private/", {"words": "电话里说明天修", "submission": submission})
    assert client.post(f"/issues/{issue.number}/private/", {"words": " "}).status_code == 422
    assert PrivateNote.objects.count() == 1


# ── colleagues named ─────────────────────────────────────────────────────────────────────────────────────────────


def note(user: User, issue: Issue, words: str, **values: str) -> Any:
    data = {"move": "note", "words": words, "submission": str(uuid.uuid4()), **values}
    return browser(user, "en").post(f"/issues/{issue.number}/moves/", data)


def test_a_colleague_named_in_a_note_is_kept_with_it(cast: Cast) -> None:
    issue, wang = alarm(cast.merchant), person("wang", "town_officer", cast.town_team)
    User.objects.filter(pk=wang.pk).update(name="王小明")
    assert note(cast.dispatcher, issue, "请@王小明看一下,@grid 也去", mention="team").status_code == 302
    row = issue.moves.get(move=Move.NOTE)
    assert row.data["mentioned"] == [wang.pk, cast.grid_member.pk, cast.town_officer.pk]
    suggested = browser(cast.dispatcher).get(f"/issues/{issue.number}/").content.decode()
    assert '<option value="王小明">' in suggested


@pytest.mark.parametrize("words", ["@grid2 看一下", "@owner 看一下", "@nobody"])
def test_a_name_of_nobody_who_may_open_the_issue_is_refused(cast: Cast, words: str) -> None:
    issue = alarm(cast.merchant)
    answer = note(cast.dispatcher, issue, words)
    assert answer.status_code == 422
    assert f"called «{words[1:].split()[0]}»" in answer.content.decode()
    assert not issue.moves.filter(move=Move.NOTE).exists()


def test_an_e_mail_address_names_nobody(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert note(cast.dispatcher, issue, "写信到 shop@example.com").status_code == 302
    assert issue.moves.get(move=Move.NOTE).data == {}


# ── the morning ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_figure_of_the_morning_is_its_lists(cast: Cast) -> None:
    issue = alarm(cast.merchant, at=NOON - 30 * HOUR)
    find(cast.grid_member, merchant=cast.merchant, at=NOON)
    closed = to_closed(cast, complain_and_send(cast))
    reporters.reopen(closed.reports.get(), "还是有油烟", at=LATER)
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.EXTEND, cast.grid_member, words="等配件", days=1)
    do(issue, Move.SUPERVISE, cast.leader, words="什么情况")
    for user in (cast.dispatcher, cast.county_officer, cast.leader):
        client = browser(user, "en")
        found = {str(one.label): one for one in client.get("/issues/digest/").context["figures"]}
        for one in found.values():
            listed = client.get(one.url).context["total"]
            assert listed == one.count, one.label
        assert found["More time asked for"].count.number == 1
        assert found["Supervised, not answered"].count.number == 1
        assert found["Opened again by reporters"].count.number == 1
        assert found["New since then"].count.number == 2


def test_on_monday_the_morning_begins_on_friday_and_after_the_festival_before_it(cast: Cast) -> None:
    """Else what came in on Friday evening and Saturday stood in no morning at all."""
    monday, after_festival = NOON + timedelta(days=4), datetime(2026, 10, 8, 8, tzinfo=NOON.tzinfo)
    assert digest.last_end_of_work(monday).isoformat() == "2026-03-06T17:00:00+08:00"
    assert digest.last_end_of_work(after_festival).isoformat() == "2026-09-30T17:00:00+08:00"


def complain_and_send(cast: Cast) -> Issue:
    issue = received(cast)
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, at=NOON)
    return issue


def test_the_morning_begins_yesterday_at_five(cast: Cast) -> None:
    assert digest.last_end_of_work(NOON).isoformat() == "2026-03-04T17:00:00+08:00"
    before, after = (
        alarm(cast.merchant, at=NOON - 19 * HOUR - timedelta(minutes=1)),
        find(cast.grid_member, merchant=cast.merchant),
    )
    wanted = Filter(event="came_in", after=digest.last_end_of_work(NOON))
    assert list(matching(wanted, cast.dispatcher, NOON)) == [after]
    assert before.reported_at < after.reported_at


def test_the_morning_is_for_who_decides(cast: Cast) -> None:
    answered = {name: browser(user).get("/issues/digest/").status_code for name, user in cast.by_role.items()}
    assert {name for name, code in answered.items() if code == 200} == {"town_dispatcher", "county_officer", "leader"}
    assert "/issues/digest/" in browser(cast.leader).get("/issues/").content.decode()
    assert "/issues/digest/" not in browser(cast.grid_member).get("/issues/").content.decode()


def test_the_morning_takes_a_fixed_number_of_queries(cast: Cast) -> None:
    def queries() -> int:
        client = browser(cast.dispatcher)
        client.get("/issues/digest/")
        with CaptureQueriesContext(connection) as sent:
            client.get("/issues/digest/")
        return len(sent)

    alarm(cast.merchant)
    few = queries()
    for n in range(10):
        find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(minutes=n))
    assert queries() == few


@pytest.mark.parametrize("page", ["/issues/", "/issues/digest/", "/issues/views/", "/issues/bulk/?all=1&view=all"])
def test_the_desks_pages_in_english_hold_no_chinese_but_data(cast: Cast, page: str) -> None:
    alarm(cast.merchant)
    text = browser(cast.dispatcher, "en").get(page).content.decode()
    own = re.sub(
        r'<(\w+)[^>]*lang="zh"[^>]*>.*?</\1>|<option[^>]*>.*?</option>|<script.*?</script>', "", text, flags=re.S
    )
    own = re.sub(r'(value|title|aria-label|label)="[^"]*"', "", own)
    assert set(re.findall(r"[一-鿿]+", own)) - {"简体中文"} == set()
