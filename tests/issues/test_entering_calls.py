"""A call is entered: what it may belong to is shown before anything is made, and joining is the officer's choice, undoable."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.issues import outside
from lingxiu.issues.forms import FIELDS
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.models import Issue, Report
from lingxiu.issues.queries import About, alike
from lingxiu.merchants.models import Merchant
from lingxiu.notices.models import ReporterText
from lingxiu.notices.reporters import as_sent
from lingxiu.sensing.models import Device
from lingxiu.sensing.queries import hour_means
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find, to_closed


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def enter(by: User, **fields: Any) -> HttpResponse:
    """The dispatcher's form, filled in as little as it can be."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(by)
    values = {
        "violation": "P-SMOKE", "seen_at": "2026-03-05T12:40", "source": "phone", "submission": str(uuid4()), **fields
    }  # fmt: skip
    return client.post("/complain/", values)  # type: ignore[return-value]  # Django's test response


def offered(response: HttpResponse) -> bool:
    return 'id="alike"' in response.content.decode()


# ── what is like it ──────────────────────────────────────────────────────────────────────────────────────────────


def about(cast: Cast, **values: Any) -> About:
    base: dict[str, Any] = {
        "violation": "P-SMOKE", "merchant_id": cast.merchant.pk, "town": cast.town.town, "place": "", "at": LATER
    }  # fmt: skip
    return About(**{**base, **values})


def test_the_same_kind_at_the_same_shop_comes_before_others_of_it_and_those_before_what_is_near(cast: Cast) -> None:
    near = complain(place="桥头", lng=120.921, lat=30.851).issue
    of_shop = alarm(cast.merchant)
    same = complain(cast.merchant).issue
    found = alike(about(cast, lng=120.92, lat=30.85), cast.dispatcher)
    assert found == [same, of_shop, near]


def test_nearby_means_400_metres_and_30_days(cast: Cast) -> None:
    complain(place="远处", lng=120.93, lat=30.85)
    assert alike(about(cast, merchant_id=None, lng=120.92, lat=30.85), cast.dispatcher) == []
    near = complain(place="桥头", lng=120.921, lat=30.851).issue
    assert alike(about(cast, merchant_id=None, lng=120.92, lat=30.85), cast.dispatcher) == [near]
    later = about(cast, merchant_id=None, lng=120.92, lat=30.85, at=LATER + timedelta(days=31))
    assert alike(later, cast.dispatcher) == []


def test_a_caller_has_no_position_so_the_same_kind_at_a_place_in_like_words_counts(cast: Cast) -> None:
    same = complain(place="人民大道邮局对面", town=cast.town.town).issue
    complain(place="人民大道邮局对面", town=cast.town.town, violation="P-DRAIN")
    complain(place="体育馆北门", town=cast.town.town)
    said = about(cast, merchant_id=None, place="邮局对面那家烧烤")
    assert alike(said, cast.dispatcher) == [same]


def test_what_has_ended_or_lies_out_of_sight_is_not_suggested(cast: Cast) -> None:
    row = complain(cast.merchant)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_closed(cast, row.issue)
    complain(cast.other_merchant)
    assert alike(about(cast), cast.dispatcher) == []
    assert alike(about(cast, merchant_id=cast.other_merchant.pk), cast.dispatcher) == []


# ── on the form ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_made_before_the_officer_has_chosen(cast: Cast) -> None:
    known = alarm(cast.merchant)
    response = enter(cast.dispatcher, merchant=cast.merchant.pk, words="油烟大")
    assert (response.status_code, offered(response)) == (422, True)
    text = response.content.decode()
    assert f'value="{known.number}"' in text
    assert "油烟大" in text, "what was typed stays"
    assert not Report.objects.exists()


def test_where_nothing_is_like_it_it_is_entered_at_once(cast: Cast) -> None:
    assert enter(cast.dispatcher, place="桥头", town=cast.town.town).status_code == 302


def test_a_new_one_is_made_where_the_officer_says_so(cast: Cast) -> None:
    known = alarm(cast.merchant)
    enter(cast.dispatcher, merchant=cast.merchant.pk, same="new")
    assert Report.objects.get().issue != known


