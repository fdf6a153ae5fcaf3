"""Merchants out: to whom how much, by pages and by a box."""

from __future__ import annotations

from typing import Any

import pytest

from lingxiu.merchants.models import Status
from tests.cast import Cast
from tests.exchange.world import fields_at_fault, system

PERSONAL = ("legal_person", "phone", "张三", "13800009999")


@pytest.fixture(autouse=True)
def _with_personal_data(cast: Cast) -> None:
    cast.merchant.legal_person, cast.merchant.phone, cast.merchant.uscc = "张三", "13800009999", "91330421MA2B8K3C1X"
    cast.merchant.save()
    cast.merchant.standing.open_issues, cast.merchant.standing.fume_level = 2, 3
    cast.merchant.standing.save()


def test_the_public_face_is_everybodys_and_says_no_more(cast: Cast) -> None:
    """Whatever its person may: unfinished issues are never public (domain-2026, law 7)."""
    for user in (cast.county_officer, cast.dispatcher, cast.owner):
        body: Any = system(user, "merchants.public").get("/api/v1/merchants").json()  # type: ignore[attr-defined]  # Django's test response
        assert [row["name"] for row in body["items"]] == ["一鲜居", "老街面馆"]
        assert body["next"] is None
        first = body["items"][0]
        assert first["location"] == [120.92, 30.85]
        assert first["fume_level"] == 3
        assert first["open_issues"] is None
        assert first["uscc"] is None
        assert not any(word in str(body) for word in PERSONAL[2:])


def test_who_reads_sees_as_far_as_their_person(cast: Cast) -> None:
    other = system(cast.dispatcher, "merchants.read")
    rows: Any = other.get("/api/v1/merchants").json()["items"]  # type: ignore[attr-defined]  # the same
    assert [(row["name"], row["open_issues"], row["uscc"]) for row in rows] == [("一鲜居", 2, "91330421MA2B8K3C1X")]
    assert not any(word in str(rows) for word in PERSONAL[2:])
    assert other.get(f"/api/v1/merchants/{cast.merchant.pk}").status_code == 200
    assert other.get(f"/api/v1/merchants/{cast.other_merchant.pk}").status_code == 404


def test_pages_follow_one_another_without_gap_or_repeat(cast: Cast) -> None:
    from tests.cast import make_merchant

    for number in range(7):
        make_merchant(f"小店{number}", cast.merchant.area, 120.93, 30.85)  # type: ignore[arg-type]  # it has one
    other = system(cast.county_officer, "merchants.public")
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        body: Any = other.get("/api/v1/merchants", limit=3, cursor=cursor).json()  # type: ignore[attr-defined]  # the same
        seen += [row["id"] for row in body["items"]]
        cursor = body["next"]
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 9


def test_merchants_are_found_by_name_town_and_kind_but_never_by_phone(cast: Cast) -> None:
    other = system(cast.county_officer, "merchants.public", "merchants.read")

    def found(**query: Any) -> list[str]:
        return [row["name"] for row in other.get("/api/v1/merchants", **query).json()["items"]]  # type: ignore[attr-defined]  # the same

    assert found(q="yxj") == ["一鲜居"]
    assert found(town="330421103") == ["老街面馆"]
    assert found(kind="canteen") == []
    assert found(q="13800009999") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [({"limit": "0"}, "limit"), ({"limit": "101"}, "limit"), ({"limit": "many"}, "limit"), ({"cursor": "???"}, "cursor"),
     ({"cursor": "bTEy9"}, "cursor"), ({"cursor": "AAAA"}, "cursor"), ({"town": "'; --"}, "town"), ({"sort": "name"}, "sort")],
)  # fmt: skip
def test_a_wrong_question_is_told_which_field_is_wrong(query: dict[str, str], field: str, cast: Cast) -> None:
    answer = system(cast.county_officer, "merchants.public").get("/api/v1/merchants", **query)
    assert answer.status_code == 422
    assert fields_at_fault(answer) == [field]


def test_a_box_of_the_map(cast: Cast) -> None:
    other = system(cast.county_officer, "merchants.public")
    cast.other_merchant.status = Status.CLOSED
    cast.other_merchant.save()

    def names(bbox: str) -> list[str]:
        answer = other.get("/api/v1/merchants.geojson", bbox=bbox)
        assert answer["Content-Type"] == "application/geo+json"
        assert answer["RateLimit-Limit"] == "120"
        return [feature["properties"]["name"] for feature in answer.json()["features"]]  # type: ignore[attr-defined]  # the same

    assert names("120.8,30.8,121.0,31.0") == ["一鲜居"]
    assert names("") == ["一鲜居"]
    assert names("121,31,122,32") == []
    for wrong in ("1,2,3", "a,b,c,d", "nan,30,121,31", "121,30,120,31", "1e999,0,1,1", "120,30,121,31,32"):
        answer = other.get("/api/v1/merchants.geojson", bbox=wrong)
        assert answer.status_code == 422, wrong
        assert fields_at_fault(answer) == ["bbox"]
