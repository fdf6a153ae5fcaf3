"""What strangers may send and see: a complaint by a code or by a place, and what became of it. And what they may not."""

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
from django.utils import timezone
from PIL import Image

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.limits import MOST_BYTES, POSTS_A_DAY
from lingxiu.issues.models import Issue, PublicPost, Report
from lingxiu.merchants.models import Code, Merchant
from tests.cast import NOON, Cast
from tests.issues.world import LATER, complain, do, to_recheck


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User | None = None, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    if user is not None:
        client.force_login(user)
    return client


def code(merchant: Merchant) -> str:
    return Code.objects.get(merchant=merchant, revoked_at=None).token


def tell(
    url: str = "/complain/", *, by: User | None = None, address: str = "203.0.113.7", **fields: Any
) -> HttpResponse:
    """Send the public form, filled in as little as it can be."""
    values = {"violation": "P-SMOKE", "seen_at": "2026-03-05T12:40", "submission": str(uuid4()), **fields}
    return browser(by).post(url, values, REMOTE_ADDR=address)  # type: ignore[return-value]  # Django's test response


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_anyone_may_open_the_forms(cast: Cast, language: str) -> None:
    for url in ("/complain/", f"/m/{code(cast.merchant)}/complain/"):
        for user in (None, cast.owner, cast.grid_member):
            assert browser(user, language).get(url).status_code == 200


def test_a_complaint_by_the_code_on_the_door(cast: Cast) -> None:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "grey").save(out, "PNG")
    picture = SimpleUploadedFile("smoke.png", out.getvalue(), "image/png")
    response = tell(f"/m/{code(cast.merchant)}/complain/", words="楼道里全是油烟", phone="13812345678", photo=picture)
    row = Report.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/r/{row.token}")
    assert (row.merchant, row.source, row.words, row.reporter_phone) == (
        cast.merchant,
        "public",
        "楼道里全是油烟",
        "13812345678",
    )
    assert timezone.localtime(row.seen_at).strftime("%H:%M") == "12:40"
    assert len(row.photos) == 1
    assert (row.issue.state, row.issue.lead_unit) == ("received", cast.town)


def test_a_complaint_about_a_place_whose_shop_is_not_known_reaches_the_towns_room(cast: Cast) -> None:
    tell(place="人民大道邮局对面三楼", town=cast.town.town)
    issue = Issue.objects.get()
    assert (issue.merchant, issue.town, issue.lead_unit, issue.routing_rule) == (
        None,
        cast.town.town,
        cast.town,
        "R-80-TOWN",
    )


def test_where_somebody_stands_is_written_no_nearer_than_some_100_metres(cast: Cast) -> None:
    """It stands in lists, on paper and in exports: where they stand may be where they live."""
    tell(place="", lng="120.920123", lat="30.850456")
    report = Report.objects.get()
    assert "30.850, 120.920" in report.place
    assert report.issue.place == report.place
    assert (report.lng, report.lat) == (120.920123, 30.850456), "officers who go there find it on the issue's map"


def test_a_place_in_a_town_nobody_named_is_for_the_county_office(cast: Cast) -> None:
    tell(place="大桥下面")
    assert Issue.objects.get().lead_unit == cast.county_office


def test_only_what_and_where_are_asked_for(cast: Cast) -> None:
    tell(place="桥头", words="")
    assert Report.objects.get().words == "油烟扰民"
    response = tell(violation="", place="")
    text = response.content.decode()
    assert response.status_code == 422
    assert 'id="id_place_error"' in text
    assert "This field is required" in text


def test_what_was_typed_stays_when_something_is_wrong(cast: Cast) -> None:
    text = tell(place="桥头", words="我写了很长的话", phone="not a phone").content.decode()
    assert "我写了很长的话" in text
    assert "A phone number has 5 to 20 digits" in text
    assert re.search(r'value="P-SMOKE"[^>]* checked', text)


@pytest.mark.parametrize(
    ("seen_at", "why"),
    [
        ("2026-03-05T14:00", "This lies in the future"),
        ("2025-01-01T10:00", "more than half a year ago"),
        ("yesterday", "Enter a valid date/time"),
    ],
)
def test_a_time_that_cannot_be_is_refused(cast: Cast, seen_at: str, why: str) -> None:
    response = tell(place="桥头", seen_at=seen_at)
    assert (response.status_code, why in response.content.decode()) == (422, True)


