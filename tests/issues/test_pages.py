"""The list's pages: who may open what, what they show, and what they never show."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from python_calamine import CalamineWorkbook

from lingxiu.accounts.models import Bond, User
from lingxiu.china.pinyin import initials, search_key
from lingxiu.issues.filters import Filter
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue
from lingxiu.issues.paging import page
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find, photo, to_closed, to_recheck
from tests.statements import statements

LANGUAGES = ["zh-hans", "en"]


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    """Pages read the clock; the tests stand an hour after noon."""
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User | None, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    if user is not None:
        client.force_login(user)
    return client


def status(client: Client, url: str) -> int:
    """What an address answers; a file is read to its end, which closes it."""
    response = client.get(url)
    if response.streaming:
        b"".join(response.streaming_content)  # type: ignore[attr-defined]  # a FileResponse
    return response.status_code


def numbers(text: str) -> list[str]:
    """The issues a page links to, in order."""
    return list(dict.fromkeys(re.findall(r"/issues/(\d{13})/", text)))


# ── who may open what ────────────────────────────────────────────────────────────────────────────────────────────

MAY: dict[str, tuple[int, int, int, int]] = {
    # role: the list, a find, the sheet, an issue of the own grid, town, county …
    "system_administrator": (200, 403, 403, 200),
    "county_officer": (200, 200, 200, 200),
    "leader": (200, 403, 403, 200),
    "department_officer": (200, 200, 200, 200),
    "town_dispatcher": (200, 200, 200, 200),
    "town_officer": (200, 200, 200, 200),
    "grid_member": (200, 200, 403, 200),
    "assessor": (200, 403, 200, 200),
    "owner": (404, 404, 404, 404),
    "cleaning_company": (404, 404, 404, 404),
    "waste_hauler": (404, 404, 404, 404),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", MAY)
def test_every_page_in_every_role_and_both_languages(cast: Cast, role: str, language: str) -> None:
    issue = alarm(cast.merchant)
    client = browser(cast.by_role[role], language)
    answered = tuple(
        status(client, url) for url in ("/issues/", "/issues/new/", "/issues/export.xlsx", f"/issues/{issue.number}/")
    )
    assert answered == MAY[role]


@pytest.mark.parametrize("url", ["/issues/", "/issues/new/", "/issues/export.xlsx", "/issues/2026030500001/"])
def test_strangers_are_sent_to_sign_in(cast: Cast, url: str) -> None:
    alarm(cast.merchant)
    response = browser(None).get(url)
    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/sign-in/")


def test_an_issue_out_of_sight_does_not_exist_for_reading_or_moving(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    for user in (cast.other_dispatcher, cast.other_grid_member, cast.owner):
        client = browser(user)
        assert client.get(f"/issues/{issue.number}/").status_code == 404
        assert client.post(f"/issues/{issue.number}/moves/", {"move": "note", "words": "x"}).status_code == 404
    assert issue.moves.count() == 2


def test_a_number_that_does_not_exist_or_is_none_is_not_found(cast: Cast) -> None:
    client = browser(cast.dispatcher)
    for number in ("2026030599999", "0", "abc", "2026030500001x"):
        assert client.get(f"/issues/{number}/").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_english_pages_hold_no_chinese_but_data_and_chinese_ones_no_english_labels(cast: Cast, language: str) -> None:
    row = complain(cast.merchant)
    to_recheck(cast, alarm(cast.merchant))
    pages = [
        "/issues/",
        "/issues/?q=none",
        "/issues/new/",
        f"/issues/{row.issue.number}/",
        "/complain/",
        f"/r/{row.token}",
    ]
    client = browser(cast.dispatcher, language)
    for url in pages:
        text = client.get(url).content.decode()
        if language == "en":
            own = re.sub(
                r'<(\w+)[^>]*lang="zh"[^>]*>.*?</\1>|<option[^>]*>.*?</option>|<script.*?</script>',
                "",
                text,
                flags=re.S,
            )
            own = re.sub(r'(data-shop|data-place|data-person|value|title|aria-label)="[^"]*"', "", own)
            found = set(re.findall(r"[一-鿿]+", own)) - {"简体中文"}
            assert not found, (url, found)
        else:
            assert "Waiting to be sent" not in text
            assert "Dispatch" not in text


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("who", "view"),
    [("grid_member", "mine"), ("town_officer", "mine"), ("dispatcher", "unit"), ("leader", "all"), ("assessor", "all")],
)
def test_everybody_starts_where_their_work_is(cast: Cast, who: str, view: str) -> None:
    text = browser(getattr(cast, who)).get("/issues/").content.decode()
    assert f'name="view" value="{view}"' in text


def test_views_are_where_the_ball_is_with_me_my_units_and_all_i_see(cast: Cast) -> None:
    mine, waiting = alarm(cast.merchant), complain(cast.merchant).issue
    closed = to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    client = browser(cast.dispatcher)
    shown = {
        view: set(numbers(client.get(f"/issues/?view={view}").content.decode())) for view in ("mine", "unit", "all")
    }
    assert shown == {
        "mine": {waiting.number},
        "unit": {mine.number, waiting.number},
        "all": {mine.number, waiting.number, closed.number},
    }


FILTERS: list[tuple[str, set[str]]] = [
    ("", {"lead", "report", "grave", "closed", "elsewhere"}),
    ("state=received", {"report"}),
    ("state=waiting", {"report"}),
    ("state=open", {"lead", "report", "grave", "elsewhere"}),
    ("state=ended", {"closed"}),
    ("level=town", {"grave"}),
    ("flow=joint", set()),
    ("source=alarm", {"lead", "elsewhere"}),
    ("source=public", {"report"}),
    ("violation=V-A1", {"grave"}),
    ("town=330421103", {"elsewhere"}),
    ("late=1", set()),
    ("due=today", {"report"}),
    ("from=2026-03-06", set()),
    ("from=2026-03-05&to=2026-03-05", {"lead", "report", "grave", "closed", "elsewhere"}),
    ("to=2026-03-04", set()),
    ("state=nonsense&level=9&from=yesterday&merchant=x", {"lead", "report", "grave", "closed", "elsewhere"}),
]


@pytest.fixture
def five(cast: Cast) -> dict[str, Issue]:
    """Five issues, each differing from the others."""
    for merchant in (cast.merchant, cast.other_merchant):
        merchant.pinyin, merchant.initials = search_key(merchant.name), initials(merchant.name)
        merchant.save()
    return {
        "lead": alarm(cast.merchant),
        "report": complain(cast.merchant).issue,
        "grave": find(cast.town_officer, "V-A1", merchant=cast.merchant),
        "closed": to_closed(cast, find(cast.grid_member, merchant=cast.merchant)),
        "elsewhere": alarm(cast.other_merchant, 2),
    }


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_each_filter_narrows_the_list(cast: Cast, five: dict[str, Issue], query: str, expected: set[str]) -> None:
    text = browser(cast.county_officer).get(f"/issues/?view=all&{query}").content.decode()
    assert set(numbers(text)) == {five[name].number for name in expected}


def test_a_merchants_issues_are_a_filter_too(cast: Cast, five: dict[str, Issue]) -> None:
    text = browser(cast.county_officer).get(f"/issues/?view=all&merchant={cast.other_merchant.pk}").content.decode()
    assert numbers(text) == [five["elsewhere"].number]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("20260305000", {"lead", "report", "grave", "closed", "elsewhere"}),
        ("2026030500002", {"report"}),
        ("老街", {"elsewhere"}),
        ("ljmg", {"elsewhere"}),
        ("laojie", {"elsewhere"}),
        ("yxj", {"lead", "report", "grave", "closed"}),
        ("油烟扰民", {"report"}),
        ("扰民", {"report"}),
        ("晚上十点", set()),  # what people said stays with their report
        ("大", {"report", "lead", "grave", "closed", "elsewhere"}),  # 人民大道
        ("没有盖", {"grave", "closed"}),
        ("没有这种事", set()),
        ("%", set()),
        ("' OR 1=1 --", set()),
    ],
)
def test_search_finds_by_number_name_pinyin_initials_and_words(
    cast: Cast, five: dict[str, Issue], asked: str, expected: set[str]
) -> None:
    text = browser(cast.county_officer).get("/issues/", {"view": "all", "q": asked}).content.decode()
    assert set(numbers(text)) == {five[name].number for name in expected}


def test_search_finds_only_what_the_reader_sees(cast: Cast, five: dict[str, Issue]) -> None:
    text = browser(cast.dispatcher).get("/issues/?view=all&q=ljmg").content.decode()
    assert numbers(text) == []


def test_pages_follow_each_other_without_gap_or_overlap_both_ways(cast: Cast) -> None:
    made = [find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(minutes=n // 3)) for n in range(11)]
    for sort, expected in (("new", list(reversed(made))), ("due", made)):
        wanted = Filter.read({"view": "all", "sort": sort})
        rows = matching(wanted, cast.county_officer, NOON)
        first = page(rows, wanted, {}, size=4)
        second = page(rows, wanted, {"after": first.after}, size=4)
        third = page(rows, wanted, {"after": second.after}, size=4)
        assert [*first.rows, *second.rows, *third.rows] == expected
        assert (first.before, third.after) == ("", "")
        assert page(rows, wanted, {"before": third.before}, size=4).rows == second.rows
        back = page(rows, wanted, {"before": second.before}, size=4)
        assert (back.rows, back.before) == (first.rows, "")


@pytest.mark.parametrize("cursor", ["x", "1", "1.", ".1", "9" * 30 + ".1", "1.9999999999999999999999", "-1.-1", "¹.¹"])
def test_a_cursor_that_is_none_of_ours_gives_the_first_page(cast: Cast, cursor: str) -> None:
    issue = alarm(cast.merchant)
    client = browser(cast.dispatcher)
    for name in ("after", "before"):
        assert numbers(client.get("/issues/", {"view": "all", name: cursor}).content.decode()) == [issue.number]


def test_the_list_takes_a_fixed_number_of_queries(cast: Cast) -> None:
    def queries(url: str) -> int:
        client = browser(cast.county_officer)
        client.get(url)
        return statements(client, url)

    urls = ["/issues/?view=all", "/issues/?view=unit", "/issues/?view=all&q=yxj", "/issues/?view=all&part=list"]
    alarm(cast.merchant)
    few = [queries(url) for url in urls]
    for n in range(60):
        find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(minutes=n))
    many = [queries(url) for url in urls]
    # What fits on one page is not counted again; words are counted as they are found.
    assert [more - less for less, more in zip(few, many, strict=True)] == [1, 0, 0, 1]
    assert max(many) <= 18
    do(alarm(cast.other_merchant, 2, at=LATER), Move.ACCEPT, cast.other_grid_member)
    assert (
        queries(urls[0]) == many[0] + 1
    )  # where somebody is named, for whom they stand in is asked, once for all rows


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("severity=1", True), ("severity=3", False), ("responsible=dept-enforcement", True),
        ("responsible=dept-ecology", False), ("unit={grid}", True), ("unit={team}", False), ("person={nobody}", False),
        ("kind={kind}", True), ("kind=canteen-no", False), ("grid=33042100100101", True), ("result=fixed", False),
        ("unit=x", True), ("severity=x", True),
    ],
)  # fmt: skip
def test_the_list_is_filtered_by_who_has_it_how_bad_it_is_and_what_shop(cast: Cast, asked: str, shown: bool) -> None:
    found = find(cast.grid_member, "D-BIN", merchant=cast.merchant)
    query = asked.format(
        grid=cast.grid.pk, team=cast.town_team.pk, nobody=cast.town_officer.pk, kind=cast.merchant.kind
    )
    page = browser(cast.dispatcher).get(f"/issues/?view=all&{query}").content.decode()
    rows = page[page.index('id="issues"') :]
    assert (f"/issues/{found.number}/" in rows) is shown


def test_the_form_keeps_what_a_link_brought_and_offers_the_towns_own_grids_and_people(cast: Cast) -> None:
    page = browser(cast.dispatcher).get("/issues/?view=all&reached=closed&result=fixed").content.decode()
    assert '<input type="hidden" name="reached" value="closed">' in page
    assert '<details class="more-filters" open>' in page
    assert f'<option lang="zh" value="{cast.grid.grid}">' in page
    assert f'<option lang="zh" value="{cast.grid_member.pk}">' in page
    assert f'value="{cast.other_grid_member.pk}">' not in page
    for kind in ("csv", "geojson"):
        assert f"/issues/export.{kind}?view=all&amp;state" in page or f"/issues/export.{kind}?view=all" in page


def test_an_issues_page_takes_a_fixed_number_of_queries(cast: Cast) -> None:
    def queries(number: str) -> int:
        return statements(browser(cast.dispatcher), f"/issues/{number}/")

    issue = complain(cast.merchant).issue
    few = queries(issue.number)
    for n in range(20):
        do(issue, Move.NOTE, cast.dispatcher, words=f"第{n}次", at=LATER)
    assert queries(issue.number) == few


def test_the_live_part_answers_with_the_part_alone(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    text = browser(cast.dispatcher).get("/issues/?view=all&part=list").content.decode()
    assert "<html" not in text
    assert numbers(text) == [issue.number]


def test_a_late_issue_says_so_in_the_list_and_in_the_counts(cast: Cast) -> None:
    complain(cast.merchant)
    with time_machine.travel(NOON + timedelta(hours=3), tick=False):
        text = browser(cast.dispatcher).get("/issues/").content.decode()
    assert 'class="late tone-late"' in text
    assert re.search(r'stat tone-late" href="\?view=unit&amp;late=1"', text)


def test_an_empty_list_says_what_will_fill_it(cast: Cast) -> None:
    client = browser(cast.grid_member, "en")
    assert "What is given to you appears here by itself." in client.get("/issues/").content.decode()
    assert "No issue fits" in client.get("/issues/?q=nothing+of+the+kind").content.decode()


def test_words_of_people_are_escaped(cast: Cast) -> None:
    row = complain(cast.merchant, words="<script>alert(1)</script>", place="")
    client = browser(cast.dispatcher)
    for url in ("/issues/", f"/issues/{row.issue.number}/"):
        assert "<script>alert" not in client.get(url).content.decode()
    assert "<script>alert" not in browser(None).get(f"/r/{row.token}").content.decode()


# ── the sheet ────────────────────────────────────────────────────────────────────────────────────────────────────


def sheet(user: User, query: str = "", language: str = "en") -> list[list[Any]]:
    response = browser(user, language).get(f"/issues/export.xlsx?{query}")
    assert response.status_code == 200
    data = b"".join(response.streaming_content)  # type: ignore[attr-defined]  # a FileResponse
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()


def test_the_sheet_holds_the_filtered_list_in_the_readers_words(cast: Cast, five: dict[str, Issue]) -> None:
    told, head, *rows = sheet(cast.county_officer, "view=all&source=alarm")
    assert told[0] == "As of 2026-03-05 13:00. 2 issues."
    assert head[:4] == ["Number", "What", "Summary", "Merchant"]
    assert {row[0] for row in rows} == {five["lead"].number, five["elsewhere"].number}
    row = next(row for row in rows if row[0] == five["lead"].number)
    assert row[1] == "high fume values (lead)"
    assert row[3] == cast.merchant.name
    assert row[5:7] == ["魏塘街道", "dispatched"]
    assert row[11] == datetime(2026, 3, 5, 12, 0)  # local time, as an Excel date


def test_the_sheet_is_chinese_for_chinese_readers(cast: Cast) -> None:
    alarm(cast.merchant)
    _told, head, row = sheet(cast.dispatcher, "view=all", "zh-hans")
    assert head[0] == "编号"
    assert row[6] == "已分派"


def test_the_sheet_shows_no_more_than_the_reader_sees_and_never_who_reported(cast: Cast) -> None:
    complain(cast.merchant, name="王小明", phone="13812345678")
    alarm(cast.other_merchant)
    rows = sheet(cast.dispatcher, "view=all")
    assert len(rows) == 3
    assert not re.search("王小明|138", str(rows))


def test_a_summary_that_looks_like_a_formula_stays_text(cast: Cast) -> None:
    find(cast.grid_member, merchant=cast.merchant, place='=HYPERLINK("http://x","y")')
    assert sheet(cast.dispatcher, "view=all")[2][4] == '=HYPERLINK("http://x","y")'


def test_a_sheet_that_is_cut_off_says_so(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingxiu.issues.export.MOST_ROWS", 2)
    for n in range(3):
        find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(minutes=n))
    told, _head, *rows = sheet(cast.dispatcher, "view=all")
    assert told[0].startswith("As of 2026-03-05 13:00. Only the newest 2")
    assert [row[0] for row in rows] == ["2026030500003", "2026030500002"]


# ── what is never shown ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_reporter_is_masked_for_officers_and_hidden_from_the_grid(cast: Cast) -> None:
    row = complain(cast.merchant, name="王小明", phone="13812345678")
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    url = f"/issues/{row.issue.number}/"
    office = browser(cast.dispatcher).get(url).content.decode()
    grid = browser(cast.grid_member).get(url).content.decode()
    assert "王**" in office
    assert "138****5678" in office
    for text in (office, grid):
        assert "王小明" not in text
        assert "13812345678" not in text
    assert "王*" not in grid
    assert "138*" not in grid


def test_the_grid_is_told_what_and_where_but_not_what_was_said(cast: Cast) -> None:
    row = complain(words="我家在三楼302，关窗都没用", place="人民大道邮局对面", town=cast.town.town)
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, words="住户反映，请先看东侧排烟口")
    office = browser(cast.dispatcher).get(f"/issues/{row.issue.number}/").content.decode()
    assert "三楼302" in office
    for url in (f"/issues/{row.issue.number}/", "/issues/?view=mine", "/collect/"):
        text = browser(cast.grid_member).get(url).content.decode()
        assert "三楼302" not in text
        assert "油烟扰民" in text
        assert "人民大道邮局对面" in text
    assert "东侧排烟口" in browser(cast.grid_member).get(f"/issues/{row.issue.number}/").content.decode()


def test_the_dispatcher_is_told_that_the_grid_does_not_see_what_was_said(cast: Cast) -> None:
    row, other = complain(cast.merchant), find(cast.town_officer, "V-A1", merchant=cast.merchant)
    hint = "not what was said. Pass on what they need"
    assert hint in browser(cast.dispatcher, "en").get(f"/issues/{row.issue.number}/").content.decode()
    assert hint not in browser(cast.county_officer, "en").get(f"/issues/{other.number}/").content.decode()


def test_an_officer_with_a_shop_of_their_own_sees_what_concerns_it_as_its_owner_does(cast: Cast) -> None:
    row, elsewhere, said = complain(cast.merchant, photos=(photo(8),)), alarm(cast.other_merchant), photo(8)
    Bond.objects.create(user=cast.county_officer, merchant_id=cast.merchant.pk, kind="owner", made_at=NOON)
    client = browser(User.objects.get(pk=cast.county_officer.pk))
    assert numbers(client.get("/issues/?view=all").content.decode()) == [elsewhere.number]
    assert status(client, f"/issues/{row.issue.number}/") == 404
    assert status(client, f"/files/{said}/") == 404
    assert row.issue.number not in client.get("/").content.decode()
    assert row.issue.number not in client.get(f"/merchants/{cast.merchant.pk}/").content.decode()


def test_what_is_held_by_a_unit_is_not_in_the_own_list_of_who_has_the_shop(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    Bond.objects.create(user=cast.grid_member, merchant_id=cast.merchant.pk, kind="owner", made_at=NOON)
    text = browser(User.objects.get(pk=cast.grid_member.pk)).get("/issues/?view=mine").content.decode()
    assert issue.number not in text


def test_the_name_of_a_shop_out_of_sight_is_not_told_by_the_filter(cast: Cast) -> None:
    text = browser(cast.grid_member).get(f"/issues/?merchant={cast.other_merchant.pk}").content.decode()
    assert cast.other_merchant.name not in text


def test_pictures_of_issues_are_for_officers_who_see_them_and_of_reports_for_those_beyond_the_grid(cast: Cast) -> None:
    seen, said = photo(7), photo(200)
    find(cast.grid_member, merchant=cast.merchant, photos=(seen,))
    complain(cast.merchant, photos=(said,))
    for sha256, in_the_grid in ((seen, 200), (said, 404)):
        for user, expected in (
            (cast.dispatcher, 200), (cast.grid_member, in_the_grid), (cast.leader, 200), (cast.owner, 404),
            (cast.other_dispatcher, 404), (cast.waste_hauler, 404), (None, 404),
        ):  # fmt: skip
            for url in (f"/files/{sha256}/", f"/files/{sha256}/small/"):
                assert status(browser(user), url) == expected, (url, user)


def test_times_are_the_countys(cast: Cast) -> None:
    alarm(cast.merchant)
    assert timezone.localtime(NOON).hour == 12
    assert "2026-03-05 12:00" in browser(cast.dispatcher).get("/issues/?view=all").content.decode()
