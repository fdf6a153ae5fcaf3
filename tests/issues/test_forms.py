"""Moves and finds through the browser: one primary button, nothing typed is lost, every refusal says what to do."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from PIL import Image

from lingxiu.accounts.models import User
from lingxiu.files.claims import taken_on_the_spot
from lingxiu.files.models import StoredFile
from lingxiu.issues import pictures
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find, to_closed, to_recheck


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def jpeg(colour: str = "brown", name: str = "photo.jpg") -> SimpleUploadedFile:
    """A picture as a phone sends it."""
    out = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


def send(user: User, issue: Issue, move: str, **fields: Any) -> HttpResponse:
    """Send a move's form as the page makes it."""
    values = {"move": move, "submission": str(uuid4()), "seen": Issue.objects.get(pk=issue.pk).version, **fields}
    return browser(user).post(f"/issues/{issue.number}/moves/", values)  # type: ignore[return-value]  # Django's test response


def shown(user: User, issue: Issue) -> str:
    return browser(user).get(f"/issues/{issue.number}/").content.decode()


def primary(text: str) -> str | None:
    """The one primary button's move."""
    forms = re.findall(r'<form[^>]*id="move-[\w-]+".*?</form>', text, flags=re.S)
    first = [form for form in forms if "btn-primary" in form]
    assert len(first) <= 1
    found = re.search(r'name="move" value="(\w+)"', first[0]) if first else None
    return found.group(1) if found else None


def offered(text: str) -> set[str]:
    return set(re.findall(r'name="move" value="(\w+)"', text))


# ── what the page offers ─────────────────────────────────────────────────────────────────────────────────────────