def test_leads_and_findings_of_law_are_not_for_the_public_to_choose(cast: Cast) -> None:
    for violation in ("L-FUME", "V-A1", "nonsense"):
        assert tell(place="桥头", violation=violation).status_code == 422
    assert not Report.objects.exists()


def test_a_second_tap_makes_no_second_report_and_leads_to_the_same_page(cast: Cast) -> None:
    submission = str(uuid4())
    first, again = (tell(place="桥头", submission=submission) for _ in range(2))
    assert first["Location"] == again["Location"]
    assert Report.objects.count() == 1


def test_nobody_learns_a_token_by_sending_the_same_submission_with_other_words(cast: Cast) -> None:
    submission = str(uuid4())
    tell(place="桥头", submission=submission)
    response = tell(place="别处", submission=submission)
    assert response.status_code == 409
    assert Report.objects.get().token not in response.content.decode()


def test_a_copied_or_forged_code_opens_no_form(cast: Cast) -> None:
    for token in ("x", "0" * 22, "..%2f..%2fetc", code(cast.merchant)[:-1]):
        assert browser().get(f"/m/{token}/complain/").status_code == 404
        assert tell(f"/m/{token}/complain/").status_code == 404


def test_a_revoked_code_leads_to_its_page_which_says_so(cast: Cast) -> None:
    token = code(cast.merchant)
    Code.objects.filter(token=token).update(revoked_at=LATER)
    response = browser().get(f"/m/{token}/complain/")
    assert (response.status_code, response["Location"]) == (302, f"/m/{token}")


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_address_may_send_so_many_a_day_and_no_more(cast: Cast) -> None:
    tell(place="桥头")
    PublicPost.objects.update(count=POSTS_A_DAY - 1)
    assert tell(place="桥头").status_code == 302
    response = tell(place="桥头", words="请留着这些字")
    text = response.content.decode()
    assert response.status_code == 429
    assert "Very many reports came from your network today" in text
    assert "请留着这些字" in text
    assert Report.objects.count() == 2
    assert tell(place="桥头", address="203.0.113.8").status_code == 302, "another address is another sender"


def test_a_picture_that_is_refused_counts_as_well(cast: Cast) -> None:
    for _ in range(POSTS_A_DAY):
        assert tell(place="桥头", photo=SimpleUploadedFile("a.png", b"no picture", "image/png")).status_code == 422
    assert tell(place="桥头").status_code == 429
    assert not Report.objects.exists()


def test_a_new_day_begins_anew(cast: Cast) -> None:
    tell(place="桥头")
    PublicPost.objects.update(count=POSTS_A_DAY)
    with time_machine.travel(LATER + timedelta(days=1), tick=False):
        assert tell(place="桥头").status_code == 302


def test_the_address_of_the_net_is_not_kept_readable(cast: Cast) -> None:
    tell(place="桥头", address="203.0.113.7")
    assert "203.0.113" not in PublicPost.objects.get().sender


def test_officers_who_enter_calls_have_no_such_bound(cast: Cast) -> None:
    tell(place="桥头", by=cast.dispatcher, source="phone")
    assert not PublicPost.objects.exists()


def test_what_is_too_large_is_refused_before_it_is_read(cast: Cast) -> None:
    response = browser().post(
        "/complain/", b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(MOST_BYTES + 1)
    )
    assert response.status_code == 413
    assert "At most 32 MB" in response.content.decode()


def test_a_program_that_fills_every_field_is_refused_in_words(cast: Cast) -> None:
    response = tell(place="桥头", website="http://spam.example")
    assert (response.status_code, "to tell programs from people" in response.content.decode()) == (422, True)
    assert not Report.objects.exists()


