"""The page of figures, its documents, the exports, key places and the two lists of merchants."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from docx import Document

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.lookback import actions, docx, words
from lingxiu.issues.lookback.asking import Asked
from lingxiu.issues.lookback.figures import Period, period_around
from lingxiu.issues.lookback.models import KeyPlace, Listing
from lingxiu.issues.lookback.queries import listed, near_key_place
from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast
from tests.issues.world import LATER, complain, do, find, to_closed

PAGE = "/issues/lookback/?period=month&day=2026-03-05"


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    content: bytes = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode()


@pytest.fixture
def world(cast: Cast) -> Cast:
    to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    row = complain(cast.merchant, name="王小明", phone="13812345678")
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    complain(cast.other_merchant)
    return cast


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("kind", ["day", "week", "month", "quarter", "days"])
def test_the_page_stands_for_every_kind_of_period(world: Cast, language: str, kind: str) -> None:
    dates = "&from=2026-02-26&to=2026-03-25" if kind == "days" else "&day=2026-03-05"
    page = text_of(browser(world.county_officer, language).get(f"/issues/lookback/?period={kind}{dates}"))
    assert ("简易快速处置率" if language == "zh-hans" else "Handled quickly") in page


ODD = [
    "",
    "?period=month&day=9999-12-31",
    "?period=days&from=0002-01-01&to=0003-01-01",
    "?period=week&day=nonsense&town=%27&near=2",
    "?period=days&from=2026-03-05&to=2026-03-01",
]


@pytest.mark.parametrize("query", ODD)
def test_odd_addresses_give_this_month(world: Cast, query: str) -> None:
    assert browser(world.county_officer).get(f"/issues/lookback/{query}").status_code == 200


def test_each_link_of_the_page_opens_a_list_of_as_many_rows(world: Cast) -> None:
    client = browser(world.county_officer, "en")
    page = text_of(client.get(PAGE))
    links = re.findall(r'<a class="number" href="(/issues/\?[^"]*)">([\d,]+)</a>', page)
    assert len(links) > 60
    for url, number in {link: link for link in links if link[1] != "0"}:
        shown = text_of(client.get(url.replace("&amp;", "&")))
        assert len(set(re.findall(r"/issues/(\d{13})/", shown))) == int(number), url


def test_a_town_sees_its_own_figures_and_no_comparison(world: Cast) -> None:
    page = text_of(browser(world.dispatcher).get(PAGE))
    assert "魏塘街道" in page
    assert "table-towns" not in page
    assert "西塘镇" not in page
    assert "table-towns" in text_of(browser(world.county_officer).get(PAGE))


def test_no_person_is_named_or_ranked(world: Cast) -> None:
    page = text_of(browser(world.county_officer).get(PAGE))
    body = page[page.index("<main") :]
    for person in (world.grid_member, world.dispatcher, world.town_officer):
        assert f">{person.name}<" not in body


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_periods_begin_and_end_as_in_the_county() -> None:
    day = date(2026, 3, 5)
    assert period_around("week", day) == Period("week", date(2026, 3, 2), date(2026, 3, 8))
    assert period_around("quarter", day) == Period("quarter", date(2026, 1, 1), date(2026, 3, 31))
    assert period_around("month", date(2024, 2, 29)).until == date(2024, 2, 29)
    assert period_around("month", date(2026, 1, 5)).before() == period_around("month", date(2025, 12, 1))


@pytest.mark.parametrize("kind", ["day", "week", "month", "quarter"])
def test_periods_follow_one_another_without_a_gap(kind: str) -> None:
    period = period_around(kind, date(2023, 12, 31))
    for _ in range(60):
        following = period.after()
        assert following.since == period.until + timedelta(days=1)
        assert following.before() == period
        period = following


def test_half_a_month_is_held_against_half_a_month() -> None:
    march = period_around("month", date(2026, 3, 5))
    assert march.year_before(date(2026, 3, 5)) == Period("days", date(2025, 3, 1), date(2025, 3, 5))
    assert march.year_before(date(2026, 5, 1)) == period_around("month", date(2025, 3, 1))
    assert period_around("month", date(2024, 2, 29)).year_before(date(2026, 1, 1)).until == date(2023, 2, 28)


def test_an_address_asks_for_what_it_was_made_from() -> None:
    for query in ("period=days&from=2026-02-26&to=2026-03-25&town=330421001", "period=week&day=2026-03-02&near=1"):
        asked = Asked.read(dict(pair.split("=") for pair in query.split("&")), date(2026, 3, 5))
        assert asked.query == query


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────


def document_of(response: Any) -> Any:
    assert response.status_code == 200
    return Document(io.BytesIO(response.content))


def cells(document: Any) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for table in document.tables for row in table.rows]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("kind", ["week", "month", "notice"])
def test_every_figure_of_the_document_is_the_pages(world: Cast, kind: str, language: str) -> None:
    client = browser(world.county_officer, language)
    query = f"period={'month' if kind == 'notice' else kind}&day=2026-03-05"
    page = "".join(text_of(client.get(f"/issues/lookback/{part}?{query}")) for part in ("", "units/"))
    document = document_of(client.get(f"/issues/lookback/report.docx?kind={kind}&{query}"))
    rows = cells(document)
    assert len(rows) > 10
    tables = {
        tuple(
            html.unescape(re.sub(r"<[^>]+>", "", cell)).strip()
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)
        )
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    }
    lines = re.findall(r'<span>([^<]*)</span><span class="number(?: strong)?">([^<]*)</span>', page)
    headings = {tuple(cell.text for cell in table.rows[0].cells) for table in document.tables}
    told = {tuple(row) for row in rows} - headings
    assert len(told) > 7
    assert told <= tables | set(lines)
    assert not any("{{" in paragraph.text or "{%" in paragraph.text for paragraph in document.paragraphs)


def test_the_document_says_what_is_made_up(world: Cast) -> None:
    client = browser(world.county_officer)
    said = "虚构数据"
    url = "/issues/lookback/report.docx?kind=month&period=month&day=2026-03-05"
    assert not any(said in paragraph.text for paragraph in document_of(client.get(url)).paragraphs)
    Issue.objects.filter(merchant=world.merchant).update(synthetic=True)
    assert any(said in paragraph.text for paragraph in document_of(client.get(url)).paragraphs)
    assert said in text_of(client.get(PAGE))


def test_an_unknown_kind_of_report_is_not_there(world: Cast) -> None:
    assert browser(world.county_officer).get("/issues/lookback/report.docx?kind=../x").status_code == 404


def test_a_county_gives_its_own_template(world: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "templates" / "week.docx"
    own.parent.mkdir()
    page = Document()
    page.add_paragraph("嘉善 {{ title }} {{ way.rows[0][1] }}")
    page.save(str(own))
    monkeypatch.setattr(docx, "template", lambda kind: own)
    found = document_of(browser(world.county_officer).get("/issues/lookback/report.docx?kind=week&day=2026-03-05"))
    assert found.paragraphs[-1].text == "嘉善 问题清单周报 3"


def test_a_template_with_a_mistake_is_named(world: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "week.docx"
    page = Document()
    page.add_paragraph("{{ title.__class__.__mro__ }} {% if %}")
    page.save(str(own))
    monkeypatch.setattr(docx, "template", lambda kind: own)
    response = browser(world.county_officer).get("/issues/lookback/report.docx?kind=week")
    assert response.status_code == 500
    assert "week.docx" in text_of(response)


def test_a_complaints_decline_says_when_there_is_no_year_before(world: Cast) -> None:
    assert "没有上年同期数据可比" in text_of(browser(world.county_officer).get(PAGE))


# ── exports ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_csv_opens_in_excel_and_holds_no_formula_and_no_reporter(world: Cast) -> None:
    for number, words_ in enumerate(("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1")):
        issue = find(world.grid_member, "D-HOOD", at=LATER, merchant=world.merchant)
        Issue.objects.filter(pk=issue.pk).update(summary=words_, place=f"={number}")
    said = text_of(browser(world.county_officer).get("/issues/export.csv?view=all"))
    assert said.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(said[1:])))
    assert len(rows) == 1 + Issue.objects.count()
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row)
    assert "王小明" not in said
    assert "1381234" not in said


def test_the_csv_is_of_the_filter(world: Cast) -> None:
    said = text_of(browser(world.county_officer).get("/issues/export.csv?view=all&state=closed"))
    assert len(list(csv.reader(io.StringIO(said)))) == 1 + Issue.objects.filter(state="closed").count()


def test_geojson_holds_points_and_codes_and_nobodys_words(world: Cast) -> None:
    complain(None, place="某小区3幢", lng=120.923456, lat=30.851234, words="我家在三楼")
    said = text_of(browser(world.county_officer).get("/issues/export.geojson?view=all"))
    features = json.loads(said)["features"]
    assert len(features) == Issue.objects.count()
    for secret in ("王小明", "13812345678", "晚上十点", "我家在三楼", "某小区3幢"):
        assert secret not in said
    places = {row["properties"]["merchant"]: row["geometry"]["coordinates"] for row in features if row["geometry"]}
    assert places["一鲜居"] == [120.92, 30.85]
    assert places[None] == [120.923, 30.851], "where people said it was is told to some 100 m"


def test_a_town_exports_its_own(world: Cast) -> None:
    said = text_of(browser(world.dispatcher).get("/issues/export.geojson"))
    assert {row["properties"]["town"] for row in json.loads(said)["features"]} == {"330421001"}


# ── key places ───────────────────────────────────────────────────────────────────────────────────────────────────


def place(**values: Any) -> actions.Place:
    return actions.Place(
        **{"kind": "school", "name": "实验小学", "lng": 120.92, "lat": 30.85, "radius_m": 200, **values}
    )


def test_a_point_is_near_a_key_place_within_its_metres(cast: Cast) -> None:
    row = actions.add_place(place(), by=cast.county_officer, at=NOON)
    east = 1 / 95_570  # a metre of longitude at 30.85° north
    assert near_key_place(120.92, 30.85)
    assert near_key_place(120.92 + 199 * east, 30.85)
    assert not near_key_place(120.92 + 202 * east, 30.85)
    assert near_key_place(120.92, 30.85 + 199 / 111_320)
    assert not near_key_place(120.92 + 160 * east, 30.85 + 160 / 111_320), "a corner of the box is outside the circle"
    for metres_east in range(-300, 301, 25):
        for metres_north in range(-300, 301, 25):
            at = (120.92 + metres_east * east, 30.85 + metres_north / 111_320)
            assert row.holds(*at) == near_key_place(*at), "a row at hand says what the table says"


def test_a_place_taken_off_counts_no_more_and_can_come_back(cast: Cast) -> None:
    row = actions.add_place(place(), by=cast.county_officer, at=NOON)
    with pytest.raises(actions.KnownAlready):
        actions.add_place(place(), by=cast.county_officer, at=NOON)
    browser(cast.county_officer).post(f"/issues/lookback/places/{row.pk}/remove/")
    assert not near_key_place(120.92, 30.85)
    actions.add_place(place(), by=cast.county_officer, at=NOON)
    assert near_key_place(120.92, 30.85)


def test_the_office_enters_a_place_and_finds_the_issues_near_it(world: Cast) -> None:
    client = browser(world.county_officer)
    said = {"kind": "school", "name": "实验小学", "lng": "120.9205", "lat": "30.85", "radius_m": "100"}
    assert client.post("/issues/lookback/places/", said).status_code == 302
    assert client.post("/issues/lookback/places/", said).status_code == 422
    near = text_of(client.get("/issues/?view=all&near=1"))
    assert set(re.findall(r"/issues/(\d{13})/", near)) == set(
        Issue.objects.filter(merchant=world.merchant).values_list("number", flat=True)
    )


def test_places_come_from_geojson_or_nothing_does(cast: Cast) -> None:
    client = browser(cast.county_officer)

    def send(features: object) -> int:
        body = json.dumps({"type": "FeatureCollection", "features": features}).encode()
        return client.post("/issues/lookback/places/", {"file": SimpleUploadedFile("a.geojson", body)}).status_code

    def feature(**said: object) -> dict[str, object]:
        return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [120.9, 30.9]},
                "properties": {"kind": "school", "name": "一小", **said}}  # fmt: skip

    assert send([feature(), feature(name="二小", radius_m=300)]) == 302
    assert send([feature(), feature(name="三小")]) == 302, "what is known is passed over"
    for wrong in (feature(kind="bar"), feature(radius_m=99999), {"geometry": None}, 7, feature(radius_m="far")):
        assert send([feature(name="四小"), wrong]) == 422
    assert sorted(KeyPlace.objects.values_list("name", flat=True)) == ["一小", "三小", "二小"]


# ── the red and the black list ───────────────────────────────────────────────────────────────────────────────────


def proposed(cast: Cast, colour: str = "black", **values: Any) -> Listing:
    said = {"reason": "多次直排", "document_number": "善餐〔2026〕3号", "since": NOON.date(),
            "until": NOON.date() + timedelta(days=90), "by": cast.town_officer, "at": NOON, **values}  # fmt: skip
    return actions.propose(cast.merchant, colour, **said)


def test_a_listing_counts_from_another_persons_approval_until_its_day(world: Cast) -> None:
    row = proposed(world)
    client = browser(world.county_officer)
    assert "一鲜居" not in text_of(client.get("/issues/?view=all&listed=black"))
    client.post(f"/issues/lookback/listings/{row.pk}/", {"do": "approve"})
    row.refresh_from_db()
    assert row.approved_by == world.county_officer
    assert "一鲜居" in text_of(client.get("/issues/?view=all&listed=black"))
    assert "一鲜居" not in text_of(client.get("/issues/?view=all&listed=red"))
    with time_machine.travel(NOON + timedelta(days=91), tick=False):
        assert "一鲜居" not in text_of(browser(world.county_officer).get("/issues/?view=all&listed=black"))
    assert list(Entry.objects.filter(subject_kind="listing").order_by("id").values_list("kind", "merchant_id", "public")) == [
        ("listing.proposed", None, False), ("listing.approved", None, False),
    ], "told to officers, never to the merchant or outside"  # fmt: skip


def test_a_row_says_on_which_list_its_shop_stands(world: Cast) -> None:
    badge = re.compile(r'>([^<]+)</span> <span class="badge tone-(\w+)">')
    client = browser(world.county_officer)
    assert badge.findall(text_of(client.get("/issues/?view=all"))) == []
    actions.approve(proposed(world, "red"), by=world.county_officer, at=NOON)
    listed_rows = badge.findall(text_of(client.get("/issues/?view=all")))
    assert set(listed_rows) == {("一鲜居", "success")}
    assert len(listed_rows) == Issue.objects.filter(merchant=world.merchant).count()
    assert badge.findall(text_of(browser(world.other_dispatcher).get("/issues/?view=all"))) == []


def test_a_list_of_merchants_is_told_of_all_at_once(cast: Cast) -> None:
    for colour in ("red", "black"):
        assert listed([cast.merchant.pk, cast.other_merchant.pk], NOON.date()) == {} or colour == "black"
        actions.approve(proposed(cast, colour), by=cast.county_officer, at=NOON)
    assert listed([cast.merchant.pk, cast.other_merchant.pk], NOON.date()) == {cast.merchant.pk: "black"}


def test_nobody_approves_their_own_proposal_not_even_past_the_page(cast: Cast) -> None:
    row = proposed(cast, by=cast.county_officer)
    answer = browser(cast.county_officer).post(f"/issues/lookback/listings/{row.pk}/", {"do": "approve"}, follow=True)
    assert "须由另一人批准" in text_of(answer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Listing.objects.filter(pk=row.pk).update(approved_by=cast.county_officer, approved_at=NOON)


def test_there_is_one_open_listing_a_merchant_and_colour(cast: Cast) -> None:
    row = proposed(cast)
    with pytest.raises(actions.KnownAlready):
        proposed(cast)
    proposed(cast, "red")
    actions.end(row, why="撤回", by=cast.county_officer, at=NOON)
    proposed(cast, until=NOON.date())
    later = NOON + timedelta(days=2)
    proposed(cast, since=later.date(), until=later.date(), at=later)
    assert Listing.objects.filter(ended_why=actions.EXPIRED).count() == 1


def test_a_town_officer_proposes_and_notes_an_objection_but_does_not_decide(cast: Cast) -> None:
    client = browser(cast.town_officer)
    said = {"merchant": cast.merchant.pk, "colour": "red", "reason": "示范", "document_number": "1号",
            "since": "2026-03-05", "until": "2026-06-30"}  # fmt: skip
    assert client.post("/issues/lookback/listings/", said).status_code == 302
    assert client.post("/issues/lookback/listings/", {**said, "until": "2026-03-01"}).status_code == 422
    row = Listing.objects.get()
    url = f"/issues/lookback/listings/{row.pk}/"
    assert client.post(url, {"do": "end", "words": "x"}).status_code == 403
    client.post(url, {"do": "object", "words": "店主说不属实"})
    row.refresh_from_db()
    assert row.objection == "店主说不属实"
    assert "店主说不属实" in text_of(browser(cast.leader).get("/issues/lookback/listings/"))
    assert browser(cast.other_dispatcher).post(url, {"do": "object", "words": "x"}).status_code == 404


def test_what_waits_for_a_decision_stands_before_what_is_over_however_much_there_was(cast: Cast) -> None:
    waits = proposed(cast)
    over = {
        "merchant": cast.other_merchant, "colour": "red", "reason": "示范", "since": NOON.date(), "until": NOON.date(),
        "proposed_by": cast.county_officer, "proposed_at": LATER, "ended_at": LATER, "ended_why": "到期",
    }  # fmt: skip
    Listing.objects.bulk_create(Listing(document_number=f"第{n}号", **over) for n in range(50))
    client, at = browser(cast.leader), "/issues/lookback/listings/"
    first = client.get(at)
    assert next(entry["row"] for entry in first.context["rows"]) == waits
    assert 'rel="next"' in text_of(first) and "共 51" in re.sub(r"<[^>]+>", "", text_of(first))
    last = client.get(f"{at}?page=2")
    assert len(last.context["rows"]) == 1 and 'rel="prev"' in text_of(last)
    assert client.get(f"{at}?page=x").status_code == 200


def test_an_ending_needs_words(cast: Cast) -> None:
    row = proposed(cast)
    client = browser(cast.county_officer)
    client.post(f"/issues/lookback/listings/{row.pk}/", {"do": "end", "words": " "})
    row.refresh_from_db()
    assert row.ended_at is None
    client.post(f"/issues/lookback/listings/{row.pk}/", {"do": "end", "words": "证据不足"})
    row.refresh_from_db()
    assert row.ended_why == "证据不足"


def test_the_lists_are_never_public(cast: Cast) -> None:
    actions.approve(proposed(cast), by=cast.county_officer, at=NOON)
    token = cast.merchant.codes.get().token
    for who in (None, cast.owner):
        client = browser(who) if who else Client()
        assert "多次直排" not in text_of(client.get(f"/m/{token}", follow=True))
        assert client.get("/issues/lookback/listings/").status_code in (302, 404)


def test_words_for_every_figure() -> None:
    from lingxiu.issues.lookback.figures import MEASURES
    from lingxiu.issues.lookback.queries import DIMENSIONS, WAY

    assert {one.name for one in MEASURES} == set(words.MEASURE_WORDS)
    assert set(WAY) == set(words.WAY_WORDS)
    assert set(DIMENSIONS) == set(words.DIMENSION_WORDS)


# ── over time ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_map_of_days_shows_each_issue_from_its_report_to_its_end(world: Cast) -> None:
    client = browser(world.county_officer)
    page = text_of(client.get("/issues/lookback/map/?period=month&day=2026-03-05"))
    found = re.findall(
        r'<a href="/issues/(\d{13})/" class="tone-\w+" data-from="(\d+)" data-to="(\d+)"( hidden)?', page
    )
    assert {number for number, *_ in found} == set(Issue.objects.values_list("number", flat=True))
    closed = Issue.objects.get(state="closed").number
    assert {last for number, _first, last, _ in found if number == closed} == {"4"}
    assert {last for number, _first, last, _ in found if number != closed} == {"30"}
    assert not any(hidden for *_, hidden in found), "without script, and without a day asked for, all stand there"
    later = text_of(client.get("/issues/lookback/map/?period=month&day=2026-03-05&on=5"))
    assert re.search(rf'/issues/{closed}/"[^>]* hidden', later)


def test_the_map_is_of_what_the_reader_sees(world: Cast) -> None:
    page = text_of(browser(world.other_dispatcher).get("/issues/lookback/map/?period=month&day=2026-03-05"))
    seen = set(re.findall(r'<a href="/issues/(\d{13})/" class="tone', page))
    assert seen == set(Issue.objects.filter(town="330421103").values_list("number", flat=True))


def test_the_map_draws_at_most_the_last_days_and_takes_odd_ones(world: Cast) -> None:
    client = browser(world.county_officer)
    for query in ("period=days&from=2024-01-01&to=2026-03-31&on=9999", "on=x", "on=-1", "period=day&day=2020-02-29"):
        assert client.get(f"/issues/lookback/map/?{query}").status_code == 200
