"""The pages of the merchants room, as their readers use them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
import xlsxwriter
from django.test import Client
from python_calamine import CalamineWorkbook

from lingxiu.accounts.models import Bond, User
from lingxiu.china.identifiers import LicenceKind, food_licence
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant, Standing
from tests.cast import Cast, make_merchant

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
EN = {"accept-language": "en"}
LICENCE = food_licence(LicenceKind.CATERING, "330421", 1)


def signed_in(user: User) -> Client:
    client = Client(headers=EN)
    client.force_login(user)
    return client


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def dossier_fields(merchant: Merchant | None = None, **changed: Any) -> dict[str, Any]:
    """The dossier's form as the page would send it."""
    fields = {
        "name": "曾记小馆", "kind": "restaurant", "status": "open", "licence_kind": "", "licence_no": "", "licence_until": "",
        "uscc": "", "legal_person": "", "phone": "", "address": "解放路2号", "lng": "120.95", "lat": "30.85",
        "coordinates": "wgs84", "in_built_up": "on", "reference_stoves": "2", "scale": "", "seats": "", "floor_area_m2": "",
        "opened_on": "", "opens_at": "", "closes_at": "", "source": "officer", "submission": str(uuid4()),
    }  # fmt: skip
    if merchant is not None:
        known = {"name": merchant.name, "address": merchant.address, "lng": merchant.lng, "lat": merchant.lat}
        fields |= known | {
            "kind": merchant.kind,
            "reference_stoves": merchant.reference_stoves,
            "scale": merchant.scale,
        }
        fields |= {"licence_kind": merchant.licence_kind, "seen_at": merchant.updated_at.isoformat()}
    return fields | changed


# ── the list ──


def test_the_list_shows_what_the_reader_may_see(cast: Cast) -> None:
    assert "老街面馆" in page(signed_in(cast.county_officer), "/merchants/")
    seen = page(signed_in(cast.grid_member), "/merchants/")
    assert "一鲜居" in seen
    assert "老街面馆" not in seen


def test_an_address_with_filters_is_that_list(cast: Cast) -> None:
    client = signed_in(cast.county_officer)
    assert "老街面馆" not in page(client, "/merchants/?q=yxj")
    assert "一鲜居" not in page(client, "/merchants/?town=330421103")
    assert "Nothing found" in page(client, "/merchants/?level=3")


def test_the_list_is_a_fixed_number_of_queries_whatever_its_length(cast: Cast, django_assert_num_queries: Any) -> None:
    client = signed_in(cast.county_officer)
    page(client, "/merchants/")
    with django_assert_num_queries(11):
        page(client, "/merchants/?q=a&level=1")
    for number in range(60):
        make_merchant(f"面馆{number}", cast.merchant.area, 120.95, 30.85)  # type: ignore[arg-type]  # the cast's has one
    with django_assert_num_queries(11):
        page(client, "/merchants/")


def test_pages_lead_on_and_back(cast: Cast) -> None:
    for number in range(99):
        make_merchant(f"面馆{number:02}", cast.merchant.area, 120.95, 30.85)  # type: ignore[arg-type]  # the cast's has one
    client = signed_in(cast.county_officer)
    first, last = page(client, "/merchants/?sort=name"), page(client, "/merchants/?sort=name&page=99")
    assert "1–50 of 101" in first
    assert "/merchants/?sort=name&amp;page=2" in first
    assert "101–101 of 101" in last


@pytest.mark.parametrize("query", ["page=-1", "page=x", "page=99999999999", "sort=drop", "level=9", "scale=x", "q=%25"])
def test_an_address_somebody_bent_still_opens(cast: Cast, query: str) -> None:
    page(signed_in(cast.county_officer), f"/merchants/?{query}")


def test_the_worst_stand_first_when_asked_for(cast: Cast) -> None:
    Standing.objects.filter(merchant=cast.other_merchant).update(fume_level=3)
    Standing.objects.filter(merchant=cast.merchant).update(fume_level=1)
    shown = page(signed_in(cast.county_officer), "/merchants/?sort=level")
    assert shown.index("老街面馆") < shown.index("一鲜居")


