"""The page of a report: its number, step by step, what it is asked, what it can say. One's own matter, and nothing of others."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from PIL import Image

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.limits import POSTS_A_DAY
from lingxiu.issues.models import PublicPost, Report
from lingxiu.issues.reporters import MOST_ADDITIONS
from tests.cast import Cast
from tests.issues.world import LATER, complain, do, to_closed

THEN = LATER + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _at_two_o_clock() -> Any:
    with time_machine.travel(THEN, tick=False):
        yield


def browser(user: User | None = None, language: str = "en", **more: Any) -> Client:
    client = Client(headers={"accept-language": language}, **more)
    if user is not None:
        client.force_login(user)
    return client


def page(row: Report, language: str = "en") -> str:
    return browser(None, language).get(f"/r/{row.token}").content.decode()


def say(row: Report, what: str, *, address: str = "203.0.113.7", **fields: Any) -> HttpResponse:
    values = {"what": what, "submission": str(uuid4()), **fields}
    return browser().post(f"/r/{row.token}", values, REMOTE_ADDR=address)  # type: ignore[return-value]  # Django's test response


def picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "grey").save(out, "PNG")
    return SimpleUploadedFile("smoke.png", out.getvalue(), "image/png")


def answered(cast: Cast, **values: Any) -> Report:
    """A report that was looked into, and answered."""
    row = complain(cast.merchant, **values)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_closed(cast, row.issue, answer="已督促清洗净化器")
    row.refresh_from_db()
    return row


def steps(text: str) -> list[str]:
    return re.findall(r'<div class="event-head"><b>([^<]*)</b>', text)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_told_step_by_step_in_plain_words(cast: Cast) -> None:
    text = page(answered(cast))
    assert steps(text) == [
        "Answered",
        "Dealt with; a second person checks it",
        "Somebody was there and looked",
        "Somebody has taken it on",
        "Sent to those who go and look",
        "We have received your report",
    ]


def test_the_number_stands_there_to_be_asked_for_by_phone(cast: Cast) -> None:
    row = complain(cast.merchant, source="12345", own_number="JX2026030500017")
    assert row.issue.number in page(row)
    assert "JX2026030500017" in page(row)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_nobodys_name_and_nobodys_notes_are_on_it(cast: Cast, language: str) -> None:
    row = answered(cast, name="王小明", phone="13812345678")
    do(row.issue, Move.NOTE, cast.dispatcher, at=THEN, words="这位投诉人常打电话")
    text = page(row, language)
    for secret in (
        "看了现场",
        "已清洗",
        "常打电话",
        "王小明",
        "13812345678",
        cast.grid.name,
        cast.town.name,
        "dispatcher",
    ):
        assert secret not in text, secret


def test_what_another_reporter_asked_or_said_stays_theirs(cast: Cast) -> None:
    row, other = complain(cast.merchant), complain(cast.merchant, words="别人说的话")
    do(other.issue, Move.JOIN, cast.dispatcher, into=row.issue.number)
    do(row.issue, Move.ASK, cast.dispatcher, at=THEN, words="您住几楼?", report=other.pk)
    say(other, "add", words="我住五楼")
    mine = page(row)
    for secret in ("别人说的话", "您住几楼", "我住五楼", "We asked you something", "You added something"):
        assert secret not in mine, secret
    assert steps(page(other))[:2] == ["You added something", "We asked you something"]
    assert "Put together with something we look into already" in steps(page(other))


def test_opened_again_by_another_it_says_only_that_it_is_looked_into(cast: Cast) -> None:
    row, other = complain(cast.merchant), complain(cast.merchant)
    do(other.issue, Move.JOIN, cast.dispatcher, into=row.issue.number)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_closed(cast, row.issue)
    say(other, "reopen", words="今晚还是有烟")
    assert "今晚还是有烟" not in page(row)
    assert steps(page(row))[0] == "Looked into once more"
    assert steps(page(other))[0] == "You said it is not right yet"


# ── adding ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_stands_first_and_is_answered_below_it(cast: Cast) -> None:
    row = complain(cast.merchant)
    do(row.issue, Move.ASK, cast.dispatcher, words="每天都有, 还是只在周末?")
    text = page(row)
    assert text.index("每天都有, 还是只在周末?") < text.index("How far it is")
    assert text.count('id="add"') == 1
    assert say(row, "add", words="每天晚上").status_code == 302
    assert "每天都有, 还是只在周末?" not in page(row)
    assert "每天晚上" in page(row)


def test_words_and_a_picture_are_added_once_however_often_they_are_sent(cast: Cast) -> None:
    row, submission = complain(cast.merchant), str(uuid4())
    for _ in range(2):
        assert say(row, "add", words="烟更大了", photo=picture(), submission=submission).status_code == 302
    added = row.additions.get()
    assert (added.words, len(added.photos)) == ("烟更大了", 1)
    assert "with 1 picture" in page(row)


def test_officers_who_may_read_reports_read_what_was_added_and_how_it_was_rated_and_the_grid_does_not(
    cast: Cast,
) -> None:
    row = complain(cast.merchant)
    say(row, "add", words="烟更大了", photo=picture())
    do(row.issue, Move.DISPATCH, cast.dispatcher, at=THEN, unit=cast.grid)
    to_closed(cast, row.issue, at=THEN)
    say(row, "rate", stars="2", words="来得太晚")
    url = f"/issues/{row.issue.number}/"
    read = browser(cast.dispatcher).get(url).content.decode()
    assert "烟更大了" in read
    assert "来得太晚" in read
    assert "2 of 5 stars" in read
    assert "the reporter" in read, "not the system, which added nothing"
    assert read.count("picture of the report") == 1
    unread = browser(cast.grid_member).get(url).content.decode()
    for secret in ("烟更大了", "来得太晚", "picture of the report"):
        assert secret not in unread, secret


def test_nothing_is_added_without_words_or_to_what_has_ended(cast: Cast) -> None:
    row = complain(cast.merchant)
    assert say(row, "add", words=" ").status_code == 422
    row = answered(cast)
    response = say(row, "add", words="还有")
    assert (response.status_code, "has moved on meanwhile" in response.content.decode()) == (409, True)
    assert "还有" in response.content.decode(), "what was typed stays"
    assert not row.additions.exists()


def test_a_report_is_no_chat(cast: Cast) -> None:
    row = complain(cast.merchant)
    for number in range(MOST_ADDITIONS):
        say(row, "add", words=f"{number}", address=f"203.0.113.{number}")
    assert 'id="add"' not in page(row)
    assert "You have added very often" in say(row, "add", words="again").content.decode()


# ── rating ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_answer_is_rated_in_words_and_stars_and_may_be_rated_anew(cast: Cast) -> None:
    row = answered(cast)
    assert len(re.findall(r'type="radio" name="stars"', page(row))) == 5
    assert say(row, "rate", stars="4", words="谢谢").status_code == 302
    assert "4 of 5 stars" in page(row)
    assert "Thank you: this is what you said" in page(row)
    say(row, "rate", stars="5")
    row.refresh_from_db()
    assert (row.stars, row.rating_words) == (5, "")


@pytest.mark.parametrize("stars", ["0", "6", "", "five", "4.5"])
def test_other_numbers_of_stars_are_refused(cast: Cast, stars: str) -> None:
    row = answered(cast)
    assert say(row, "rate", stars=stars).status_code == 422
    row.refresh_from_db()
    assert row.stars is None


def test_what_is_not_answered_is_not_rated(cast: Cast) -> None:
    row = complain(cast.merchant)
    assert 'name="stars"' not in page(row)
    assert say(row, "rate", stars="5").status_code == 409


# ── opening again ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reporter_opens_it_again_with_a_reason(cast: Cast) -> None:
    row = answered(cast)
    assert say(row, "reopen", words="").status_code == 422
    assert say(row, "reopen", words="今晚又有").status_code == 302
    row.issue.refresh_from_db()
    assert (row.issue.state, row.issue.lead_unit) == ("received", cast.town)
    assert "It is being looked into once more." in page(row)


def test_a_second_tap_opens_it_once(cast: Cast) -> None:
    row, submission = answered(cast), str(uuid4())
    first, again = (say(row, "reopen", words="又有", submission=submission) for _ in range(2))
    assert (first.status_code, again.status_code) == (302, 302)
    assert row.issue.moves.filter(move=Move.REOPEN).count() == 1


def test_after_the_days_that_policy_gives_it_is_reported_anew(cast: Cast) -> None:
    row = answered(cast)
    with time_machine.travel(THEN + timedelta(days=400), tick=False):
        assert 'id="reopen"' not in page(row)
        assert "report it anew" in page(row)
        response = say(row, "reopen", words="又有")
    assert (response.status_code, "The time for that is over" in response.content.decode()) == (409, True)


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_said_later_counts_as_public_posts_do(cast: Cast) -> None:
    row = complain(cast.merchant)
    say(row, "add", words="一")
    PublicPost.objects.update(count=POSTS_A_DAY)
    response = say(row, "add", words="请留着这些字")
    assert (response.status_code, "请留着这些字" in response.content.decode()) == (429, True)
    assert row.additions.count() == 1


def test_the_page_is_protected_against_forgery_and_odd_wishes(cast: Cast) -> None:
    row = complain(cast.merchant)
    forged = browser(enforce_csrf_checks=True).post(f"/r/{row.token}", {"what": "add", "words": "x"})
    assert forged.status_code == 403
    assert say(row, "delete").status_code == 422
    assert browser().post("/r/nonsense", {"what": "add", "words": "x"}).status_code == 404
    assert not row.additions.exists()


def test_a_submission_of_one_report_says_nothing_in_anothers_name(cast: Cast) -> None:
    row, other, submission = complain(cast.merchant), complain(cast.merchant), str(uuid4())
    say(row, "add", words="一", submission=submission)
    assert say(other, "add", words="一", submission=submission).status_code == 409
    assert not other.additions.exists()
