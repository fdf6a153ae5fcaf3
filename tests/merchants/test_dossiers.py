"""A dossier is opened, changed, found; each fact says where it came from; what cannot be is refused with the reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from lingxiu.china.identifiers import LicenceKind, food_licence
from lingxiu.journal.models import Entry
from lingxiu.merchants.actions import (
    Care,
    ChangedMeanwhile,
    LicenceTaken,
    OutsideCounty,
    add_facility,
    create,
    record_care,
    record_visit,
    reissue_code,
    remove_facility,
    update,
)
from lingxiu.merchants.models import CareRecord, Code, Facility, Licence, Merchant, Scale, Source, Standing
from lingxiu.merchants.queries import Revoked, Wanted, by_token, counts, coverage, find, map_rows
from tests.cast import Cast, make_areas, make_merchant

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
LICENCE = food_licence(LicenceKind.CATERING, "330421", 1)


def shop(**fields: Any) -> Merchant:
    """A merchant not stored yet, in 魏塘."""
    values = {"name": "曾记小馆", "kind": "restaurant", "address": "解放路2号", "lng": 120.95, "lat": 30.85, **fields}
    return Merchant(**values)


def opened(**fields: Any) -> Merchant:
    return create(shop(**fields), source=Source.LICENCE, at=NOON, by=7)


# ── opening and changing ──


def test_a_new_merchant_stands_in_its_grid_with_a_standing_and_a_code(cast: Cast) -> None:
    merchant = opened()
    assert (merchant.town, merchant.grid) == ("330421001", "33042100100101")
    assert merchant.area is not None
    assert merchant.area.code == merchant.grid
    assert Standing.objects.get(merchant=merchant).open_issues == 0
    assert merchant.codes.get().revoked_at is None
    entry = Entry.objects.get(kind="merchant.created")
    assert (entry.merchant_id, entry.grid, entry.actor_id) == (merchant.pk, merchant.grid, 7)


def test_every_filled_field_says_where_it_came_from(cast: Cast) -> None:
    merchant = opened(phone="13800138000", seats=None)
    assert merchant.sources["phone"] == {"source": "licence", "at": NOON.isoformat()}
    assert "seats" not in merchant.sources


def test_a_change_keeps_the_sources_of_the_rest(cast: Cast) -> None:
    merchant = opened()
    merchant.address = "解放路22号"
    merchant.seats = 40
    assert update(merchant, source=Source.OWNER, at=LATER, by=8) == ["address", "seats"]
    stored = Merchant.objects.get(pk=merchant.pk)
    assert stored.sources["address"]["source"] == "owner"
    assert stored.sources["name"] == {"source": "licence", "at": NOON.isoformat()}
    entry = Entry.objects.get(kind="merchant.updated")
    assert entry.reference == {"fields": ["address", "seats"], "source": "owner"}
    assert "解放路" not in str(entry.reference)


def test_saving_without_a_change_leaves_no_trace(cast: Cast) -> None:
    merchant = opened()
    assert update(Merchant.objects.get(pk=merchant.pk), source=Source.OWNER, at=LATER, by=8) == []
    assert not Entry.objects.filter(kind="merchant.updated").exists()
    assert Merchant.objects.get(pk=merchant.pk).updated_at == NOON


def test_a_merchant_that_moves_changes_its_town(cast: Cast) -> None:
    merchant = opened()
    merchant.lng, merchant.lat = 120.85, 30.95
    update(merchant, source=Source.OFFICER, at=LATER, by=None)
    assert Merchant.objects.get(pk=merchant.pk).town == "330421103"


@pytest.mark.parametrize(("lng", "lat", "swapped"), [(120.2, 30.2, False), (30.85, 120.95, True)])
def test_a_place_outside_the_county_is_refused(cast: Cast, lng: float, lat: float, swapped: bool) -> None:
    with pytest.raises(OutsideCounty) as caught:
        opened(lng=lng, lat=lat)
    assert caught.value.swapped is swapped
    assert not Merchant.objects.filter(name="曾记小馆").exists()


def test_a_licence_is_one_merchants(cast: Cast) -> None:
    first = opened(licence_kind="food_licence", licence_no=LICENCE)
    with pytest.raises(LicenceTaken) as caught:
        opened(name="另一家", licence_kind="food_licence", licence_no=LICENCE)
    assert caught.value.holder == first
    opened(name="第三家", licence_kind="small_eatery_registration", licence_no=LICENCE)
    opened(name="第四家")
    opened(name="第五家")  # any number of merchants without one


def test_two_people_who_save_the_same_dossier_do_not_overwrite_each_other(cast: Cast) -> None:
    merchant = opened()
    mine, theirs = Merchant.objects.get(pk=merchant.pk), Merchant.objects.get(pk=merchant.pk)
    theirs.address = "解放路3号"
    update(theirs, source=Source.OFFICER, at=LATER, by=8, seen_at=NOON)
    mine.seats = 12
    with pytest.raises(ChangedMeanwhile) as caught:
        update(mine, source=Source.OFFICER, at=LATER, by=9, seen_at=NOON)
    assert caught.value.at == LATER
    assert Merchant.objects.get(pk=merchant.pk).seats is None


@pytest.mark.parametrize(
    ("stoves", "scale"), [(1, "small"), (2.9, "small"), (3, "medium"), (5.9, "medium"), (6, "large")]
)
def test_scale_follows_from_reference_stoves(stoves: float, scale: str) -> None:
    """GB 18483-2001 table 1."""
    assert Scale.of(stoves) == scale


def test_a_licence_of_the_register_gets_its_dossier(cast: Cast) -> None:
    for number in range(1, 201):
        Licence.objects.create(
            kind="food_licence", number=food_licence(LicenceKind.CATERING, "330421", number), name="某店"
        )
    assert coverage().share == 0
    opened(licence_kind="food_licence", licence_no=LICENCE)
    assert (coverage().licences, coverage().with_dossier, coverage().share) == (200, 1, 0.005)


def test_coverage_is_unknown_while_the_register_is_empty(db: None) -> None:
    assert coverage().share is None


# ── facilities, care, visits ──


def test_a_facility_is_added_and_taken_away_once(cast: Cast) -> None:
    facility = add_facility(Facility(merchant=cast.merchant, kind="purifier"), at=NOON, by=1)
    for _ in range(2):
        remove_facility(facility, at=LATER, day=date(2026, 3, 5), by=1)
    kinds = Entry.objects.filter(subject_kind="merchant").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["facility.added", "facility.removed"]
    assert Facility.objects.get().removed_on == date(2026, 3, 5)


def test_care_is_kept_with_who_entered_it(cast: Cast) -> None:
    care = Care(CareRecord.Kind.WASTE, date(2026, 3, 4), by="清运公司", kg=35.5)
    record_care(cast.merchant, care, at=NOON, by=cast.waste_hauler.pk)
    row = cast.merchant.care.get()
    assert (row.kg, row.recorded_by, row.on) == (35.5, cast.waste_hauler.pk, date(2026, 3, 4))
    assert Entry.objects.get(kind="care.recorded").merchant_id == cast.merchant.pk


def test_the_newest_visit_stands_in_the_standing(cast: Cast) -> None:
    record_visit(cast.merchant, by=cast.grid_member, at=LATER, words="提醒清洗")
    record_visit(cast.merchant, by=cast.grid_member, at=NOON)  # entered late
    assert Standing.objects.get(merchant=cast.merchant).last_visit_at == LATER
    assert [visit.at for visit in cast.merchant.visits.all()] == [LATER, NOON]


# ── the code ──


def test_a_reissued_code_revokes_the_old_one_which_says_so(cast: Cast) -> None:
    old = cast.merchant.codes.get()
    new = reissue_code(cast.merchant, why="copied", at=NOON, by=1)
    assert by_token(new.token) == cast.merchant
    revoked = by_token(old.token)
    assert isinstance(revoked, Revoked)
    assert revoked.merchant == cast.merchant
    assert (revoked.code.revoked_at, revoked.code.revoked_why) == (NOON, "copied")


@pytest.mark.parametrize("token", ["", "x", "A" * 22, "../../etc", "嘉" * 22])
def test_a_token_we_never_made_opens_nothing(cast: Cast, token: str) -> None:
    assert by_token(token) is None


def test_a_merchant_has_one_valid_code(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Code.objects.create(merchant=cast.merchant, issued_at=NOON)


def test_tokens_are_long_and_do_not_repeat() -> None:
    from lingxiu.merchants.models import new_token

    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(token) == 22 for token in tokens)


# ── finding ──


@pytest.fixture
def three(db: None) -> list[Merchant]:
    """一鲜居, 曾记面馆, KFC (嘉善店), with licences and standings that differ."""
    grid = make_areas()["33042100100101"]
    merchants = [
        make_merchant(
            "一鲜居", grid, 120.95, 30.85, licence_kind="food_licence", licence_no=LICENCE, phone="13800138000"
        ),
        make_merchant("曾记 面馆", grid, 120.95, 30.85, kind="noodle_shop"),
        make_merchant("KFC（嘉善店）", grid, 120.95, 30.85, scale="large", status="closed"),
    ]
    Standing.objects.filter(merchant=merchants[0]).update(fume_level=3, open_issues=2, device_state="offline")
    Standing.objects.filter(merchant=merchants[1]).update(fume_level=1)
    return merchants


def names(**wanted: str) -> list[str]:
    return sorted(find(Merchant.objects.all(), Wanted(**wanted), by_phone=True).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("鲜居", ["一鲜居"]),
        ("yxj", ["一鲜居"]),
        ("YiXian", ["一鲜居"]),
        ("xj", ["一鲜居"]),
        ("zengji", ["曾记 面馆"]),
        ("cjmg", ["曾记 面馆"]),  # 曾 may be read ceng, too
        ("曾记面馆", ["曾记 面馆"]),
        (LICENCE[-6:], ["一鲜居"]),
        (LICENCE.lower(), ["一鲜居"]),
        ("138 0013 8000", ["一鲜居"]),
        ("1380013800", []),  # half a phone number finds nobody
        ("100%", []),
        ("_", []),
        ("没有这家", []),
    ],
)
def test_merchants_are_found_by_whatever_is_known_of_them(three: list[Merchant], q: str, found: list[str]) -> None:
    assert names(q=q) == found


def test_the_closed_are_found_only_when_asked_for(three: list[Merchant]) -> None:
    assert names(q="kfc") == []
    assert names(q="kfc", status="closed") == names(q="kfc", status="all") == ["KFC（嘉善店）"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"level": "3"}, ["一鲜居"]),
        ({"level": "none", "status": "all"}, ["KFC（嘉善店）"]),
        ({"kind": "noodle_shop"}, ["曾记 面馆"]),
        ({"scale": "large", "status": "all"}, ["KFC（嘉善店）"]),
        ({"device": "offline"}, ["一鲜居"]),
        ({"issues": "open"}, ["一鲜居"]),
        ({"town": "330421103"}, []),
        ({"grid": "33042100100101", "q": "mg"}, ["曾记 面馆"]),
    ],
)
def test_each_filter_narrows(three: list[Merchant], wanted: dict[str, str], found: list[str]) -> None:
    assert names(**wanted) == found


def test_rows_written_in_bulk_are_found_too(cast: Cast) -> None:
    """The demo and imports write many at once, without `save()`."""
    merchants = [
        Merchant(name=f"老街{n}号", kind="stall", address="x", lng=120.95, lat=30.85, created_at=NOON, updated_at=NOON)
        for n in range(3)
    ]
    for merchant in merchants:
        merchant.derive()
    Merchant.objects.bulk_create(merchants)
    assert names(q="lj2h") == ["老街2号"]


def test_counts_come_in_one_query(three: list[Merchant], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        counted = counts(Merchant.objects.all())
    assert counted == {"level1": 1, "level2": 0, "level3": 1, "unrated": 1, "with_issues": 1, "offline": 1}


# ── the map ──


def test_the_map_is_one_query_and_shows_what_the_reader_may_see(cast: Cast, django_assert_num_queries: Any) -> None:
    _ = cast.leader.authority, cast.grid_member.authority
    with django_assert_num_queries(1):
        rows = map_rows(cast.leader)
    assert {row.name for row in rows} == {"一鲜居", "老街面馆"}
    row = next(row for row in rows if row.name == "一鲜居")
    assert "yxj" in row.search.split()
    assert (row.fume_level, row.open_issues, row.device_state) == (None, 0, "none")
    assert [row.name for row in map_rows(cast.grid_member)] == ["一鲜居"]


def test_search_uses_its_index(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = find(Merchant.objects.all(), Wanted(q="yixian", status="all"), by_phone=True).order_by().explain()
    assert "merchant_search" in plan
