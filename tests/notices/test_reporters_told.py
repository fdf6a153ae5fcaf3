"""Whoever reported something and left a number hears by text message that there is a question or an answer, once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client

from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Report
from lingxiu.issues.reporters import add
from lingxiu.journal.models import Entry
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import ReporterText
from lingxiu.notices.reporters import send_due, write_to
from tests.cast import NOON, Cast
from tests.issues.conftest import committed
from tests.issues.world import LATER, complain, do
from tests.notices.others import Phone

__all__ = ["committed"]

SOON = LATER + timedelta(minutes=1)


@pytest.fixture
def report(cast: Cast) -> Report:
    return complain(cast.merchant, phone="13900001234")


def read(at: datetime = SOON) -> int:
    """The whole journal, from its beginning."""
    return write_to(list(Entry.objects.order_by("pk")), at=at)


def texts(phone: Phone, at: datetime = SOON) -> list[tuple[str, str]]:
    """After the journal was read and what is due was sent: phone and words of every text there is."""
    read(at)
    send_due(at)
    return [(one["phone"], one["text"]) for one in phone.messages.values()]


def test_a_question_is_announced_with_the_address_and_without_its_words(
    cast: Cast, report: Report, phone: Phone
) -> None:
    do(report.issue, Move.ASK, cast.dispatcher, words="大概几点闻到？")
    [(number, words)] = texts(phone)
    assert number == "13900001234"
    assert f"/r/{report.token}" in words
    assert report.issue.number in words
    assert "几点" not in words
    assert texts(phone) == [(number, words)]


def test_an_answer_at_the_end_and_one_before_it_are_each_announced_once(
    cast: Cast, report: Report, phone: Phone
) -> None:
    do(report.issue, Move.ANSWER, cast.dispatcher, report=report.pk, answer="已派人", interim=True)
    do(report.issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现", at=LATER + timedelta(minutes=5))
    texts(phone, LATER + timedelta(minutes=6))
    assert list(ReporterText.objects.values_list("about", "state")) == [("answered", "sent")] * 2


@pytest.mark.parametrize("values", [{"phone": ""}, {"phone": "13900001234", "source": "12345", "own_number": "A1"}])
def test_who_left_no_number_with_us_is_not_written_to(cast: Cast, phone: Phone, values: dict[str, str]) -> None:
    report = complain(cast.merchant, **values)
    do(report.issue, Move.ASK, cast.dispatcher, words="几点？")
    assert texts(phone) == []


def test_at_night_it_waits_for_the_morning(cast: Cast, report: Report, phone: Phone) -> None:
    night = NOON + timedelta(hours=11)  # 23:00 in the county
    do(report.issue, Move.ASK, cast.dispatcher, words="几点？", at=night)
    assert texts(phone, night) == []
    assert len(texts(phone, NOON + timedelta(hours=20))) == 1


def test_a_question_that_was_answered_meanwhile_is_not_announced(cast: Cast, report: Report, phone: Phone) -> None:
    do(report.issue, Move.ASK, cast.dispatcher, words="几点？")
    read()
    add(report, "晚上十点", at=SOON)
    assert texts(phone) == []
    assert ReporterText.objects.get().state == "needless"


def test_what_the_gateway_does_not_take_is_tried_again(cast: Cast, report: Report, phone: Phone) -> None:
    do(report.issue, Move.ASK, cast.dispatcher, words="几点？")
    phone.broken = 1
    assert texts(phone) == []
    text = ReporterText.objects.get()
    assert (text.state, text.tries) == ("waiting", 1)
    assert len(texts(phone, text.next_at)) == 1


def given_up(report: Report, cast: Cast, phone: Phone) -> ReporterText:
    do(report.issue, Move.ASK, cast.dispatcher, words="几点？")
    read()
    phone.broken, at = 20, SOON
    for _ in range(20):
        send_due(at)
        at += timedelta(hours=12)
    phone.broken = 0
    return ReporterText.objects.get()


def test_what_the_gateway_never_takes_is_given_up_in_the_end(cast: Cast, report: Report, phone: Phone) -> None:
    assert given_up(report, cast, phone).state == "failed"


def test_without_a_gateway_nothing_is_written_that_nobody_was_promised(cast: Cast, report: Report) -> None:
    do(report.issue, Move.ASK, cast.dispatcher, words="几点？")
    assert read() == 0


def test_what_could_not_be_sent_stands_with_the_others_and_goes_again(cast: Cast, report: Report, phone: Phone) -> None:
    text = given_up(report, cast, phone)
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.administrator)
    assert "1 message could not be sent" in client.get("/notices/").content.decode()
    page = client.get("/notices/deliveries/").content.decode()
    for words in ("139****1234", report.issue.number, "text message", "could not be sent", "7 tries"):
        assert words in page
    assert "13900001234" not in page
    again = f"/notices/deliveries/texts/{text.pk}/again/"
    assert f'action="{again}"' in page
    assert client.post(again).status_code == 302
    assert client.post(again).status_code == 404, "it waits already"
    assert len(texts(phone, text.next_at + timedelta(days=365))) == 1
    assert "139****1234" not in client.get("/notices/deliveries/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_reader_of_the_journal_writes_them_with_the_notices(committed: Cast, phone: Phone) -> None:
    row = complain(committed.merchant, phone="13900001234")
    do(row.issue, Move.ASK, committed.dispatcher, words="几点？")
    assert read_on(SOON) > 0
    assert ReporterText.objects.count() == 1
    read_on(SOON)
    assert ReporterText.objects.count() == 1