def test_the_live_part_is_the_inside_alone(cast: Cast) -> None:
    part = page(signed_in(cast.county_officer), "/merchants/?part=list")
    assert "<html" not in part
    assert "一鲜居" in part


def test_an_empty_county_says_how_to_begin(cast: Cast) -> None:
    Merchant.objects.all().update(status="closed")
    assert "No merchant yet" in page(signed_in(cast.county_officer), "/merchants/")


# ── the dossier ──


def test_a_dossier_is_opened_and_a_second_tap_opens_no_second(cast: Cast) -> None:
    client, fields = signed_in(cast.county_officer), dossier_fields(phone="138 0013 8000")
    answers = [client.post("/merchants/new/", fields) for _ in range(2)]
    merchant = Merchant.objects.get(name="曾记小馆")
    assert [answer["Location"] for answer in answers] == [f"/merchants/{merchant.pk}/dossier/"] * 2
    assert (merchant.phone, merchant.scale, merchant.sources["phone"]["source"]) == ("13800138000", "small", "officer")
    assert merchant.standing.open_issues == 0


def test_a_refused_dossier_keeps_what_was_typed_and_says_what_is_wrong(cast: Cast) -> None:
    client = signed_in(cast.county_officer)
    answer = client.post("/merchants/new/", dossier_fields(address="很长的地址", lng="120.2", uscc="123"))
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "很长的地址" in shown
    assert "“123” has 3 characters, not 18" in shown
    assert (
        "lies outside the county" not in shown
    )  # one thing after the other: the place is looked up when all is written well
    answer = client.post("/merchants/new/", dossier_fields(lng="120.2"))
    assert "120.20000, 30.85000 lies outside the county" in answer.content.decode()
    assert not Merchant.objects.filter(name="曾记小馆").exists()


def test_a_form_refused_once_can_be_mended_and_sent_with_the_same_number(cast: Cast) -> None:
    client, fields = signed_in(cast.county_officer), dossier_fields(lng="120.2")
    assert client.post("/merchants/new/", fields).status_code == 422
    assert client.post("/merchants/new/", {**fields, "lng": "120.95"}).status_code == 302


def test_a_dispatcher_enters_merchants_of_their_own_town(cast: Cast) -> None:
    client = signed_in(cast.dispatcher)
    answer = client.post("/merchants/new/", dossier_fields(lng="120.85", lat="30.95"))
    assert "This place lies in 西塘镇" in answer.content.decode()
    assert client.post("/merchants/new/", dossier_fields()).status_code == 302


def test_a_change_is_saved_with_its_source_and_told_by_its_fields(cast: Cast) -> None:
    client, merchant = signed_in(cast.county_officer), cast.merchant
    with time_machine.travel(NOON, tick=False):
        answer = client.post(
            f"/merchants/{merchant.pk}/dossier/", dossier_fields(merchant, seats="40", source="owner"), follow=True
        )
    assert "Saved: Seats." in answer.content.decode()
    merchant.refresh_from_db()
    assert merchant.seats == 40
    assert merchant.sources["seats"] == {"source": "owner", "at": NOON.isoformat()}
    assert Entry.objects.get(kind="merchant.updated").reference["fields"] == ["seats"]
    assert "told by the owner 2026-03-05" in page(signed_in(cast.county_officer), f"/merchants/{merchant.pk}/dossier/")


def test_an_empty_phone_keeps_the_one_that_is_known(cast: Cast) -> None:
    Merchant.objects.filter(pk=cast.merchant.pk).update(phone="13800138000")
    cast.merchant.refresh_from_db()
    client = signed_in(cast.county_officer)
    client.post(f"/merchants/{cast.merchant.pk}/dossier/", dossier_fields(cast.merchant, seats="40"))
    cast.merchant.refresh_from_db()
    assert cast.merchant.phone == "13800138000"
    client.post(f"/merchants/{cast.merchant.pk}/dossier/", dossier_fields(cast.merchant, phone="139 0013 9000"))
    cast.merchant.refresh_from_db()
    assert cast.merchant.phone == "13900139000"


