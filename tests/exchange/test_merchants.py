"""Merchants out: to whom how much, by pages and by a box."""

from __future__ import annotations

from typing import Any

import pytest

from lingxiu.accounts.models import User
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant, Status
from tests.cast import Cast
from tests.exchange.world import System, fields_at_fault, system

PERSONAL = ("legal_person", "phone", "张三", "13800009999")


@pytest.fixture(autouse=True)
def _with_personal_data(cast: Cast) -> None:
    cast.merchant.legal_person, cast.merchant.phone, cast.merchant.uscc = "张三", "13800009999", "91330421MA2B8K3C1R"
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
    assert [(row["name"], row["open_issues"], row["uscc"]) for row in rows] == [("一鲜居", 2, "91330421MA2B8K3C1R")]
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


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────

NEW = {"name": "新开小馆", "kind": "restaurant", "address": "人民大道9号", "location": [120.921, 30.851]}


def writer(user: User) -> System:
    return system(user, "merchants.write", "merchants.read")


def said(answer: Any) -> Any:
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


def test_a_dossier_is_opened_in_its_town_with_its_source_and_a_code(cast: Cast) -> None:
    told = said(
        writer(cast.dispatcher).post("/api/v1/merchants", {**NEW, "reference_stoves": 4, "phone": "13900001111"})
    )
    made = Merchant.objects.get(pk=told["id"])
    assert (told["town"], told["scale"], told["location"]) == (cast.merchant.town, "medium", [120.921, 30.851])
    assert made.sources["name"]["source"] == "other_system"
    assert made.codes.count() == 1
    assert made.phone == "13900001111"
    assert "13900001111" not in str(told)
    assert Entry.objects.get(kind="merchant.created").actor_id == cast.dispatcher.pk


def test_the_same_with_the_same_key_is_one_dossier(cast: Cast) -> None:
    before = Merchant.objects.count()
    other = writer(cast.dispatcher)
    told = [said(other.post("/api/v1/merchants", NEW, idempotency_key="k")) for _ in range(2)]
    assert told[0] == told[1]
    assert Merchant.objects.count() == before + 1


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"kind": "spaceship"}, ["kind"]),
        ({"location": [30.851, 120.921]}, ["location"]),
        ({"location": [116.4, 39.9]}, ["location"]),
        ({"location": [120.1, 30.2, 1]}, ["location"]),
        ({"uscc": "91330421MA2B8K3C1Y"}, ["uscc"]),
        ({"phone": "12"}, ["phone"]),
        ({"licence_no": "JY23304210000015"}, ["licence_no"]),
        ({"licence_no": "123"}, ["licence_kind"]),
        ({"reference_stoves": -1}, ["reference_stoves"]),
        ({"seats": -1}, ["seats"]),
        ({"opens_at": "9.30"}, ["opens_at"]),
        ({"licence_until": "2026-02-30"}, ["licence_until"]),
        ({"name": "\0"}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"owner": "x"}, ["owner"]),
        ({"in_built_up": None}, ["in_built_up"]),
    ],
)
def test_bad_input_names_its_field(cast: Cast, change: dict[str, Any], fields: list[str]) -> None:
    answer = writer(cast.county_officer).post("/api/v1/merchants", {**NEW, **change})
    assert answer.status_code == 422
    assert fields_at_fault(answer) == fields
    assert not Merchant.objects.filter(address=NEW["address"]).exists()


def test_all_that_is_needed_is_asked_for_at_once(cast: Cast) -> None:
    assert set(fields_at_fault(writer(cast.dispatcher).post("/api/v1/merchants", {}))) == set(NEW)


def test_a_change_leaves_the_rest_as_it_was(cast: Cast) -> None:
    other, path = writer(cast.dispatcher), f"/api/v1/merchants/{cast.merchant.pk}"
    told = said(other.patch(path, {"address": "人民大道10号", "reference_stoves": 6}))
    cast.merchant.refresh_from_db()
    assert (told["address"], told["scale"], told["name"]) == ("人民大道10号", "large", "一鲜居")
    assert (cast.merchant.legal_person, cast.merchant.phone) == ("张三", "13800009999")
    assert Entry.objects.get(kind="merchant.updated").reference["fields"] == ["address", "scale", "reference_stoves"]
    said(other.patch(path, {}))
    assert Entry.objects.filter(kind="merchant.updated").count() == 1


def test_a_change_to_what_somebody_saved_meanwhile_is_refused(cast: Cast) -> None:
    other, path = writer(cast.dispatcher), f"/api/v1/merchants/{cast.merchant.pk}"
    seen = Merchant.objects.get(pk=cast.merchant.pk).updated_at.isoformat()
    said(other.patch(path, {"address": "人民大道10号", "seen": seen}))
    answer = other.patch(path, {"address": "人民大道11号", "seen": seen})
    assert answer.status_code == 409
    assert fields_at_fault(answer) == ["seen"]


def test_a_licence_that_another_has_is_refused_and_named(cast: Cast) -> None:
    other = writer(cast.county_officer)
    first = {**NEW, "licence_no": "JY23304210000014"}
    said(other.post("/api/v1/merchants", first))
    answer = other.post("/api/v1/merchants", {**first, "name": "另一家"})
    assert (answer.status_code, fields_at_fault(answer)) == (422, ["licence_no"])
    assert "新开小馆" in str(answer.json())  # type: ignore[attr-defined]  # Django's test response


def test_who_may_not_change_dossiers_does_not_by_a_key(cast: Cast) -> None:
    path = f"/api/v1/merchants/{cast.merchant.pk}"
    for user in (cast.grid_member, cast.leader, cast.owner):
        assert writer(user).post("/api/v1/merchants", NEW).status_code == 403
        assert writer(user).patch(path, {"address": "x"}).status_code == 403
    reader = system(cast.dispatcher, "merchants.read")
    assert reader.patch(path, {"address": "x"}).status_code == 403
    assert writer(cast.other_dispatcher).patch(path, {"address": "x"}).status_code == 404


def test_a_town_enters_merchants_of_its_own_only(cast: Cast) -> None:
    answer = writer(cast.other_dispatcher).post("/api/v1/merchants", NEW)
    assert (answer.status_code, fields_at_fault(answer)) == (422, ["location"])