def test_one_primary_button_leads_each_person_along_the_quick_way(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert primary(shown(cast.grid_member, issue)) == "accept"
    do(issue, Move.ACCEPT, cast.grid_member)
    assert primary(shown(cast.grid_member, issue)) == "handle"
    do(issue, Move.HANDLE, cast.grid_member, words="到了")
    assert primary(shown(cast.grid_member, issue)) == "feed_back"
    fed_back = to_recheck(cast, find(cast.grid_member, merchant=cast.merchant))
    assert primary(shown(cast.grid_member, fed_back)) is None
    assert primary(shown(cast.dispatcher, fed_back)) == "close"
    waiting = complain(cast.merchant).issue
    assert primary(shown(cast.dispatcher, waiting)) == "dispatch"


def test_the_rest_stands_beside_it_and_readers_are_offered_nothing(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    put_right_at_once = "feed_back"
    assert offered(shown(cast.grid_member, issue)) == {
        "accept", put_right_at_once, "transfer", "return", "escalate", "extend", "note",
    }  # fmt: skip
    assert offered(shown(cast.assessor, issue)) == set()
    assert offered(shown(cast.leader, issue)) == {"supervise", "note"}
    assert offered(shown(cast.county_officer, issue)) == {"supervise", "note"}
    closed = to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    assert offered(shown(cast.dispatcher, closed)) == {"reopen", "note"}


def test_a_dispatcher_is_offered_to_enter_what_was_phoned_in(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    text = shown(cast.dispatcher, issue)
    assert 'id="move-accept-for"' in text
    response = send(cast.dispatcher, issue, "accept", **{"for": "1", "doer": cast.grid_member.pk})
    assert response.status_code == 302
    row = issue.moves.get(move="accept")
    assert (row.actor, row.on_behalf_of) == (cast.dispatcher, cast.grid_member)
    assert "dispatcher for grid" in shown(cast.dispatcher, issue)


def test_orders_and_inspections_are_offered_to_certified_officers_only(cast: Cast) -> None:
    by_grid = alarm(cast.merchant)
    do(by_grid, Move.ACCEPT, cast.grid_member)
    text = shown(cast.grid_member, by_grid)
    assert 'value="ordered"' not in text
    assert "/inspection/" not in text
    by_team = find(cast.town_officer, "V-A1", merchant=cast.merchant)
    do(by_team, Move.ACCEPT, cast.town_officer)
    text = shown(cast.town_officer, by_team)
    assert 'value="ordered"' in text
    assert f"/issues/{by_team.number}/inspection/" in text


def test_the_checker_sees_the_feedback_and_its_pictures_beside_the_button(cast: Cast) -> None:
    issue = to_recheck(cast, alarm(cast.merchant))
    text = shown(cast.dispatcher, issue)
    now = text[text.index('id="issue-now"') : text.index('id="move-close"')]
    assert "What was fed back" in now
    assert now.count("<img") == 2


def test_whom_it_may_go_to_are_units_of_the_town_with_their_people(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    text = shown(cast.dispatcher, issue)
    assert f'value="{cast.grid.pk}" selected' in text, "the grid of the place is the likely one"
    assert f'value="{cast.town_team.pk}:{cast.town_officer.pk}"' in text
    assert f'value="{cast.other_grid.pk}"' not in text
    assert f'value="{cast.ecology.pk}"' not in text


def test_the_live_pieces_answer_alone(cast: Cast) -> None:
    issue = to_recheck(cast, alarm(cast.merchant))
    for part, word in (("now", "What was fed back"), ("timeline", "What happened")):
        text = browser(cast.dispatcher).get(f"/issues/{issue.number}/?part={part}").content.decode()
        assert word in text
        assert "<html" not in text
        assert "<form" not in text, "a live region holds no half-filled form"


def test_it_says_why_it_came_here(cast: Cast) -> None:
    text = shown(cast.grid_member, alarm(cast.merchant))
    assert "a device&#x27;s lead goes to the grid" in text
    assert "source: wants public report, phoned in, 12345 hotline, is device alarm" not in text, "R-50 was not reached"
    assert "what is wrong: wants V-A2, is L-FUME" in text


# ── making moves ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_whole_quick_way_by_forms(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    assert send(cast.grid_member, issue, "accept").status_code == 302
    visit = {"words": "净化器没开，当场打开", "photo_handle": jpeg("brown")}
    assert send(cast.grid_member, issue, "handle", **visit).status_code == 302
    done = {"result": "fixed", "words": "好了", "photo_feed_back": jpeg("green")}
    assert send(cast.grid_member, issue, "feed_back", **done).status_code == 302
    response = send(cast.dispatcher, issue, "close")
    assert (response.status_code, response["Location"]) == (302, f"/issues/{issue.number}/")
    issue.refresh_from_db()
    assert (issue.state, issue.result) == ("closed", "fixed")
    assert [len(row.photos) for row in issue.moves.order_by("version")] == [0, 0, 0, 1, 1, 0]


def test_a_picture_the_phone_wrote_on_keeps_its_words_and_place(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    marked = {
        "photo_handle": jpeg(), "photo_handle_watermarked": "1", "photo_handle_lng": "120.921", "photo_handle_lat": "30.851",
        "photo_handle_accuracy": "12", "photo_handle_shot_at": (shot_at := timezone.now() - timedelta(minutes=5)).isoformat(),
    }  # fmt: skip
    send(cast.grid_member, issue, "handle", words="到了", **marked)
    row = issue.moves.get(move="handle")
    stored = StoredFile.objects.get(sha256=row.photos[0])
    assert (row.lng, row.lat) == (120.921, 30.851)
    assert (stored.origin, stored.shot_lng, stored.shot_accuracy_m) == ("camera", 120.921, 12.0)
    assert stored.shot_at == shot_at


CAMERAS_OWN = Image.Exif()
CAMERAS_OWN[0x0110] = "some phone"


@pytest.mark.parametrize(
    ("size", "exif", "age"),
    [
        ((640, 480), None, None),
        ((640, 480), None, timedelta(days=8)),
        ((640, 480), None, -timedelta(hours=1)),
        ((640, 480), CAMERAS_OWN, timedelta(minutes=5)),
        ((4000, 3000), None, timedelta(minutes=5)),
    ],
    ids=["no time", "older than a draft lasts", "from the future", "a camera's own file", "never scaled by our page"],
)
def test_a_client_that_only_says_it_wrote_on_the_picture_is_not_believed(
    cast: Cast, size: tuple[int, int], exif: Image.Exif | None, age: timedelta | None
) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, "JPEG", **({"exif": exif} if exif else {}))
    said = {
        "photo_handle": SimpleUploadedFile("photo.jpg", out.getvalue(), "image/jpeg"), "photo_handle_watermarked": "1",
        "photo_handle_shot_at": (timezone.now() - age).isoformat() if age is not None else "",
    }  # fmt: skip
    send(cast.grid_member, issue, "handle", words="到了", **said)
    stored = StoredFile.objects.get(sha256=issue.moves.get(move="handle").photos[0])
    assert stored.origin == "album"
    page = browser(cast.grid_member).get(f"/issues/{issue.number}/").content.decode()
    assert '<span class="photo-tag">from the album</span>' in page


def test_the_caption_of_an_album_picture_says_that_it_is_one() -> None:
    with override("zh-hans"):
        lines = pictures.caption(shop="一鲜居", at=NOON, place="解放路8号", person="沈雨晴")
    assert lines == ["一鲜居", "相册照片，2026-03-05 12:00 收到", "解放路8号", "沈雨晴"]


def test_a_canvas_that_tells_its_size_in_exif_as_safaris_does_is_no_camera(cast: Cast) -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 1
    Image.new("RGB", (64, 48), "white").save(out, "JPEG", exif=exif)
    at = timezone.now()
    assert taken_on_the_spot(out.getvalue(), at, at)


def test_a_picture_without_script_gets_our_words_and_is_marked_as_from_the_album(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    send(cast.grid_member, issue, "handle", words="到了", photo_handle=jpeg("white"))
    stored = StoredFile.objects.get(sha256=issue.moves.get(move="handle").photos[0])
    with Image.open(stored.path) as picture:
        band = picture.crop((0, picture.height - 40, picture.width, picture.height)).convert("L")
    assert stored.origin == "album"
    darkest, lightest = band.getextrema()
    assert (darkest < 160, lightest > 200) == (True, True), "light words on a dark band"  # type: ignore[operator]  # of a grey picture


@pytest.mark.parametrize("nonsense", ["nan", "1e9", "x", "181", ""])
def test_a_position_that_is_none_is_left_out(cast: Cast, nonsense: str) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    send(
        cast.grid_member,
        issue,
        "handle",
        words="到了",
        photo_handle=jpeg(),
        photo_handle_lng=nonsense,
        photo_handle_lat="30",
    )
    assert issue.moves.get(move="handle").lng is None


def test_a_missing_picture_is_refused_with_the_form_as_it_was_typed(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    response = send(cast.grid_member, issue, "feed_back", result="fixed", words="已经清洗干净了")
    text = response.content.decode()
    assert response.status_code == 422
    assert "A picture is missing" in text
    assert "已经清洗干净了" in text
    assert re.search(r'value="fixed"[^>]* checked', text)
    assert primary(text) == "feed_back"


def test_a_file_that_is_no_picture_is_refused_at_its_field(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    response = send(
        cast.grid_member, issue, "handle", words="到了", photo_handle=SimpleUploadedFile("a.jpg", b"MZ not a picture")
    )
    assert response.status_code == 422
    assert "This file is no picture" in response.content.decode()
    assert not issue.moves.filter(move="handle").exists()


def test_a_full_disk_is_told_and_nothing_is_recorded(cast: Cast, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "full").write_text("a file where a folder should be made")
    settings.FILES_ROOT = tmp_path / "full"
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    response = send(cast.grid_member, issue, "handle", words="到了", photo_handle=jpeg())
    assert response.status_code == 507
    assert "Our disk cannot take the picture now" in response.content.decode()
    assert not issue.moves.filter(move="handle").exists()
    assert not StoredFile.objects.exists()


def test_words_that_are_needed_are_asked_for_at_their_field(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    response = send(cast.grid_member, issue, "escalate", words="")
    assert response.status_code == 422
    assert 'id="escalate-words_error"' in response.content.decode()


@pytest.mark.parametrize("move", ["explode", "", "report", "add"])
def test_a_step_that_does_not_exist_is_refused(cast: Cast, move: str) -> None:
    issue = alarm(cast.merchant)
    response = send(cast.dispatcher, issue, move)
    assert response.status_code == 422
    assert "There is no such step." in response.content.decode()
    assert issue.moves.count() == 2


def test_a_step_the_table_does_not_allow_is_refused_in_words(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    response = send(cast.dispatcher, issue, "close")
    assert response.status_code == 409
    assert "This issue has moved on" in response.content.decode()


def test_a_step_that_is_somebody_elses_is_refused_in_words(cast: Cast) -> None:
    response = send(cast.assessor, alarm(cast.merchant), "note", words="x")
    assert response.status_code == 409
    assert "This step is not yours" in response.content.decode()


def test_who_handled_it_is_told_that_a_second_person_closes(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    for what, brought in (("accept", {}), ("feed_back", {"result": "fixed", "photo_feed_back": jpeg()})):
        send(cast.dispatcher, issue, what, **{"for": "1", "doer": cast.grid_member.pk, **brought})
    response = send(cast.dispatcher, issue, "close")
    assert response.status_code == 409
    assert "a second person checks" in response.content.decode()


def test_whoever_was_slower_is_told_who_was_faster_and_keeps_their_words(cast: Cast) -> None:
    issue = to_recheck(cast, alarm(cast.merchant))
    seen = issue.version
    do(issue, Move.CLOSE, cast.county_officer)
    response = send(cast.dispatcher, issue, "rework", words="照片看不清楚", seen=seen)
    text = response.content.decode()
    assert response.status_code == 409
    assert "county was faster" in text
    assert "照片看不清楚" in text


def test_a_second_tap_makes_no_second_move(cast: Cast) -> None:
    issue, submission = alarm(cast.merchant), str(uuid4())
    do(issue, Move.ACCEPT, cast.grid_member)
    seen = Issue.objects.get(pk=issue.pk).version
    for _ in range(2):
        response = send(
            cast.grid_member, issue, "handle", words="到了", photo_handle=jpeg(), submission=submission, seen=seen
        )
        assert response.status_code == 302
    assert issue.moves.filter(move="handle").count() == 1


def test_the_same_submission_with_other_words_is_refused(cast: Cast) -> None:
    issue, submission = alarm(cast.merchant), str(uuid4())
    do(issue, Move.ACCEPT, cast.grid_member)
    send(cast.grid_member, issue, "handle", words="到了", submission=submission)
    response = send(cast.grid_member, issue, "handle", words="又到了", submission=submission)
    assert response.status_code == 409
    assert "sent before with other words" in response.content.decode()


def test_what_went_out_of_sight_leads_back_to_the_list(cast: Cast) -> None:
    """An issue of a neighbouring grid that this grid was given, and hands on."""
    issue = alarm(cast.merchant)
    Issue.objects.filter(pk=issue.pk).update(grid="33042100100199")
    assert browser(cast.grid_member).get(f"/issues/{issue.number}/").status_code == 200
    response = send(cast.grid_member, issue, "transfer", to=cast.town_team.pk, words="需要执法队")
    assert (response.status_code, response["Location"]) == (302, "/issues/")
    assert browser(cast.grid_member).get(f"/issues/{issue.number}/").status_code == 404


def test_answers_are_asked_for_and_told_to_each_who_reported(cast: Cast) -> None:
    first, second = complain(cast.merchant), complain(cast.merchant, source="12345", own_number="JX1")
    do(second.issue, Move.JOIN, cast.dispatcher, into=first.issue.number)
    issue = first.issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_recheck(cast, issue)
    response = send(cast.dispatcher, issue, "close", answer="")
    assert response.status_code == 422
    assert "write the answer each of them gets" in response.content.decode()
    own = {f"answer_{second.pk}": "JX1已办结"}
    assert send(cast.dispatcher, issue, "close", answer="已督促清洗", **own).status_code == 302
    for row, answer in ((first, "已督促清洗"), (second, "JX1已办结")):
        row.refresh_from_db()
        assert row.answer == answer


def test_joining_by_the_form_and_back_again(cast: Cast) -> None:
    first, second = complain(cast.merchant), complain(cast.merchant)
    text = shown(cast.dispatcher, second.issue)
    assert f'<option value="{first.issue.number}">' in text
    assert send(cast.dispatcher, second.issue, "join", into=first.issue.number).status_code == 302
    assert f"/issues/{first.issue.number}/" in shown(cast.dispatcher, second.issue)
    assert send(cast.dispatcher, second.issue, "reopen", words="不是一件事").status_code == 302
    assert send(cast.dispatcher, second.issue, "join", into="2026010100009").status_code == 422


def test_the_shop_is_found_out_by_name_or_licence(cast: Cast) -> None:
    issue = complain(town=cast.town.town, place="人民大道桥头").issue
    assert f"{cast.merchant.name} · {cast.merchant.address}" in shown(cast.dispatcher, issue), (
        "its address is like the place"
    )
    for wrong, why in (("没有这家店", "No shop of this name"), (cast.other_merchant.name, "No shop of this name")):
        response = send(cast.dispatcher, issue, "dispatch", to=cast.grid.pk, shop=wrong)
        assert (response.status_code, why in response.content.decode()) == (422, True)
    named = f"{cast.merchant.name} · {cast.merchant.address}"
    assert send(cast.dispatcher, issue, "dispatch", to=cast.grid.pk, shop=named).status_code == 302
    issue.refresh_from_db()
    assert issue.merchant == cast.merchant


@pytest.mark.parametrize("to", ["", "0", "x", "1:2:3", "999999"])
def test_a_receiver_that_was_not_offered_is_refused(cast: Cast, to: str) -> None:
    response = send(cast.dispatcher, complain(cast.merchant).issue, "dispatch", to=to)
    assert response.status_code == 422


# ── finds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def record(user: User, **fields: Any) -> HttpResponse:
    return browser(user).post("/issues/new/", {"submission": str(uuid4()), **fields})  # type: ignore[return-value]  # Django's test response


def test_a_find_is_two_taps_and_a_picture(cast: Cast) -> None:
    response = record(cast.grid_member, merchant=cast.merchant.pk, violation="D-BIN", photo=jpeg())
    issue = Issue.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/issues/{issue.number}/")
    assert (issue.source, issue.violation, issue.merchant, issue.lead_person) == (
        "grid_member", "D-BIN", cast.merchant, cast.grid_member,
    )  # fmt: skip
    assert issue.summary == "餐厨垃圾桶未加盖"
    assert len(issue.moves.get(move="report").photos) == 1


def test_the_shop_comes_with_the_address_or_is_searched_for(cast: Cast) -> None:
    client = browser(cast.grid_member)
    assert cast.merchant.name in client.get(f"/issues/new/?merchant={cast.merchant.pk}").content.decode()
    cast.merchant.pinyin = "一鲜居 yixianju yxj"
    cast.merchant.save()
    assert f"?merchant={cast.merchant.pk}" in client.get("/issues/new/?q=yxj").content.decode()
    assert "No shop of that name here" in client.get("/issues/new/?q=zzz").content.decode()


@pytest.mark.parametrize("merchant", ["0", "x", "-1", "99999999999999999999"])
def test_a_shop_that_is_none_is_not_found(cast: Cast, merchant: str) -> None:
    assert browser(cast.grid_member).get(f"/issues/new/?merchant={merchant}").status_code == 404


def test_a_shop_out_of_sight_does_not_exist(cast: Cast) -> None:
    assert record(cast.grid_member, merchant=cast.other_merchant.pk, violation="D-BIN").status_code == 404
    assert not Issue.objects.exists()


def test_without_a_shop_the_pictures_place_or_the_own_grid_tells_where(cast: Cast) -> None:
    placed = {"photo": jpeg(), "photo_lng": "120.88", "photo_lat": "30.93", "photo_watermarked": "1"}
    record(cast.county_officer, violation="P-OTHER", place="桥下", **placed)
    assert Issue.objects.latest("id").grid == cast.other_grid.grid
    record(cast.grid_member, violation="P-OTHER", place="桥下")
    assert Issue.objects.latest("id").grid == cast.grid.grid


@pytest.mark.parametrize("violation", ["", "L-FUME", "V-NONE"])
def test_a_find_is_a_finding_of_the_catalogue_never_a_sensors_lead(cast: Cast, violation: str) -> None:
    response = record(cast.grid_member, merchant=cast.merchant.pk, violation=violation, words="请留着这些字")
    assert response.status_code == 422
    assert "请留着这些字" in response.content.decode()
    assert not Issue.objects.exists()


def test_a_find_sent_twice_is_one(cast: Cast) -> None:
    submission = str(uuid4())
    for _ in range(2):
        record(cast.grid_member, merchant=cast.merchant.pk, violation="D-BIN", photo=jpeg(), submission=submission)
    assert Issue.objects.count() == 1


def test_a_find_with_a_broken_picture_is_refused_whole(cast: Cast) -> None:
    broken = SimpleUploadedFile("a.jpg", jpeg().read()[:300])
    response = record(cast.grid_member, merchant=cast.merchant.pk, violation="D-BIN", photo=broken)
    assert response.status_code == 422
    assert not Issue.objects.exists()