def test_who_saves_second_is_told_and_loses_nothing(cast: Cast) -> None:
    client, merchant = signed_in(cast.county_officer), cast.merchant
    opened = dossier_fields(merchant)
    client.post(f"/merchants/{merchant.pk}/dossier/", {**opened, "seats": "40"})
    second = {**opened, "address": "中山路9号", "submission": str(uuid4())}
    answer = client.post(f"/merchants/{merchant.pk}/dossier/", second)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "Somebody else saved this dossier at" in shown
    assert "中山路9号" in shown
    merchant.refresh_from_db()
    assert merchant.updated_at.isoformat() in shown  # sent again as it is, it passes


def test_a_licence_somebody_has_is_named_with_its_holder(cast: Cast) -> None:
    Merchant.objects.filter(pk=cast.other_merchant.pk).update(licence_no=LICENCE)
    client = signed_in(cast.county_officer)
    fields = dossier_fields(cast.merchant, licence_no=LICENCE)
    shown = client.post(f"/merchants/{cast.merchant.pk}/dossier/", fields).content.decode()
    assert f"“{LICENCE}” is the licence of “老街面馆” already" in shown


def test_who_only_reads_sees_the_facts_and_no_form(cast: Cast) -> None:
    shown = page(signed_in(cast.leader), f"/merchants/{cast.merchant.pk}/dossier/")
    assert "人民大道1号" in shown
    assert 'name="address"' not in shown
    assert signed_in(cast.leader).post(f"/merchants/{cast.merchant.pk}/dossier/", dossier_fields()).status_code == 403


def test_another_towns_dossier_does_not_exist(cast: Cast) -> None:
    client = signed_in(cast.dispatcher)
    assert client.get(f"/merchants/{cast.other_merchant.pk}/dossier/").status_code == 404
    assert client.post(f"/merchants/{cast.other_merchant.pk}/dossier/", dossier_fields()).status_code == 404


# ── the person behind the stars ──


@pytest.fixture
def personal(cast: Cast) -> Merchant:
    """A merchant whose owner is known by name and number."""
    cast.merchant.legal_person, cast.merchant.phone = "王小明", "13800138000"
    cast.merchant.save()
    return cast.merchant


@pytest.mark.parametrize("role", ["county_officer", "town_dispatcher", "grid_member", "leader", "department_officer"])
def test_name_and_number_are_masked_for_everybody(cast: Cast, personal: Merchant, role: str) -> None:
    shown = page(signed_in(cast.by_role[role]), f"/merchants/{personal.pk}/dossier/")
    assert "王**" in shown
    assert "138****8000" in shown
    assert "王小明" not in shown
    assert "13800138000" not in shown


def test_who_needs_them_may_look_and_each_look_is_kept(cast: Cast, personal: Merchant) -> None:
    client = signed_in(cast.county_officer)
    for _ in range(2):
        shown = client.post(f"/merchants/{personal.pk}/dossier/person/").content.decode()
        assert "王小明" in shown
        assert 'href="tel:13800138000"' in shown
    looks = Entry.objects.filter(kind="personal_data.seen")
    assert [(entry.actor_id, entry.merchant_id) for entry in looks] == [(cast.county_officer.pk, personal.pk)] * 2
    assert "13800138000" not in str([entry.reference for entry in looks])


def test_who_edits_without_that_right_does_not_see_them_either(cast: Cast, personal: Merchant) -> None:
    client = signed_in(cast.dispatcher)
    assert client.post(f"/merchants/{personal.pk}/dossier/person/").status_code == 403
    fields = dossier_fields(personal, lng="120.2")
    shown = client.post(f"/merchants/{personal.pk}/dossier/", fields).content.decode()
    assert "13800138000" not in shown
    assert not Entry.objects.filter(kind="personal_data.seen").exists()


# ── facilities, care, visits, people ──