def test_the_forms_are_protected_against_forgery(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/complain/", {"violation": "P-SMOKE", "place": "x"}).status_code == 403
    assert not Report.objects.exists()


def test_very_long_words_are_refused_not_cut(cast: Cast) -> None:
    assert tell(place="桥头", words="烟" * 2001).status_code == 422
    assert tell(place="桥" * 161).status_code == 422
    assert not Report.objects.exists()


# ── officers enter what was phoned in ────────────────────────────────────────────────────────────────────────────


def test_a_dispatcher_enters_a_12345_order_on_the_same_form(cast: Cast) -> None:
    fields = {"source": "12345", "own_number": "JX2026030500017", "name": "王小明", "phone": "13812345678"}
    response = tell(by=cast.dispatcher, merchant=cast.merchant.pk, words="油烟大", **fields)
    row = Report.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/issues/{row.issue.number}/")
    assert (row.source, row.own_number, row.merchant, row.recorded_by, row.reporter_name) == (
        "12345", "JX2026030500017", cast.merchant, cast.dispatcher, "王小明",
    )  # fmt: skip
    assert row.issue.source == "12345"


def test_an_order_without_its_number_or_entered_twice_is_refused(cast: Cast) -> None:
    missing = tell(by=cast.dispatcher, place="桥头", source="12345")
    assert "Write the number that stands on the order" in missing.content.decode()
    tell(by=cast.dispatcher, place="桥头", source="12345", own_number="JX1")
    again = tell(by=cast.dispatcher, place="桥头", source="12345", own_number="JX1")
    assert again.status_code == 422
    assert f"with issue {Issue.objects.get().number}" in again.content.decode()


@pytest.mark.parametrize("who", ["grid_member", "owner", "town_officer", "leader"])
def test_others_who_are_signed_in_report_as_anyone_does(cast: Cast, who: str) -> None:
    user = getattr(cast, who)
    assert 'name="own_number"' not in browser(user).get("/complain/").content.decode()
    tell(by=user, place="桥头", source="12345", own_number="JX9", merchant=cast.merchant.pk)
    row = Report.objects.get()
    assert (row.source, row.own_number, row.merchant, row.recorded_by) == ("public", "", None, None)


# ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────


def fate(row: Report, language: str = "en") -> str:
    return browser(None, language).get(f"/r/{row.token}").content.decode()


def test_a_reporter_sees_how_far_it_is_and_by_when_they_are_answered(cast: Cast) -> None:
    row = complain(cast.merchant)
    assert "2026-03-12" in fate(row)
    assert 'aria-current="step">Received' in fate(row)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    assert 'aria-current="step">Being looked into' in fate(row)


def test_a_reporter_reads_the_answer_and_no_name(cast: Cast) -> None:
    row, other = complain(cast.merchant), complain(cast.merchant, words="别人说的话", name="李四", phone="13900001111")
    do(other.issue, Move.JOIN, cast.dispatcher, into=row.issue.number)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_recheck(cast, row.issue, result=Result.FIXED)
    do(row.issue, Move.CLOSE, cast.dispatcher, answer="已督促清洗净化器", answers={other.pk: "只给您的答复"})
    text = fate(row)
    assert "已督促清洗净化器" in text
    for secret in ("只给您的答复", "别人说的话", "李四", "dispatcher", "看了现场", "已清洗", ">grid<"):
        assert secret not in text, secret
    assert "只给您的答复" in fate(other), "who was joined still has the own page"


def test_after_it_is_opened_again_the_first_answer_stands_until_the_second(cast: Cast) -> None:
    row = complain(cast.merchant)
    do(row.issue, Move.DISMISS, cast.dispatcher, words="查无", answer="没有发现")
    do(row.issue, Move.REOPEN, cast.dispatcher, words="又来电")
    text = fate(row)
    assert "没有发现" in text
    assert "It is being looked into once more." in text


def test_a_reporters_page_is_not_indexed_nor_kept_by_the_browser(cast: Cast) -> None:
    response = browser().get(f"/r/{complain(cast.merchant).token}")
    assert (response["X-Robots-Tag"], response["Cache-Control"]) == ("noindex", "no-store")


@pytest.mark.parametrize("token", ["x", "0" * 22, "%00", "../../etc/passwd"])
def test_a_token_that_was_never_given_out_is_not_found(cast: Cast, token: str) -> None:
    complain(cast.merchant)
    assert browser().get(f"/r/{token}").status_code == 404


def test_a_provisional_date_says_so(cast: Cast) -> None:
    row = complain(cast.merchant, at=NOON)
    Report.objects.filter(pk=row.pk).update(due_provisional=True)
    assert "provisional" in fate(row)
