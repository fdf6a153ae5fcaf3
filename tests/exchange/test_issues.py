"""Issues by the API: the list, one, a find, a move; and what of people's reports never goes out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lingxiu.exchange.v1.issues import FIELDS
from lingxiu.issues import elsewhere
from lingxiu.issues.lifecycle import Needs
from lingxiu.issues.models import Issue
from lingxiu.merchants.models import Merchant
from tests.cast import Cast
from tests.exchange.world import System, fields_at_fault, system
from tests.issues.world import LATER, alarm, complain, find, to_recheck

FIND = {"violation": "D-BIN", "words": "桶没有盖", "act_at": "2026-03-05T12:30:00+08:00"}


def body(answer: Any) -> Any:
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


def officer(cast: Cast) -> System:
    return system(cast.county_officer, "issues.read", "issues.write")


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everybody_sees_as_far_as_their_person(cast: Cast) -> None:
    near = find(cast.grid_member, merchant=cast.merchant)
    far = find(cast.other_grid_member, merchant=cast.other_merchant)
    for user, seen in [
        (cast.county_officer, {near.number, far.number}),
        (cast.dispatcher, {near.number}),
        (cast.other_grid_member, {far.number}),
        (cast.administrator, {near.number, far.number}),
    ]:
        other = system(user, "issues.read")
        assert {row["number"] for row in body(other.get("/api/v1/issues"))["items"]} == seen
        assert (other.get(f"/api/v1/issues/{near.number}").status_code == 200) == (near.number in seen)


def test_who_answers_for_a_shop_is_told_nothing_here(cast: Cast) -> None:
    """They see what a dispatcher has sent on, by a page of their own; by a key they would see what nobody has judged yet."""
    number = complain(cast.merchant).issue.number
    other = system(cast.owner, "issues.read", "issues.write", "merchants.read")
    for path in (
        "/api/v1/issues",
        f"/api/v1/issues/{number}",
        "/api/v1/merchants",
        f"/api/v1/merchants/{cast.merchant.pk}",
    ):
        assert other.get(path).status_code == 403
    assert other.post(f"/api/v1/issues/{number}/moves", {"move": "correct", "comment": "x"}).status_code == 403


def test_an_issue_says_what_the_person_may_do(cast: Cast) -> None:
    number = complain(cast.merchant).issue.number
    assert "dispatch" in body(system(cast.dispatcher, "issues.read").get(f"/api/v1/issues/{number}"))["may"]
    assert body(system(cast.assessor, "issues.read").get(f"/api/v1/issues/{number}"))["may"] == []


def test_what_reporters_said_and_where_they_are_never_goes_out(cast: Cast) -> None:
    """Open interfaces never carry complaint text, address or photo (domain-2026, law 8)."""
    report = complain(
        words="我住三楼，天天熏", place="人民大道8号302室", lng=120.921, lat=30.851, name="王小明", phone="13900001234"
    )
    about_shop = complain(cast.merchant, words="老板姓张", name="李四")
    other = officer(cast)
    told = str(body(other.get("/api/v1/issues"))) + str(body(other.get(f"/api/v1/issues/{report.issue.number}")))
    for secret in ("三楼", "302", "120.921", "30.851", "王小明", "13900001234", "老板姓张", "李四", report.token):
        assert secret not in told
    one = body(other.get(f"/api/v1/issues/{about_shop.issue.number}"))
    assert one["merchant"] == {"id": cast.merchant.pk, "name": "一鲜居"}
    assert one["location"] == [120.92, 30.85]
    assert one["reports"] == 1


def test_an_issue_comes_with_its_moves_without_words_or_persons(cast: Cast) -> None:
    issue = to_recheck(cast, find(cast.grid_member, merchant=cast.merchant))
    told = body(officer(cast).get(f"/api/v1/issues/{issue.number}"))
    assert [move["move"] for move in told["moves"]][-3:] == ["accept", "handle", "feed_back"]
    assert told["moves"][-1]["by"] == {"code": cast.grid.code, "name": "第一网格"}
    assert told["moves"][-1]["result"] == "fixed"
    assert "已清洗" not in str(told)
    assert cast.grid_member.username not in str(told).replace("grid_member", "").replace("'grid'", "")
    assert told["due_at"].endswith("+08:00")
    assert datetime.fromisoformat(told["due_at"]) == issue.due_at


def test_pages_of_issues_follow_one_another(cast: Cast) -> None:
    numbers = [find(cast.grid_member, merchant=cast.merchant).number for _ in range(7)]
    other, seen, cursor = officer(cast), [], ""
    while cursor is not None:
        page = body(other.get("/api/v1/issues", limit=3, cursor=cursor))
        seen += [row["number"] for row in page["items"]]
        cursor = page["next"]
    assert seen == numbers[::-1]


def test_issues_are_filtered(cast: Cast) -> None:
    find(cast.grid_member, merchant=cast.merchant)
    alarm(cast.other_merchant)
    other = officer(cast)

    def sources(**query: Any) -> list[str]:
        return [row["source"] for row in body(other.get("/api/v1/issues", **query))["items"]]

    assert sources(source="alarm") == ["alarm"]
    assert sources(town="330421001") == ["grid_member"]
    assert sources(violation="L-FUME", state="open") == ["alarm"]
    assert sources(state="ended") == []
    assert sources(merchant=cast.merchant.pk, late="true") == []
    assert sources(**{"from": "2026-03-05", "to": "2026-03-05"}) == ["alarm", "grid_member"]
    assert sources(**{"from": "2026-03-06"}) == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [({"state": "lost"}, {"state"}), ({"from": "yesterday"}, {"from"}), ({"to": "9999-12-31"}, {"to"}),
     ({"merchant": "0"}, {"merchant"}), ({"merchant": str(2**70)}, {"merchant"}), ({"q": "302室"}, {"q"}),
     ({"cursor": "MTIz"}, {"cursor"}), ({"level": "moon", "flow": "x"}, {"level", "flow"})],
)  # fmt: skip
def test_a_wrong_filter_is_named(query: dict[str, str], fields: set[str], cast: Cast) -> None:
    """Words are not searched: that would find out, piece by piece, the place a reporter gave."""
    answer = officer(cast).get("/api/v1/issues", **query)
    assert answer.status_code == 422
    assert {name.partition(".")[0] for name in fields_at_fault(answer)} == fields


def test_a_page_costs_the_same_however_many_there_are(cast: Cast) -> None:
    other = officer(cast)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            body(other.get("/api/v1/issues"))
        return len(asked)

    find(cast.grid_member, merchant=cast.merchant)
    cost()
    first = cost()
    for _ in range(12):
        find(cast.grid_member, merchant=cast.merchant)
        complain(cast.merchant)
    assert 0 < first <= 7
    assert cost() == first


# ── a find ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_find_becomes_an_issue_of_its_finder(cast: Cast) -> None:
    other = system(cast.grid_member, "issues.write")
    told = body(other.post("/api/v1/issues", {**FIND, "merchant": cast.merchant.pk}))
    issue = Issue.objects.get(number=told["number"])
    assert (issue.found_by, issue.source, issue.merchant) == (cast.grid_member, "grid_member", cast.merchant)
    assert told["act_at"] == "2026-03-05T12:30:00+08:00"


def test_the_same_find_with_the_same_idempotency_key_is_made_once(cast: Cast) -> None:
    other = system(cast.grid_member, "issues.write")
    sent = {**FIND, "merchant": cast.merchant.pk}
    first = other.post("/api/v1/issues", sent, idempotency_key="a-1")
    again = other.post("/api/v1/issues", sent, idempotency_key="a-1")
    assert first.status_code == again.status_code == 201
    assert body(first) == body(again)
    assert Issue.objects.count() == 1
    other_words = other.post("/api/v1/issues", {**sent, "words": "别的"}, idempotency_key="a-1")
    assert other_words.status_code == 422
    assert fields_at_fault(other_words) == ["Idempotency-Key"]
    somebody_elses = system(cast.grid_member, "issues.write")
    assert body(somebody_elses.post("/api/v1/issues", sent, idempotency_key="a-1"))["number"] != body(first)["number"]


def test_a_find_of_another_system_is_taken_once_by_its_number(cast: Cast) -> None:
    """As their platform sends it again when our answer was lost, and as somebody else's find never gets it."""
    other, number = officer(cast), {"system": "four-platforms", "number": "st 2026-17".replace(" ", "")}
    sent = {**FIND, "merchant": cast.merchant.pk, "other": number}
    first, again = other.post("/api/v1/issues", sent), other.post("/api/v1/issues", sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert body(first)["number"] == body(again)["number"]
    issue = Issue.objects.get()
    assert (issue.other_system, issue.other_number) == ("four-platforms", "ST2026-17")
    changed = other.post("/api/v1/issues", {**sent, "words": "别的"})
    assert changed.status_code == 409
    assert issue.number in changed.json()["detail"]
    assert fields_at_fault(changed) == ["other.number"]
    town = system(cast.dispatcher, "issues.write")
    assert town.post("/api/v1/issues", sent).status_code == 409
    assert other.post("/api/v1/issues", {**sent, "other": {**number, "number": "ST2026-18"}}).status_code == 201
    assert Issue.objects.count() == 2


def test_a_number_that_an_open_issue_goes_by_already_opens_no_second(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    elsewhere.note(issue.number, "four-platforms", "ST9", actor=cast.grid_member, at=LATER)
    sent = {**FIND, "merchant": cast.merchant.pk, "other": {"system": "four-platforms", "number": "ST9"}}
    answer = officer(cast).post("/api/v1/issues", sent)
    assert answer.status_code == 409
    assert issue.number in answer.json()["detail"]
    unknown = officer(cast).post("/api/v1/issues", {**sent, "other": {"system": "nobodys", "number": "1"}})
    assert (unknown.status_code, fields_at_fault(unknown)) == (422, ["other.system"])


@pytest.mark.parametrize(
    ("change", "field"),
    [({"violation": "P-NOTHING"}, "violation"), ({"violation": "L-FUME"}, "violation"),
     ({"act_at": "2026-03-05T12:30:00"}, "act_at"), ({"act_at": "2027-01-01T00:00:00Z"}, "act_at"),
     ({"merchant": 999_999}, "merchant"), ({"merchant": None}, "place"), ({"words": "x" * 201}, "words"),
     ({"words": "a\0b"}, "words"), ({"location": [30.85, 120.92]}, "location"), ({"location": [200, 0]}, "location"),
     ({"colour": "red"}, "colour"), ({"words": "\ud800"}, "words")],
)  # fmt: skip
def test_a_find_that_is_not_right_is_told_field_value_and_mend(change: Any, field: str, cast: Cast) -> None:
    other = system(cast.grid_member, "issues.write")
    answer = other.post("/api/v1/issues", {**FIND, "merchant": cast.merchant.pk, **change})
    assert answer.status_code == 422
    assert fields_at_fault(answer) == [field]
    assert Issue.objects.count() == 0


def test_finds_are_for_those_who_may_find(cast: Cast) -> None:
    for user in (cast.leader, cast.assessor, cast.owner):
        other = system(user, "issues.write")
        assert other.post("/api/v1/issues", {**FIND, "merchant": cast.merchant.pk}).status_code == 403
    assert Merchant.objects.filter(pk=cast.other_merchant.pk).exists()
    town = system(cast.dispatcher, "issues.write")
    assert town.post("/api/v1/issues", {**FIND, "merchant": cast.other_merchant.pk}).status_code == 422


# ── a move ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_way_by_the_api(cast: Cast) -> None:
    """A phoned-in complaint is dispatched, accepted, visited, found untrue and closed by keys alone."""
    report = complain(cast.merchant, violation="P-OTHER")
    path = f"/api/v1/issues/{report.issue.number}/moves"
    room, grid = system(cast.dispatcher, "issues.write"), system(cast.grid_member, "issues.write")
    told = body(
        room.post(path, {"move": "dispatch", "to_unit": cast.grid.code, "to_person": "grid", "comment": "请看一下"})
    )
    assert told == {
        "number": report.issue.number,
        "version": 1,
        "move": "dispatch",
        "state": "dispatched",
        "level": "grid",
    }
    assert body(grid.post(path, {"move": "accept", "seen": 1}))["state"] == "handling"
    assert (
        body(grid.post(path, {"move": "handle", "comment": "看了", "location": [120.92, 30.85]}))["state"] == "handling"
    )
    assert body(grid.post(path, {"move": "feed_back", "result": "not_found"}))["state"] == "recheck"
    assert body(room.post(path, {"move": "close", "answer": "已现场查看，未发现"}))["state"] == "closed"
    report.refresh_from_db()
    assert report.answer == "已现场查看，未发现"


def test_a_refused_move_says_which_field_mends_it(cast: Cast) -> None:
    report = complain(cast.merchant)
    path = f"/api/v1/issues/{report.issue.number}/moves"
    room, grid = system(cast.dispatcher, "issues.write"), system(cast.grid_member, "issues.write")
    for sent, status, field in [
        ({"move": "close", "answer": "x"}, 409, "move"),
        ({"move": "dispatch"}, 422, "to_unit"),
        ({"move": "dispatch", "to_unit": "nowhere"}, 422, "to_unit"),
        ({"move": "dispatch", "to_unit": cast.other_grid.code}, 422, "to_unit"),
        ({"move": "dismiss", "answer": "x"}, 422, "comment"),
        ({"move": "dismiss", "comment": "重复"}, 422, "answer"),
        ({"move": "report"}, 422, "move"),
        ({"move": "fly"}, 422, "move"),
        ({"move": "dismiss", "comment": "x", "answer": "x", "into": "12"}, 422, "into"),
    ]:
        answer = room.post(path, sent)
        assert answer.status_code == status, (sent, answer.content)
        assert fields_at_fault(answer) == [field], sent
    assert fields_at_fault(grid.post(path, {"move": "dismiss", "comment": "x", "answer": "x"})) == ["move"]
    assert Issue.objects.get().version == 0


def test_who_looked_at_an_older_version_is_told_who_was_faster(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    issue.refresh_from_db()
    seen = issue.version
    path = f"/api/v1/issues/{issue.number}/moves"
    grid = system(cast.grid_member, "issues.write")
    assert grid.post(path, {"move": "accept", "seen": seen}).status_code == 201
    late = grid.post(path, {"move": "return", "comment": "不是我的", "seen": seen})
    assert late.status_code == 409
    assert fields_at_fault(late) == ["seen"]


def test_each_report_may_have_an_answer_of_its_own(cast: Cast) -> None:
    """And what a move names that is not there is told by field."""
    first = complain(cast.merchant, source="12345", own_number="A1")
    second = complain(cast.merchant, source="12345", own_number="A2")
    room = system(cast.dispatcher, "issues.write")
    body(room.post(f"/api/v1/issues/{second.issue.number}/moves", {"move": "join", "into": first.issue.number}))
    path = f"/api/v1/issues/{first.issue.number}/moves"
    sent = {
        "move": "dismiss",
        "comment": "不属实",
        "answer": "未发现",
        "answers": [{"source": "12345", "own_number": "A2", "answer": "已回复您"}],
    }
    wrong: Any = {**sent, "answers": [{"source": "12345", "own_number": "A3", "answer": "x"}]}
    assert fields_at_fault(room.post(path, wrong)) == ["answers"]
    assert fields_at_fault(room.post(path, {"move": "split", "report": {"source": "phone", "own_number": "1"}})) == [
        "report"
    ]
    assert fields_at_fault(room.post(path, {"move": "split"})) == ["report"]
    body(room.post(path, sent))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.answer, second.answer) == ("未发现", "已回复您")


def test_an_issue_rests_until_a_day_and_goes_on(cast: Cast) -> None:
    report = complain(cast.merchant)
    path = f"/api/v1/issues/{report.issue.number}/moves"
    room = system(cast.dispatcher, "issues.write")
    assert fields_at_fault(room.post(path, {"move": "suspend", "comment": "装修", "until": "2026-03-01"})) == ["until"]
    assert fields_at_fault(room.post(path, {"move": "resume"})) == ["move"]
    assert fields_at_fault(room.post(path, {"move": "add", "comment": "x"})) == ["move"]
    assert fields_at_fault(room.post(path, {"move": "involve", "units": ["nowhere"]})) == ["units"]


def test_a_repeated_move_with_an_idempotency_key_is_made_once(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    path = f"/api/v1/issues/{issue.number}/moves"
    grid = system(cast.grid_member, "issues.write")
    answers = [body(grid.post(path, {"move": "note", "comment": "记一下"}, idempotency_key="n")) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert issue.moves.filter(move="note").count() == 1
    refused = {"move": "close", "answer": "x"}
    assert [grid.post(path, refused, idempotency_key="r").status_code for _ in range(2)] == [409, 409]


def test_another_towns_issue_does_not_exist(cast: Cast) -> None:
    issue = find(cast.other_grid_member, merchant=cast.other_merchant)
    answer = system(cast.dispatcher, "issues.write").post(
        f"/api/v1/issues/{issue.number}/moves", {"move": "note", "comment": "x"}
    )
    assert answer.status_code == 404


def test_every_need_of_a_move_has_its_field() -> None:
    """So that a refusal of a need names what mends it."""
    assert {need.value for need in Needs} - {"evidence"} <= set(FIELDS)