def test_a_facility_is_added_and_removed(cast: Cast) -> None:
    client, at = signed_in(cast.county_officer), f"/merchants/{cast.merchant.pk}"
    client.post(f"{at}/facilities/", {"kind": "purifier", "maker": "云净", "submission": str(uuid4())})
    facility = cast.merchant.facilities.get()
    assert "云净" in page(client, f"{at}/dossier/")
    client.post(f"{at}/facilities/{facility.pk}/remove/")
    assert "云净" not in page(client, f"{at}/dossier/")
    assert client.post(f"/merchants/{cast.other_merchant.pk}/facilities/{facility.pk}/remove/").status_code == 404


def care(client: Client, merchant: Merchant, **changed: str) -> Any:
    fields = {
        "kind": "waste_handed_over",
        "on": "2026-03-04",
        "kg": "30",
        "by": "",
        "submission": str(uuid4()),
        **changed,
    }
    with time_machine.travel(NOON, tick=False):
        return client.post(f"/merchants/{merchant.pk}/care/", fields)


def test_an_officer_enters_what_was_cleaned_or_handed_over(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        client = signed_in(cast.dispatcher)
    assert care(client, cast.merchant).status_code == 302
    row = cast.merchant.care.get()
    assert (row.kg, row.recorded_by) == (30, cast.dispatcher.pk)


def test_care_of_tomorrow_and_waste_without_a_weight_are_refused(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        client = signed_in(cast.county_officer)
    answer = care(client, cast.merchant, on=(NOON + timedelta(days=1)).date().isoformat(), kg="")
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "has not come yet" in shown
    assert "How many kilograms" in shown
    assert not cast.merchant.care.exists()


def test_a_visit_is_recorded_once_and_stands_in_the_dossier(cast: Cast) -> None:
    client, at = signed_in(cast.grid_member), f"/merchants/{cast.merchant.pk}"
    page(client, f"{at}/visit/")
    fields = {"words": "提醒清洗", "submission": str(uuid4())}
    for _ in range(2):
        assert client.post(f"{at}/visit/", fields)["Location"] == f"{at}/"
    assert cast.merchant.visits.count() == 1
    assert "提醒清洗" in page(client, f"{at}/dossier/")
    assert Standing.objects.get(merchant=cast.merchant).last_visit_at is not None


def test_an_owner_is_bound_at_the_door_and_unbound(cast: Cast) -> None:
    client, at = signed_in(cast.grid_member), f"/merchants/{cast.merchant.pk}"
    fields = {"kind": "owner", "name": "王小明", "phone": "137 0000 0001", "submission": str(uuid4())}
    assert client.post(f"{at}/people/", fields).status_code == 302
    bond = Bond.objects.latest("id")
    assert bond.user.authority.merchant_ids == {cast.merchant.pk}
    assert "137****0001" in page(client, f"{at}/dossier/")
    client.post(f"{at}/people/{bond.pk}/end/")
    assert "137****0001" not in page(client, f"{at}/dossier/")


def test_who_is_known_as_a_company_becomes_an_owner_by_the_dispatcher_alone(cast: Cast) -> None:
    at = f"/merchants/{cast.merchant.pk}/people/"
    fields = {"kind": "owner", "name": "王", "phone": cast.waste_hauler.phone}
    answer = signed_in(cast.grid_member).post(at, fields | {"submission": str(uuid4())})
    assert answer.status_code == 422
    assert "Ask the town&#x27;s dispatcher to enter them as owner" in answer.content.decode()
    assert not Bond.objects.filter(user=cast.waste_hauler, kind="owner").exists()
    assert signed_in(cast.dispatcher).post(at, fields | {"submission": str(uuid4())}).status_code == 302
    assert Bond.objects.filter(user=cast.waste_hauler, kind="owner").exists()


def test_a_disabled_persons_number_is_refused_in_words(cast: Cast) -> None:
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    fields = {"kind": "owner", "name": "王", "phone": cast.owner.phone, "submission": str(uuid4())}
    answer = signed_in(cast.dispatcher).post(f"/merchants/{cast.merchant.pk}/people/", fields)
    assert answer.status_code == 422
    assert "whose sign-in was disabled" in answer.content.decode()


def test_only_who_edits_or_visits_binds_anybody(cast: Cast) -> None:
    fields = {"kind": "owner", "name": "x", "phone": "13700000001"}
    assert signed_in(cast.leader).post(f"/merchants/{cast.merchant.pk}/people/", fields).status_code == 403
    assert signed_in(cast.other_grid_member).post(f"/merchants/{cast.merchant.pk}/people/", fields).status_code == 404


def test_a_dossier_sent_with_a_time_that_is_none_is_answered(cast: Cast) -> None:
    sent = dossier_fields(cast.merchant, seen_at="2026-13-45T99:99:99Z", name="甲")
    assert signed_in(cast.county_officer).post(f"/merchants/{cast.merchant.pk}/dossier/", sent).status_code == 302


@pytest.mark.parametrize("role", ["county_officer", "town_dispatcher", "grid_member", "leader", "town_officer"])
def test_only_who_may_see_numbers_finds_whose_they_are(cast: Cast, role: str) -> None:
    cast.merchant.phone = "13800138000"
    cast.merchant.save()
    client = signed_in(cast.by_role[role])
    assert ("一鲜居" in page(client, "/merchants/?q=13800138000")) == (role == "county_officer")
    assert ("licence, phone" in page(client, "/merchants/")) == (role == "county_officer")


def test_a_sheet_of_labels_does_not_tell_whose_number_it_is_either(cast: Cast) -> None:
    cast.merchant.phone = "13800138000"
    cast.merchant.save()
    assert "No code to print" in page(signed_in(cast.dispatcher), "/merchants/labels/?q=13800138000")
    assert "No code to print" not in page(signed_in(cast.county_officer), "/merchants/labels/?q=13800138000")


# ── codes and labels ──


def test_a_code_is_replaced_with_a_reason(cast: Cast) -> None:
    client, at = signed_in(cast.dispatcher), f"/merchants/{cast.merchant.pk}/code/"
    old = cast.merchant.codes.get()
    assert f"/m/{old.token}" in page(client, at)
    assert client.post(at, {"why": "", "submission": str(uuid4())}).status_code == 422
    fields = {"why": "转让", "submission": str(uuid4())}
    for _ in range(2):
        client.post(at, fields)
    assert cast.merchant.codes.count() == 2
    shown = page(client, at)
    assert "转让" in shown
    assert f"/m/{old.token}" not in shown


def test_labels_are_counted_then_printed_and_noted(cast: Cast) -> None:
    client = signed_in(cast.county_officer)
    assert page(client, "/merchants/labels/?town=330421001").count("Make the PDF") == 1
    answer = client.post("/merchants/labels/", {"town": "330421001", "sheet": "door", "start": "2"})
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    assert cast.merchant.codes.get().printed_at is not None
    assert cast.other_merchant.codes.get().printed_at is None
    assert Entry.objects.get(kind="codes.printed").reference == {"count": 1}
    assert "No code to print" in page(client, "/merchants/labels/?town=330421001&fresh=1")


def test_the_labels_of_a_filtered_list_are_those_it_shows(cast: Cast) -> None:
    client = signed_in(cast.county_officer)
    assert 'href="/merchants/labels/?q=lj' in page(client, "/merchants/?q=lj")
    assert "Only those the list was filtered to" in page(client, "/merchants/labels/?q=lj")
    client.post("/merchants/labels/", {"q": "lj"})
    assert cast.other_merchant.codes.get().printed_at is not None
    assert cast.merchant.codes.get().printed_at is None


def test_a_dispatcher_prints_the_codes_of_their_own_town_alone(cast: Cast) -> None:
    client = signed_in(cast.dispatcher)
    answer = client.post("/merchants/labels/", {"town": "330421103"})
    assert answer.status_code == 422
    assert cast.other_merchant.codes.get().printed_at is None


@pytest.mark.parametrize("query", ["start=99", "start=x", "sheet=none", "merchant=x", "merchant=9999", "grid=%27"])
def test_a_bent_address_of_the_labels_still_opens(cast: Cast, query: str) -> None:
    page(signed_in(cast.county_officer), f"/merchants/labels/?{query}")


# ── lists taken in ──


def upload(client: Client, wish: str, *rows: list[Any]) -> Any:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate([["店名", "业态", "地址", "经度", "纬度", "许可证号"], *rows]):
            sheet.write_row(number, 0, cells)
    file = io.BytesIO(out.getvalue())
    file.name = "list.xlsx"
    return client.post("/merchants/import/", {"file": file, "coordinates": "wgs84", "wish": wish})


GOOD, BAD = ["新店", "面馆", "解放路1号", 120.95, 30.85], ["外地店", "面馆", "外地路1号", 100.0, 30.85]


def test_a_list_is_looked_through_then_taken_in(cast: Cast) -> None:
    client = signed_in(cast.county_officer)
    shown = upload(client, "look", GOOD, BAD).content.decode()
    assert "Nothing was written" in shown
    assert "lies outside the county" in shown
    assert not Merchant.objects.filter(name="新店").exists()
    assert "Taken in" in upload(client, "take", GOOD, BAD).content.decode()
    assert Merchant.objects.get(name="新店").sources["name"]["source"] == "import"


def test_the_refused_rows_come_back_as_a_sheet(cast: Cast) -> None:
    answer = upload(signed_in(cast.county_officer), "refused", GOOD, BAD)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows] == ["店名", "外地店"]
    assert not Merchant.objects.filter(name="新店").exists()


def test_a_dispatcher_takes_in_merchants_of_their_own_town(cast: Cast) -> None:
    other_town = ["新店", "面馆", "解放路1号", 120.85, 30.95]
    assert "This place lies in 西塘镇" in upload(signed_in(cast.dispatcher), "take", other_town).content.decode()
    assert not Merchant.objects.filter(name="新店").exists()


def test_a_dispatcher_does_not_take_over_another_towns_merchant_by_a_list(cast: Cast) -> None:
    Merchant.objects.filter(pk=cast.other_merchant.pk).update(licence_no=LICENCE)
    before = Merchant.objects.values().get(pk=cast.other_merchant.pk)
    by_licence = ["魏塘的店", "面馆", "解放路1号", 120.95, 30.85, LICENCE]
    by_name = [cast.other_merchant.name, "面馆", cast.other_merchant.address, 120.95, 30.85, ""]
    client = signed_in(cast.dispatcher)
    for row, field in ((by_licence, f"Licence number “{LICENCE}”"), (by_name, "Name of the shop")):
        told = upload(client, "take", row).content.decode()
        assert f"{field} names “老街面馆”, which stands in 西塘镇" in told
        assert Merchant.objects.values().get(pk=cast.other_merchant.pk) == before
        Merchant.objects.filter(pk=cast.other_merchant.pk).update(licence_no="")
        before |= {"licence_no": "", "search": Merchant.objects.get(pk=cast.other_merchant.pk).search}
    assert upload(signed_in(cast.county_officer), "take", by_name).status_code == 200
    assert Merchant.objects.get(pk=cast.other_merchant.pk).town == cast.town.town


def test_a_file_that_is_no_list_is_refused_with_the_mend(cast: Cast) -> None:
    client = signed_in(cast.county_officer)
    file = io.BytesIO(b"%PDF")
    file.name = "list.pdf"
    answer = client.post("/merchants/import/", {"file": file, "coordinates": "wgs84", "wish": "look"})
    assert (answer.status_code, "neither .xlsx nor .csv" in answer.content.decode()) == (422, True)
    assert client.post("/merchants/import/", {"coordinates": "wgs84"}).status_code == 422


def test_the_empty_list_can_be_had(cast: Cast) -> None:
    answer = signed_in(cast.county_officer).get("/merchants/import/template.xlsx")
    assert answer["Content-Disposition"] == 'attachment; filename="merchants.xlsx"'
    assert answer.content.startswith(b"PK")
