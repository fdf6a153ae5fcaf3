"""Before and after in one form, and a quick issue put right in one: every move written, or none."""

from __future__ import annotations

import io
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from lingxiu.issues.actions.at_once import may_put_right, put_right
from lingxiu.issues.lifecycle import Move, MoveRefused, Result, State
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.issues.writing import Brought
from tests.cast import Cast
from tests.issues.world import LATER, complain, do, find, photo

VISIT = Brought(words="到店，店家当场盖好")
FIXED = Brought(result=Result.FIXED)


@pytest.fixture
def issue(cast: Cast) -> Issue:
    """An overflowing bin: the catalogue wants it shown before and after."""
    return find(cast.grid_member, "D-FULL", merchant=cast.merchant)


def jpeg(shade: int) -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 90, 60)).save(file, "JPEG")
    return SimpleUploadedFile("photo.jpg", file.getvalue(), "image/jpeg")


def sent(issue: Issue, **values: Any) -> dict[str, Any]:
    issue.refresh_from_db()
    return {"move": "feed_back", "seen": str(issue.version), "submission": str(uuid4()), **values}


def written(issue: Issue) -> list[str]:
    return list(issue.moves.exclude(move__in=["report", "dispatch"]).order_by("version").values_list("move", flat=True))


def told(issue: Issue, **brought: Any) -> MoveRow:
    visit, outcome = Brought(words="看了", photos=(photo(1),)), Brought(result=Result.FIXED, photos=(photo(2),))
    return put_right(
        issue.number, visit=visit, outcome=outcome, submission=uuid4(), at=LATER, **brought
    )  # fmt: skip


# ── one form, three moves ──


def test_what_was_put_right_on_the_spot_is_accepted_visited_and_fed_back(cast: Cast, issue: Issue) -> None:
    told(issue, actor=cast.grid_member)
    issue.refresh_from_db()
    assert issue.state == State.RECHECK
    assert written(issue) == ["accept", "handle", "feed_back"]
    visit, fed_back = issue.moves.get(move="handle"), issue.moves.get(move="feed_back")
    assert (visit.words, visit.photos, fed_back.photos, fed_back.result) == ("看了", [photo(1)], [photo(2)], "fixed")


def test_what_was_accepted_before_is_not_accepted_twice(cast: Cast, issue: Issue) -> None:
    do(issue, Move.ACCEPT, cast.grid_member)
    told(issue, actor=cast.grid_member)
    assert written(issue) == ["accept", "handle", "feed_back"]


def test_where_one_move_is_refused_none_is_written(cast: Cast, issue: Issue) -> None:
    with pytest.raises(MoveRefused) as refused:
        put_right(issue.number, actor=cast.grid_member, visit=VISIT, outcome=FIXED, at=LATER, submission=uuid4())
    assert (refused.value.move, refused.value.why) == (Move.FEED_BACK, "evidence")
    issue.refresh_from_db()
    assert (issue.state, written(issue)) == (State.DISPATCHED, [])


def test_it_is_for_whoever_has_it_at_the_grid_until_they_have_been_there(cast: Cast, issue: Issue) -> None:
    assert may_put_right(issue, cast.grid_member)
    for other in (cast.other_grid_member, cast.dispatcher, cast.town_officer, cast.leader):
        assert not may_put_right(issue, other)
    do(issue, Move.ACCEPT, cast.grid_member)
    issue.refresh_from_db()
    assert may_put_right(issue, cast.grid_member)
    do(issue, Move.HANDLE, cast.grid_member, words="看了")
    issue.refresh_from_db()
    assert not may_put_right(issue, cast.grid_member)


def test_the_town_team_goes_step_by_step(cast: Cast, issue: Issue) -> None:
    do(issue, Move.ESCALATE, cast.grid_member, words="管不了")
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    issue.refresh_from_db()
    assert not may_put_right(issue, cast.town_officer)
    with pytest.raises(MoveRefused):
        told(issue, actor=cast.town_officer)