def test_joined_it_points_at_that_issue_and_keeps_its_own_answer_and_due_time(cast: Cast) -> None:
    known = complain(cast.merchant)
    response = enter(
        cast.dispatcher, merchant=cast.merchant.pk, source="12345", own_number="JX1", same=known.issue.number
    )
    assert response["Location"] == f"/issues/{known.issue.number}/"
    row = Report.objects.get(own_number="JX1")
    assert (row.issue, row.due_at > NOON, row.recorded_by) == (known.issue, True, cast.dispatcher)
    assert Issue.objects.count() == 1
    do(known.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    do(known.issue, Move.RETURN, cast.dispatcher, words="不是我们的")
    do(known.issue, Move.DISMISS, cast.dispatcher, words="查无", answer="查无此事", answers={row.pk: "给12345的答复"})
    known.refresh_from_db()
    row.refresh_from_db()
    assert (known.answer, row.answer) == ("查无此事", "给12345的答复")


def test_the_public_is_shown_no_issues(cast: Cast) -> None:
    known = alarm(cast.merchant)
    response = enter(cast.owner, place="桥头", town=cast.town.town, same=known.number)
    assert response.status_code == 302
    assert Report.objects.get().issue != known


@pytest.mark.parametrize("own", ["phone", "12345"])
def test_joining_is_undone_by_splitting_also_from_what_a_device_found(cast: Cast, own: str) -> None:
    known = alarm(cast.merchant)
    number = {"own_number": "JX1"} if own == "12345" else {}
    enter(cast.dispatcher, merchant=cast.merchant.pk, source=own, same=known.number, **number)
    row = Report.objects.get()
    do(known, Move.RETURN, cast.dispatcher, words="先收回") if known.state == "dispatched" else None
    do(known, Move.SPLIT, cast.dispatcher, report=row.pk)
    row.refresh_from_db()
    assert row.issue != known
    assert row.issue.source == own


def test_what_a_person_reported_alone_cannot_be_split_from_itself(cast: Cast) -> None:
    row = complain(cast.merchant)
    with pytest.raises(MoveRefused):
        do(row.issue, Move.SPLIT, cast.dispatcher, report=row.pk)


@pytest.mark.parametrize("same", ["2026030599999", "x", "ended", "other"])
def test_an_issue_that_cannot_be_joined_to_is_refused_in_words(cast: Cast, same: str) -> None:
    ended = complain(cast.merchant)
    do(ended.issue, Move.DISMISS, cast.dispatcher, words="查无", answer="查无")
    number = {"ended": ended.issue.number, "other": find(cast.other_grid_member, merchant=cast.other_merchant).number}
    response = enter(cast.dispatcher, merchant=cast.merchant.pk, same=number.get(same, same))
    assert response.status_code == 409
    assert "Send it once more to choose again" in response.content.decode()
    assert Report.objects.count() == 1


def test_the_record_of_the_issue_says_that_one_more_reported_it(cast: Cast) -> None:
    known = complain(cast.merchant).issue
    enter(cast.dispatcher, merchant=cast.merchant.pk, same=known.number)
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    assert "Another report was joined" in client.get(f"/issues/{known.number}/").content.decode()


# ── where it is ──────────────────────────────────────────────────────────────────────────────────────────────────


def stand(**fields: Any) -> HttpResponse:
    """The public form, sent by a neighbour who stands there."""
    values = {"violation": "P-SMOKE", "seen_at": "2026-03-05T12:40", "submission": str(uuid4()), **fields}
    return Client(headers={"accept-language": "en"}).post("/complain/", values)  # type: ignore[return-value]  # Django's test response


def test_who_stands_there_need_not_describe_it(cast: Cast) -> None:
    assert stand(lng="120.92", lat="30.85").status_code == 302
    issue = Issue.objects.get()
    assert (issue.town, issue.lng, issue.lat, issue.lead_unit) == (cast.town.town, 120.92, 30.85, cast.town)
    assert "30.85" in issue.place
    assert Report.objects.get().lng == 120.92


def test_a_position_outside_the_county_tells_nothing(cast: Cast) -> None:
    response = stand(lng="2.35", lat="48.85")
    assert (response.status_code, "outside the county" in response.content.decode()) == (422, True)
    assert stand(lng="2.35", lat="48.85", place="桥头").status_code == 302
    assert Issue.objects.get().lng is None


@pytest.mark.parametrize("lng", ["", "east", "1e400", "nan"])
def test_an_odd_position_is_no_position(cast: Cast, lng: str) -> None:
    assert stand(lng=lng, lat="30.85").status_code == 422
    assert not Issue.objects.exists()


# ── what goes out ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_reporter_will_read_is_marked_on_the_officers_forms(cast: Cast, settings: Any) -> None:
    row = complain(cast.merchant)
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    text = client.get(f"/issues/{row.issue.number}/").content.decode()
    assert text.count("Goes out to the reporter") == 3, (
        "the question, an answer meanwhile, and the answer of a dismissal"
    )
    assert "announced by text message" not in text, "they left no number"
    called = complain(cast.other_merchant, phone="13900001234")
    client.force_login(cast.other_dispatcher)
    assert "announced by text message" not in client.get(f"/issues/{called.issue.number}/").content.decode(), (
        "no gateway"
    )
    settings.SMS_URL = "http://127.0.0.1:9/send"
    assert "announced by text message" in client.get(f"/issues/{called.issue.number}/").content.decode()
    client.force_login(cast.dispatcher)
    plain = client.get(f"/issues/{alarm(cast.merchant).number}/").content.decode()
    assert "Goes out to the reporter" not in plain
    assert "reads on their page" not in plain


def test_a_text_message_is_shown_word_for_word_before_it_goes(cast: Cast, settings: Any) -> None:
    settings.SMS_URL = "http://127.0.0.1:9/send"
    row = complain(cast.merchant, phone="13900001234")
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    text = client.get(f"/issues/{row.issue.number}/").content.decode()
    for about in (ReporterText.About.ASKED, ReporterText.About.ANSWERED):
        assert as_sent(about, row.issue.number) in text
    assert row.token not in text


def test_what_a_move_puts_on_the_reporters_page_is_shown_with_the_move(cast: Cast) -> None:
    row = complain(cast.merchant)
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    text = client.get(f"/issues/{row.issue.number}/").content.decode()
    for words in ("Sent to those who go and look", "Put together with something we look into already"):
        assert f"«{words}»" in text
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    assert "Sent to those who go and look" in client.get(f"/r/{row.token}").content.decode()


def test_whatever_a_reporters_page_tells_is_marked_or_told_before(cast: Cast) -> None:
    by_officers = {what for what in (*outside.PLAIN, *outside.OWN) if what in FIELDS and what is not Move.NOTE}
    assert {what for what in by_officers if not outside.announced(what)} == outside.TOLD_IN_FULL


def test_a_report_that_was_split_off_is_told_so(cast: Cast) -> None:
    first, second = complain(cast.merchant), complain(cast.merchant, words="后巷有人倒污水")
    do(second.issue, Move.JOIN, cast.dispatcher, into=first.issue.number)
    do(first.issue, Move.SPLIT, cast.dispatcher, report=second.pk)
    page = Client(headers={"accept-language": "en"}).get(f"/r/{second.token}").content.decode()
    assert "Looked into on its own" in page


# ── which shop it may be ─────────────────────────────────────────────────────────────────────────────────────────


def measured(merchant: Merchant, mn: str, *means: float) -> None:
    """Ten-minute means from 12:00 on, as the watch keeps them."""
    device = Device.objects.create(mn=mn, merchant=merchant, profile="plain-2017", kind="fume_monitor")
    with connection.cursor() as cursor:
        for number, mean in enumerate(means):
            cursor.execute(
                "INSERT INTO window_fume (device_id, at, count, valid, minutes, fume_mean, fume_max, fan_on_minutes,"
                " purifier_on_minutes, fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4)"
                " VALUES (%s, %s, 10, 10, 10, %s, %s, 10, 10, 0, 0, 0, 0)",
                [device.pk, NOON + timedelta(minutes=10 * number), mean, mean],
            )


def test_shops_nearby_show_what_they_measured_in_that_hour(cast: Cast) -> None:
    measured(cast.merchant, "DEV1", 0.4, 2.6, 3.1, 1.0, 0.9, 0.8, 9.9)
    row = complain(place="桥头", lng=120.921, lat=30.851, at=NOON + timedelta(minutes=25))
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    text = client.get(f"/issues/{row.issue.number}/").content.decode()
    assert cast.merchant.name in text
    assert re.findall(r'number">(12:\d\d)</span> <b class="number">([\d.]+)', text) == [
        ("12:00", "0.4"), ("12:10", "2.6"), ("12:20", "3.1"), ("12:30", "1.0"), ("12:40", "0.9"), ("12:50", "0.8"),
    ]  # fmt: skip


def test_the_hours_of_all_candidates_are_read_at_once(cast: Cast, django_assert_num_queries: Any) -> None:
    measured(cast.merchant, "DEV1", 0.4)
    measured(cast.other_merchant, "DEV2", 2.0)
    with django_assert_num_queries(1):
        found = hour_means([cast.merchant.pk, cast.other_merchant.pk], NOON + timedelta(minutes=59))
    assert {pk: [mean.value for mean in means] for pk, means in found.items()} == {
        cast.merchant.pk: [pytest.approx(0.4)],
        cast.other_merchant.pk: [pytest.approx(2.0)],
    }
    assert hour_means([cast.merchant.pk], NOON + timedelta(hours=1)) == {}
