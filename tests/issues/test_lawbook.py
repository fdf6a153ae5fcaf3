"""The law book: found by words, law or article, as it stood on the day of the act, for every officer and nobody else."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from lingxiu.accounts.models import User
from lingxiu.issues.lawbook import Wanted, amount, in_digits, search, side_by_side
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.violations import Penalty
from tests.cast import Cast
from tests.issues.world import LATER, alarm

LANGUAGES = ["zh-hans", "en"]
TODAY = date(2026, 3, 5)
BEFORE, AFTER = date(2026, 8, 10), date(2026, 8, 20)  # the Ecological Environment Code came into force between them


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    """Pages read the clock; the tests stand an hour after noon of 2026-03-05."""
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User | None, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    if user is not None:
        client.force_login(user)
    return client


def page(user: User, address: str = "", language: str = "en") -> str:
    response = browser(user, language).get(f"/issues/law/{address}")
    assert response.status_code == 200
    return str(response.content.decode())


def rows(text: str) -> list[str]:
    """The violations a page lists, in order."""
    return re.findall(r'<tr id="([\w.-]+)">', text)


def found(**asked: str) -> list[str]:
    return [row.id for row in search(in_force().id, Wanted.read(asked, TODAY))]


# ── who reads it ──


def test_every_officer_reads_it_and_nobody_else(cast: Cast) -> None:
    for user in cast.by_role.values():
        expected = 200 if user.authority.is_officer else 404
        client = browser(user)
        answers = {
            client.get(f"/issues/law/{address}").status_code for address in ("", "V-A1/", "V-A1/?day=2026-08-20")
        }
        assert answers == {expected}, user.username


def test_strangers_are_sent_to_sign_in(cast: Cast) -> None:
    assert browser(None).get("/issues/law/")["Location"].split("?")[0] == "/sign-in/"


def test_what_the_catalogue_does_not_have_is_not_found(cast: Cast) -> None:
    for wrong in ("V-NONE", "v-a1", "%00", "V-A1;"):
        assert browser(cast.leader).get(f"/issues/law/{wrong}/").status_code == 404


# ── searching ──


@pytest.mark.parametrize(
    ("words", "one"),
    [
        ("净化设施 超标", "V-A1"),
        ("purifier limit", "V-A1"),
        ("v-a1b", "V-A1b"),
        ("固体废物 57", "V-S1"),
        ("Solid Waste Act", "V-S1"),
        ("第一百一十八条", "V-A1"),
        ("118条", "V-A1"),
        ("嘉兴 第14条", "V-A1b"),
        ("消防", "V-X2"),
    ],
)
def test_one_finds_it_by_words_of_both_languages_its_id_law_or_article(db: None, words: str, one: str) -> None:
    assert one in found(q=words)


def test_every_word_must_be_found(db: None) -> None:
    assert found(q="purifier rats") == []


def test_an_article_is_written_in_digits() -> None:
    assert in_digits("第一百一十八条第一款") == "第118条第1款"
    assert in_digits("第十二条") == "第12条"
    assert in_digits("第二十条、第一百零五条") == "第20条、第105条"


def test_filters_take_department_kind_what_may_be_printed_and_what_towns_were_given(db: None) -> None:
    catalogues = in_force().catalogues
    for row in map(catalogues.violation, found(department="dept-market")):
        assert "dept-market" in (row.responsible, *row.cooperating)
    assert found(kind="lead") == [
        "L-FUME",
        "L-LINK",
        "L-OFF",
        "L-REPEAT",
        "L-CLEAN",
        "L-DEVICE",
        "L-GREASE",
        "L-GAS",
        "L-CAM",
        "F-PURIFIER",
        "F-TRAP",
        "F-DEVICE",
    ]
    assert {one[0] for one in found(kind="public")} == {"P"}
    assert {one[0] for one in found(kind="everyday")} == {"D"}
    assert {one[0] for one in found(kind="law", printable="1")} == {"V"}
    assert "V-C1" in found(to_town="1")
    assert "V-A1" not in found(to_town="1")


def test_what_may_be_printed_depends_on_the_day_of_the_act(db: None) -> None:
    assert "V-A1" in found(printable="1", day=BEFORE.isoformat())
    assert "V-A1" not in found(printable="1", day=AFTER.isoformat())
    assert "V-A9" not in found(printable="1", day="2020-10-01")  # switched off


def test_an_address_of_nonsense_is_the_whole_book_of_today(db: None) -> None:
    wanted = Wanted.read({"day": "soon", "kind": "?", "by": "x", "printable": "yes", "q": "\0 "}, TODAY)
    assert (wanted.day, wanted.query) == (TODAY, "")
    assert len(search(in_force().id, wanted)) == len(in_force().catalogues.violations)


# ── the pages ──


def test_the_book_holds_all_by_stage_or_department(cast: Cast) -> None:
    by_stage, by_department = page(cast.leader), page(cast.leader, "?by=department")
    everything = {row.id for row in in_force().catalogues.violations}
    assert set(rows(by_stage)) == set(rows(by_department)) == everything
    assert [by_stage.index(word) for word in ("Before opening", "While trading", "When something is wrong")] == sorted(
        by_stage.index(word) for word in ("Before opening", "While trading", "When something is wrong")
    )
    assert "Fire and Rescue Brigade<span" in by_department


def test_a_row_leads_to_its_page_with_the_same_day(cast: Cast) -> None:
    assert 'href="/issues/law/V-A1/"' in page(cast.leader)
    assert 'href="/issues/law/V-A1/?day=2026-08-20"' in page(cast.leader, "?day=2026-08-20")
    assert 'href="/issues/law/?day=2026-08-20#V-A1"' in page(cast.leader, "V-A1/?day=2026-08-20")


def test_nothing_found_says_what_to_try(cast: Cast) -> None:
    assert "Try fewer words" in page(cast.leader, "?q=quetzalcoatl")


def test_two_days_show_two_laws(cast: Cast) -> None:
    before, after = (page(cast.leader, f"V-A1/?day={day}") for day in (BEFORE, AFTER))
    assert "CNY 5,000–50,000" in before
    assert "Stands on no notice" not in before
    assert "Stands on no notice" in after
    assert "For an act of this day no amounts are known." in after
    assert "CNY 5,000" not in after


def test_an_act_of_before_asked_after_is_told_of_the_milder_law(cast: Cast) -> None:
    with time_machine.travel("2026-09-01T04:00:00Z", tick=False):
        assert "unless the new law is milder" in page(cast.leader, "V-A1/?day=2026-08-10")
        assert "unless the new law is milder" not in page(cast.leader, "V-A1/")


def test_unit_and_person_stand_side_by_side_and_a_person_decides(cast: Cast) -> None:
    text = page(cast.leader, "V-S1/")
    assert re.search(r"CNY 100,000–1,000,000.*CNY 100–500", text, re.DOTALL)
    assert "a person decides" in text
    assert "a person decides" not in page(cast.leader, "V-A1/")


def test_an_unknown_code_says_so_and_how_sure_the_town_is(cast: Cast) -> None:
    text = page(cast.leader, "V-C1/")
    assert "code not yet known" in text
    assert "our proposal" in text


def test_evidence_and_questions_are_listed(cast: Cast) -> None:
    text = page(cast.leader, "V-N1/")
    assert "picture of how it is now" in text
    assert "noise at the boundary, if measured" in text
    assert "(dB(A))" in text
    assert "day (6–22 h) / night (22–6 h)" in text


def test_what_is_switched_off_says_so(cast: Cast) -> None:
    assert "Switched off" in page(cast.leader, "V-A9/")


def test_how_many_there_were_is_what_the_list_shows_this_reader(cast: Cast) -> None:
    alarm(cast.merchant, 1)
    alarm(cast.other_merchant, 2)
    near, all_ = page(cast.dispatcher, "L-FUME/"), page(cast.county_officer, "L-FUME/")
    address = "/issues/?view=all&amp;violation=L-FUME&amp;from=2025-12-05"
    assert address in near
    listed = browser(cast.county_officer).get(address.replace("&amp;", "&")).content.decode()
    assert len(set(re.findall(r"/issues/(\d{13})/", listed))) == 2
    count = re.compile(r'from=2025-12-05".*?>\s*(\d+)\s*<', re.DOTALL)
    assert [found[1] for found in (count.search(near), count.search(all_)) if found] == ["1", "2"]


def test_the_issue_page_and_the_menu_lead_to_it(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    client = browser(cast.dispatcher, "en")
    assert 'href="/issues/law/L-FUME/?day=2026-03-05"' in client.get(f"/issues/{issue.number}/").content.decode()
    text = client.get("/issues/law/").content.decode()
    active = re.findall(r'<a href="([^"]+)" aria-current="page"', text.split("</nav>")[0])
    assert active == ["/issues/law/"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_english_pages_hold_no_chinese_but_data(cast: Cast, language: str) -> None:
    client = browser(cast.leader, language)
    for address in ("", "?by=department&q=zz", "V-A1/?day=2026-08-20", "V-S1/", "V-A9/", "V-G1/", "D-HOOD/", "V-F6/"):
        text = client.get(f"/issues/law/{address}").content.decode()
        text = text[text.index("<main") : text.index("</main>")]
        if language == "en":
            plain = re.sub(r'<(\w+)[^>]* lang="zh"[^>]*>.*?</\1>', "", text, flags=re.DOTALL)
            assert not re.search("[一-鿿]", plain), address
        else:
            shown = re.sub(r"<[^>]*>", " ", text)
            assert not re.search(r"\b(law|Fine|until|notice|Responsible|unit)\b", shown), address


def test_words_asked_for_are_escaped(cast: Cast) -> None:
    assert "<script>x" not in page(cast.leader, "?q=<script>x</script>")


def asks(client: Client, address: str) -> tuple[int, int]:
    """How often a warm page asks the database, and how often of these for issues."""
    client.get(address)
    with CaptureQueriesContext(connection) as caught:
        client.get(address)
    return len(caught), sum('"issues_issue"' in query["sql"] for query in caught)


def test_pages_ask_the_database_the_same_few_times_whatever_they_show(cast: Cast) -> None:
    """The frame asks who reads; the book asks nothing, an entry once, for its number of issues."""
    client = browser(cast.county_officer)
    book = {asks(client, f"/issues/law/{one}") for one in ("", "?q=油烟", "?by=department&printable=1", "?q=zzz")}
    empty = asks(client, "/issues/law/L-FUME/")
    for number, merchant in enumerate((cast.merchant, cast.other_merchant), 1):
        alarm(merchant, number)
    assert len(book) == 1
    assert {of_issues for _all, of_issues in book} == {0}
    assert asks(client, "/issues/law/L-FUME/") == asks(client, "/issues/law/V-A1/") == empty
    assert empty == (max(book)[0] + 1, 1)


# ── fines ──


def test_amounts_are_a_range_an_upper_end_or_one_sum(db: None) -> None:
    with override("en"):
        assert amount(Penalty(least=5_000, most=50_000)) == "CNY 5,000–50,000"
        assert amount(Penalty(most=10_000)) == "up to CNY 10,000"
        assert amount(Penalty(least=50, most=50)) == "CNY 50"


def test_one_row_for_each_case_and_a_cell_across_where_it_is_the_same_for_all() -> None:
    gas = [
        Penalty(most=50_000),
        Penalty(who="unit", when="uncorrected", least=50_000, most=200_000),
        Penalty(who="person", when="uncorrected", least=10_000, most=20_000),
    ]
    table: Any = side_by_side(gas)
    assert len(table["columns"]) == 2
    assert [[cell["span"] for cell in row["cells"]] for row in table["rows"]] == [[2], [1, 1]]
    alone: Any = side_by_side(gas[:1])
    assert [[cell["span"] for cell in row["cells"]] for row in alone["rows"]] == [[1]]
