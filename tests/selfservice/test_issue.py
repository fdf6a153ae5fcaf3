"""An issue on the owner's phone: one sentence, one date, one button; whom to call; and what is never told."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from PIL import Image

from lingxiu.accounts.models import Bond, User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from tests.cast import NOON, Cast
from tests.issues.world import alarm, complain, do, find, to_recheck

THEN = datetime(2026, 3, 6, 4, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_day_later() -> Any:
    with time_machine.travel(THEN, tick=False):
        yield


def browser(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def page(user: User, issue: Issue, language: str = "en") -> str:
    response = browser(user, language).get(f"/shop/issues/{issue.number}/")
    assert response.status_code == 200
    return response.content.decode()


def status(user: User, issue: Issue) -> int:
    return browser(user).get(f"/shop/issues/{issue.number}/").status_code


def put_right(user: User, issue: Issue, **fields: Any) -> HttpResponse:
    values = {"words": "已请人清洗净化器", "submission": str(uuid4()), **fields}
    return browser(user).post(f"/shop/issues/{issue.number}/", values)  # type: ignore[return-value]  # Django's test response


def picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "grey").save(out, "PNG")
    return SimpleUploadedFile("hood.png", out.getvalue(), "image/png")


def test_from_the_shop_each_open_issue_leads_to_its_page(cast: Cast) -> None:
    one, two = alarm(cast.merchant), find(cast.grid_member, merchant=cast.merchant)
    text = browser(cast.owner).get("/shop/").content.decode()
    for issue in (one, two):
        assert f'href="/shop/issues/{issue.number}/"' in text
    assert text.count("btn-primary") == 1


def test_one_sentence_one_date_one_button(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    text = page(cast.owner, issue)
    assert text.count("<h1>") == 1
    assert f"by {issue.due_at:%Y-%m-%d}" in text
    assert text.count("btn-primary") == 1
    assert "I have put it right" in text


def test_the_grid_member_is_named_and_called_by_one_tap(cast: Cast) -> None:
    User.objects.filter(pk=cast.grid_member.pk).update(name="周网格", phone="13812340000")
    text = page(cast.owner, alarm(cast.merchant))
    assert "周网格" in text
    assert 'href="tel:13812340000"' in text


def test_what_officers_and_reporters_wrote_is_not_told(cast: Cast) -> None:
    row = complain(cast.merchant, words="楼上住户闻到油烟", name="王小明", phone="13812345678")
    do(row.issue, Move.DISPATCH, cast.dispatcher, at=NOON, unit=cast.grid, words="请当心店主脾气")
    do(row.issue, Move.ACCEPT, cast.grid_member, at=NOON)
    do(row.issue, Move.HANDLE, cast.grid_member, at=NOON, words="店主说是隔壁的")
    text = page(cast.owner, row.issue)
    for secret in ("楼上住户", "王小明", "13812345678", "脾气", "隔壁", "dispatcher"):
        assert secret not in text, secret


def test_what_a_dispatcher_has_not_judged_does_not_exist_yet(cast: Cast) -> None:
    row = complain(cast.merchant)
    assert status(cast.owner, row.issue) == 404
    do(row.issue, Move.DISPATCH, cast.dispatcher, at=NOON, unit=cast.grid)
    assert status(cast.owner, row.issue) == 200


@pytest.mark.parametrize("who", ["stranger_owner", "cleaning_company", "waste_hauler", "grid_member", "county_officer"])
def test_it_is_the_owners_alone(cast: Cast, who: str) -> None:
    issue = alarm(cast.merchant)
    assert status(getattr(cast, who), issue) == 404
    assert put_right(getattr(cast, who), issue).status_code == 404
    assert not issue.moves.filter(move=Move.CORRECT).exists()


def test_an_owner_no_longer_sees_nothing(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    Bond.objects.filter(user=cast.owner).update(ended_at=NOON)
    assert status(cast.owner, issue) == 404


def test_what_was_put_right_reaches_who_has_the_issue_with_words_and_a_picture(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    before = Issue.objects.get(pk=issue.pk).state
    assert put_right(cast.owner, issue, photo=picture()).status_code == 302
    row = issue.moves.get(move=Move.CORRECT)
    assert (row.words, len(row.photos), row.actor) == ("已请人清洗净化器", 1, cast.owner)
    issue.refresh_from_db()
    assert issue.state == before, "the owner's word closes nothing"
    assert "已请人清洗净化器" in page(cast.owner, issue)
    assert "已请人清洗净化器" in browser(cast.grid_member).get(f"/issues/{issue.number}/").content.decode()


def test_a_second_tap_says_it_once(cast: Cast) -> None:
    issue, submission = alarm(cast.merchant), str(uuid4())
    for _ in range(2):
        assert put_right(cast.owner, issue, submission=submission).status_code == 302
    assert issue.moves.filter(move=Move.CORRECT).count() == 1


def test_words_are_needed_and_what_was_typed_stays(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert put_right(cast.owner, issue, words="").status_code == 422
    broken = SimpleUploadedFile("hood.png", b"no picture", "image/png")
    response = put_right(cast.owner, issue, photo=broken)
    assert (response.status_code, "已请人清洗净化器" in response.content.decode()) == (422, True)
    assert not issue.moves.filter(move=Move.CORRECT).exists()


def test_what_is_checked_or_done_asks_for_nothing_more(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    to_recheck(cast, issue, at=NOON)
    text = page(cast.owner, issue)
    assert "It is being checked" in text
    assert "btn-primary" not in text
    assert put_right(cast.owner, issue).status_code == 409
    do(issue, Move.CLOSE, cast.dispatcher, at=NOON)
    assert "Done: nothing more to do" in page(cast.owner, issue)


def test_a_late_one_says_by_how_many_days(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    Issue.objects.filter(pk=issue.pk).update(due_at=THEN - timedelta(days=2))
    assert "2 days late" in page(cast.owner, issue)
