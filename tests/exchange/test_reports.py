"""Reports of other systems: idempotent on (source, own number), answered by that number."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import PEOPLE, Report
from tests.cast import Cast
from tests.exchange.world import REPORT, System, fields_at_fault, system
from tests.issues.world import do, to_closed

PATH = "/api/v1/reports"
ASK = "/api/v1/reports/12345/JX202603050001"


def hotline(cast: Cast) -> System:
    return system(cast.county_officer, "reports.12345")


def body(answer: Any) -> Any:
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


def test_a_report_keeps_its_own_number_and_is_answered_by_it(cast: Cast) -> None:
    other = hotline(cast)
    made = other.post(PATH, REPORT)
    assert made.status_code == 201
    told = body(made)
    report = Report.objects.get()
    assert (report.source, report.own_number, report.issue.number) == ("12345", "JX202603050001", told["number"])
    assert report.recorded_by == cast.county_officer
    assert report.reporter_phone == "13900001234"
    assert told["state"] == "received"
    assert told["answer"] is None
    assert datetime.fromisoformat(told["due_at"]) == report.due_at
    assert told["follow"].endswith(f"/r/{report.token}")
    assert body(other.get(ASK)) == told
    for said in (REPORT["words"], REPORT["name"], REPORT["phone"], REPORT["place"]):
        assert said not in str(told)


def test_the_answer_comes_back_when_there_is_one(cast: Cast) -> None:
    other = hotline(cast)
    other.post(PATH, {**REPORT, "merchant": cast.merchant.pk})
    issue = Report.objects.get().issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    assert body(other.get(ASK))["state"] == "dispatched"
    to_closed(cast, issue, answer="已督促清洗净化器")
    told = body(other.get(ASK))
    assert (told["state"], told["answer"], told["found_true"]) == ("closed", "已督促清洗净化器", True)
    assert told["answered_at"] == "2026-03-05T13:00:00+08:00"


def test_the_same_again_is_the_same_report(cast: Cast) -> None:
    other = hotline(cast)
    first, again = other.post(PATH, REPORT), other.post(PATH, {**REPORT, "seen_at": "2026-03-04T14:40:00Z"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert body(first) == body(again)
    assert Report.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("words", "别的话"), ("seen_at", "2026-03-04T22:41:00+08:00"), ("place", "别处"), ("name", "李四"), ("phone", "13900001235"),
     ("violation", "P-NOISE"), ("location", [120.92, 30.85])],
)  # fmt: skip
def test_the_same_number_with_other_words_is_refused_by_field(field: str, value: Any, cast: Cast) -> None:
    other = hotline(cast)
    number = body(other.post(PATH, REPORT))["number"]
    answer: Any = other.post(PATH, {**REPORT, field: value})
    assert answer.status_code == 409
    assert fields_at_fault(answer) == [field]
    assert number in answer.json()["detail"]
    assert Report.objects.count() == 1


def test_a_report_that_was_joined_is_still_the_same(cast: Cast) -> None:
    """Each 12345 number keeps its own answer and deadline when joined."""
    other = hotline(cast)
    body(other.post(PATH, REPORT))
    second = body(other.post(PATH, {**REPORT, "own_number": "B2", "violation": "P-SMELL"}))
    first = Report.objects.get(own_number="JX202603050001").issue
    do(Report.objects.get(own_number="B2").issue, Move.JOIN, cast.dispatcher, into=first.number)
    again = other.post(PATH, {**REPORT, "own_number": "B2", "violation": "P-SMELL"})
    assert again.status_code == 200
    assert body(again)["number"] == first.number != second["number"]
    assert other.post(PATH, {**REPORT, "own_number": "B2"}).status_code == 409


def test_the_same_number_of_another_source_is_another_report(cast: Cast) -> None:
    other = system(cast.county_officer, "reports.12345", "reports.phone")
    assert other.post(PATH, REPORT).status_code == other.post(PATH, {**REPORT, "source": "phone"}).status_code == 201


def test_a_key_speaks_for_its_own_source_alone(cast: Cast) -> None:
    other = hotline(cast)
    body(other.post(PATH, REPORT))
    phone = system(cast.county_officer, "reports.phone")
    assert phone.get(ASK).status_code == 403
    assert phone.post(PATH, REPORT).status_code == 403
    assert fields_at_fault(other.post(PATH, {**REPORT, "source": "alarm"})) == ["source"]
    assert other.get("/api/v1/reports/12345/unknown").status_code == 404
    assert fields_at_fault(other.get("/api/v1/reports/moon/1")) == ["source"]


def test_only_who_may_record_reports_brings_them(cast: Cast) -> None:
    for user in (cast.leader, cast.grid_member, cast.owner, cast.town_officer):
        assert system(user, "reports.12345").post(PATH, REPORT).status_code == 403
    assert Report.objects.count() == 0


def test_a_key_of_the_grid_does_not_read_what_others_brought(cast: Cast) -> None:
    body(hotline(cast).post(PATH, REPORT))
    assert system(cast.grid_member, "reports.12345").get(ASK).status_code == 404
    assert system(cast.dispatcher, "reports.12345").get(ASK).status_code == 200
    assert system(cast.other_dispatcher, "reports.12345").get(ASK).status_code == 404


def test_a_shop_may_be_named_by_its_licence(cast: Cast) -> None:
    cast.merchant.licence_no = "JY23304210012345"
    cast.merchant.save()
    other = hotline(cast)
    body(other.post(PATH, {**REPORT, "licence_no": "JY23304210012345"}))
    assert Report.objects.get().merchant == cast.merchant
    answer = other.post(PATH, {**REPORT, "own_number": "2", "licence_no": "JY1"})
    assert fields_at_fault(answer) == ["licence_no"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"own_number": ""}, "own_number"), ({"own_number": "a/b"}, "own_number"), ({"own_number": "a b"}, "own_number"),
     ({"violation": "D-BIN"}, "violation"), ({"place": ""}, "place"), ({"location": [30.8, 120.9]}, "location"),
     ({"phone": "call me"}, "phone"), ({"seen_at": "2026-03-05T22:40:00+08:00"}, "seen_at"),
     ({"seen_at": "2025-03-05T22:40:00+08:00"}, "seen_at"), ({"seen_at": "0001-01-01T00:00:00+14:00"}, "seen_at"),
     ({"seen_at": 1e300}, "seen_at"), ({"words": "x" * 4001}, "words"), ({"town": "a'"}, "town"), ({"merchant": 9}, "merchant")],
)  # fmt: skip
def test_a_report_that_is_not_right_is_told_field_and_mend(change: Any, field: str, cast: Cast) -> None:
    answer = hotline(cast).post(PATH, {**REPORT, **change})
    assert answer.status_code == 422, answer.content
    assert fields_at_fault(answer) == [field]
    assert Report.objects.count() == 0


def test_a_report_without_words_says_what_it_is_about(cast: Cast) -> None:
    body(hotline(cast).post(PATH, {key: REPORT[key] for key in ("source", "own_number", "seen_at", "place")}))
    report = Report.objects.get()
    assert (report.words, report.issue.violation) == ("其他问题", "P-OTHER")


def test_every_source_that_is_people_can_be_brought_and_no_other(cast: Cast) -> None:
    other = system(cast.county_officer, *(f"reports.{source.value}" for source in PEOPLE))
    for source in PEOPLE:
        assert other.post(PATH, {**REPORT, "source": source.value}).status_code == 201, source