def test_nobody_else_may(cast: Cast, issue: Issue) -> None:
    with pytest.raises(MoveRefused) as refused:
        told(issue, actor=cast.other_grid_member)
    assert refused.value.why == "person"
    assert written(issue) == []


# ── on the page ──


def test_the_page_takes_both_pictures_and_a_second_sending_does_nothing_more(
    client: Client, cast: Cast, issue: Issue
) -> None:
    client.force_login(cast.grid_member)
    address = f"/issues/{issue.number}/moves/"
    assert 'id="put-right"' in client.get(f"/issues/{issue.number}/").content.decode()
    form = sent(issue, at_once="1", words="当场盖好", result="fixed")
    for _again in range(2):
        pictures = {"photo_put_right_before": jpeg(10), "photo_put_right": jpeg(20)}
        assert client.post(address, {**form, **pictures}).status_code == 302
    assert written(issue) == ["accept", "handle", "feed_back"]
    assert [len(row.photos) for row in issue.moves.order_by("version")][-3:] == [0, 1, 1]


def test_without_a_picture_the_form_comes_back_with_what_was_typed(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    form = sent(issue, at_once="1", words="当场盖好", result="fixed")
    page = client.post(f"/issues/{issue.number}/moves/", form)
    assert page.status_code == 422
    assert "当场盖好" in page.content.decode()
    assert "还缺照片" in page.content.decode()
    assert written(issue) == []


def test_words_are_needed(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    assert client.post(f"/issues/{issue.number}/moves/", sent(issue, at_once="1", result="fixed")).status_code == 422


def test_what_is_no_picture_is_said_at_its_own_place(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    form = sent(issue, at_once="1", words="盖好", result="fixed", photo_put_right=jpeg(1))
    broken = SimpleUploadedFile("photo.jpg", b"no picture", "image/jpeg")
    page = client.post(f"/issues/{issue.number}/moves/", {**form, "photo_put_right_before": broken})
    assert page.status_code == 422
    assert 'id="id_photo_put_right_before_error"' in page.content.decode()
    assert written(issue) == []


# ── two pictures of one move ──


def test_feedback_brings_both_pictures_and_says_which_came_first(client: Client, cast: Cast, issue: Issue) -> None:
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.HANDLE, cast.grid_member, words="看了")
    client.force_login(cast.grid_member)
    form = sent(issue, result="fixed", photo_feed_back_before=jpeg(10), photo_feed_back=jpeg(20))
    assert client.post(f"/issues/{issue.number}/moves/", form).status_code == 302
    row = issue.moves.get(move="feed_back")
    assert row.data["before"] == row.photos[:1]
    assert len(row.photos) == 2


def test_two_pictures_of_how_it_was_left_are_none_of_how_it_was(cast: Cast, issue: Issue) -> None:
    do(issue, Move.ACCEPT, cast.grid_member)
    with pytest.raises(MoveRefused) as refused:
        do(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED, photos=(photo(1), photo(2)))
    assert refused.value.why == "evidence"
    both = (photo(1), photo(2))
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED, photos=both, before=both[:1])


def test_a_visits_two_pictures_are_enough_for_the_feedback(client: Client, cast: Cast, issue: Issue) -> None:
    do(issue, Move.ACCEPT, cast.grid_member)
    client.force_login(cast.grid_member)
    form = sent(issue, words="看了", photo_handle_before=jpeg(10), photo_handle=jpeg(20)) | {"move": "handle"}
    assert client.post(f"/issues/{issue.number}/moves/", form).status_code == 302
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED)


def test_what_a_neighbour_complained_of_needs_one_picture_more(cast: Cast) -> None:
    told_of = complain(cast.merchant, photos=(photo(5),)).issue
    do(told_of, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    outcome = Brought(result=Result.FIXED, photos=(photo(2),))
    put_right(told_of.number, actor=cast.grid_member, visit=VISIT, outcome=outcome, at=LATER, submission=uuid4())
    told_of.refresh_from_db()
    assert told_of.state == State.RECHECK
