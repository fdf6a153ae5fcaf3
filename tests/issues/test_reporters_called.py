"""The number of somebody who reported something: masked for all, shown one at a time to who dispatches it, on record. And their
way back to a report whose address they lost.
"""

from __future__ import annotations

import re

import pytest
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.limits import POSTS_A_DAY
from lingxiu.issues.models import Report
from lingxiu.issues.reporters import ask_for_address
from lingxiu.journal.models import Entry
from lingxiu.notices.reporters import send_due, write_to
from tests.cast import Cast
from tests.issues.conftest import committed
from tests.issues.races import together
from tests.issues.world import LATER, complain, do
from tests.notices.conftest import phone as gateway
from tests.notices.others import Phone
from tests.pages import plain_static

__all__ = ["committed", "gateway", "plain_static"]

NUMBER = "13900001234"
FIND = "/complain/find/"


@pytest.fixture
def report(cast: Cast) -> Report:
    return complain(cast.merchant, phone=NUMBER)


def asked(client: Client, user: User, report: Report) -> int:
    client.force_login(user)
    return client.post(f"/issues/{report.issue.number}/reports/{report.pk}/call/").status_code


def test_the_dispatcher_is_shown_it_one_at_a_time_and_that_stays_on_record(
    cast: Cast, client: Client, report: Report
) -> None:
    client.force_login(cast.dispatcher)
    page = client.get(f"/issues/{report.issue.number}/").content.decode()
    assert NUMBER not in page
    address = f"/issues/{report.issue.number}/reports/{report.pk}/call/"
    assert f'action="{address}"' in page
    shown = client.post(address)
    assert f"tel:{NUMBER}" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    [entry] = Entry.objects.filter(kind="personal_data.seen", subject_kind="report")
    assert (entry.actor_id, entry.subject_id, entry.merchant_id) == (cast.dispatcher.pk, str(report.pk), None)
    assert NUMBER not in str(entry.reference)


def test_nobody_else_is(cast: Cast, client: Client, report: Report) -> None:
    do(report.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    others = (cast.grid_member, cast.leader, cast.assessor, cast.other_dispatcher, cast.owner, cast.administrator)
    assert {asked(client, user, report) for user in others} <= {403, 404}
    assert not Entry.objects.filter(kind="personal_data.seen", subject_kind="report").exists()


def test_once_it_has_ended_nor_is_the_dispatcher(cast: Cast, client: Client, report: Report) -> None:
    do(report.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现")
    assert asked(client, cast.dispatcher, report) == 403


def test_a_report_without_a_number_has_none_to_show(cast: Cast, client: Client) -> None:
    report = complain(cast.merchant)
    assert asked(client, cast.dispatcher, report) == 403
    assert "/call/" not in client.get(f"/issues/{report.issue.number}/").content.decode().split("reports/")[-1][:40]


# ── the address was lost ─────────────────────────────────────────────────────────────────────────────────────────


def find(number: str, phone: str) -> tuple[int, str]:
    response = Client(headers={"accept-language": "en"}).post(FIND, {"number": number, "phone": phone})
    return response.status_code, re.sub(
        r'name="csrfmiddlewaretoken" value="\w+"|nonce[-=]"?[^"\' ]+', "", response.content.decode()
    )


def test_the_address_goes_to_the_phone_and_the_page_says_the_same_whether_there_is_one_or_not(
    cast: Cast, report: Report, gateway: Phone
) -> None:
    theirs = find(report.issue.number, "139-0000 1234")
    assert theirs[0] == 200
    assert theirs == find(report.issue.number, "13900009999") == find("2026030599999", NUMBER)
    assert report.token not in theirs[1]
    [entry] = Entry.objects.filter(kind="report.address_asked")
    write_to([entry], at=entry.at)
    send_due(entry.at)
    [said] = gateway.messages.values()
    assert said["phone"] == NUMBER
    assert f"/r/{report.token}" in said["text"]


def test_asking_again_at_once_sends_nothing_more(cast: Cast, report: Report, gateway: Phone) -> None:
    for _ in range(3):
        find(report.issue.number, NUMBER)
    assert Entry.objects.filter(kind="report.address_asked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_are_sent_it_once(committed: Cast) -> None:
    report = complain(committed.merchant, phone=NUMBER)
    asks = [lambda: ask_for_address(report.issue.number, NUMBER, at=LATER)] * 4
    assert together(*asks) == [None] * 4
    assert Entry.objects.filter(kind="report.address_asked").count() == 1


def test_where_no_texts_are_sent_none_is_promised(cast: Cast, report: Report) -> None:
    client = Client(headers={"accept-language": "en"})
    pages = [client.get(path).content.decode() for path in ("/complain/", FIND, f"/r/{report.token}")]
    assert [page for page in pages if "by text message" in page or "A text message" in page] == []
    assert "sends no text messages yet" in find(report.issue.number, NUMBER)[1]
    assert not Entry.objects.filter(kind="report.address_asked").exists()


def test_where_they_are_the_pages_say_so(cast: Cast, report: Report, gateway: Phone) -> None:
    client = Client(headers={"accept-language": "en"})
    pages = [client.get(path).content.decode() for path in ("/complain/", f"/r/{report.token}")]
    assert all("text message" in page and "No text message" not in page for page in pages)
    nobody = complain(cast.merchant)
    assert "No text message is sent to you" in client.get(f"/r/{nobody.token}").content.decode(), "they left no number"


def test_a_joined_report_is_found_by_the_number_it_was_given(cast: Cast, report: Report, gateway: Phone) -> None:
    other = complain(cast.merchant).issue
    number = report.issue.number
    do(report.issue, Move.JOIN, cast.dispatcher, into=other.number)
    find(number, NUMBER)
    assert Entry.objects.filter(kind="report.address_asked", subject_id=str(report.pk)).count() == 1


def test_so_often_a_day_and_no_more(cast: Cast, gateway: Phone) -> None:
    answers = [find("2026030599999", NUMBER)[0] for _ in range(POSTS_A_DAY + 1)]
    assert answers == [200] * POSTS_A_DAY + [429]


def test_what_is_no_number_is_told(cast: Cast, gateway: Phone) -> None:
    assert find("12", "x")[0] == 422
