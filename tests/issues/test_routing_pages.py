"""The county's office reads its rules, tries changed ones on what came in, proposes them; a second person puts them into force."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.issues.models import Issue
from lingxiu.issues.routing_text import text_in_force
from lingxiu.journal.models import Entry
from lingxiu.policy import actions
from lingxiu.policy.models import Draft, Edition
from lingxiu.policy.queries import forget, in_force
from lingxiu.policy.reading import SHIPPED
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, find

TEXT = (SHIPPED / "routing.yaml").read_text(encoding="utf-8")
STALLS = """- id: R-01-TEAM
  label: {zh: 网格员发现的也派镇街执法队, en: grid members' finds go to the town team}
  when: {source: [grid_member]}
  level: town
  to: town_team
"""
CHANGED = STALLS + TEXT
HOME = "/issues/routing/"


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def words(response: Any) -> str:
    """The page without its marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split()).replace(" :", ":")


@pytest.fixture
def world(cast: Cast) -> Cast:
    find(cast.grid_member, merchant=cast.merchant)
    alarm(cast.merchant)
    complain(cast.other_merchant)
    return cast


def propose(cast: Cast, by: User, text: str = CHANGED) -> Draft:
    answer = browser(by).post(f"{HOME}propose/", {"text": text, "why": "试行", "last": "100"})
    draft = Draft.objects.latest("id")
    assert answer["Location"] == f"{HOME}drafts/{draft.pk}/"
    return draft


def decide(draft: Draft, by: User, do: str, why: str = "") -> Any:
    return browser(by).post(f"{HOME}drafts/{draft.pk}/decide/", {"do": do, "why": why})


# ── the rules in force ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_rules_stand_in_their_order_in_plain_words_with_what_each_took(world: Cast) -> None:
    said = words(browser(world.administrator).get(HOME))
    assert said.index("gas hazards go to the town team") < said.index("what the grid can do goes to the grid")
    assert "2 such issues or more at the same shop in the 90 days before" in said
    assert "how bad: serious or worse" in said
    assert "whatever no rule before it took" in said
    assert "grid level, quick, to its grid, sent at once" in said
    assert "3 issues counted" in said
    page = browser(world.administrator).get(HOME)
    assert [count for _rule, count in page.context["rules"] if count] == [1, 1, 1]


def test_a_count_opens_the_issues_behind_it(world: Cast) -> None:
    found = Issue.objects.get(routing_rule="R-70-GRID")
    said = words(browser(world.administrator).get(f"{HOME}rules/R-70-GRID/?last=1000"))
    assert found.number in said
    assert "Took 1 of the last 1000 issues" in said
    assert browser(world.administrator).get(f"{HOME}rules/R-NONE/").status_code == 404


def test_only_the_last_are_counted(world: Cast) -> None:
    for number in range(100):
        find(world.county_officer, merchant=world.other_merchant, place=str(number), at=NOON + timedelta(hours=1))
    page = browser(world.administrator).get(f"{HOME}?last=100")
    assert sum(count for _rule, count in page.context["rules"]) == 100
    assert browser(world.administrator).get(f"{HOME}?last=7").context["last"] == 1000


@pytest.mark.parametrize("role", ["department_officer", "town_dispatcher", "town_officer", "grid_member", "assessor"])
def test_to_others_they_are_closed(world: Cast, role: str) -> None:
    client = browser(world.by_role[role])
    assert client.get(HOME).status_code == 403
    assert client.post(f"{HOME}try/", {"text": CHANGED}).status_code == 403
    assert client.post(f"{HOME}propose/", {"text": CHANGED, "why": "x"}).status_code == 403
    assert not Draft.objects.exists()


def test_owners_do_not_find_them(world: Cast) -> None:
    assert browser(world.owner).get(HOME).status_code == 404


def test_leaders_of_the_office_read_and_decide_but_do_not_propose(world: Cast) -> None:
    client = browser(world.leader)
    assert client.get(HOME).status_code == 200
    assert client.post(f"{HOME}propose/", {"text": CHANGED, "why": "x"}).status_code == 403
    draft = propose(world, world.county_officer)
    decide(draft, world.leader, "approve")
    draft.refresh_from_db()
    assert draft.edition_id == Edition.objects.latest("id").pk


# ── tried ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_changed_text_shows_what_would_have_gone_another_way_and_changes_nothing(world: Cast) -> None:
    before = (in_force().id, list(Issue.objects.values_list("number", "version", "level")), Entry.objects.count())
    page = browser(world.administrator).post(f"{HOME}try/", {"text": CHANGED, "last": "100"})
    said = words(page)
    found = Issue.objects.get(source="grid_member")
    assert [one.number for one in page.context["done"].elsewhere] == [found.number]
    assert found.number in said
    assert "Would have gone another way 1 Tried 3" in said
    assert "grid level, quick, to its grid, sent at once what the grid can do goes to the grid" in said
    assert (
        "town level, quick, to the town's team, once the dispatcher has judged it grid members' finds"
        in said.replace("&#x27;", "'")
    )
    assert "+ R-01-TEAM" in said
    after = (in_force().id, list(Issue.objects.values_list("number", "version", "level")), Entry.objects.count())
    assert after == before
    assert not Draft.objects.exists()


def test_a_file_goes_before_the_field(world: Cast) -> None:
    file = SimpleUploadedFile("routing.yaml", b"\xef\xbb\xbf" + CHANGED.replace("\n", "\r\n").encode())
    page = browser(world.administrator).post(f"{HOME}try/", {"text": TEXT, "file": file})
    assert len(page.context["done"].elsewhere) == 1
    assert page.context["text"] == CHANGED


def test_what_is_wrong_is_said_with_line_and_field_and_the_text_stays(world: Cast) -> None:
    wrong = (
        CHANGED.replace("[grid_member]", "[gridmember]")
        .replace("violation: [V-A2]", "violation: [V-A2, V-NO]")
        .replace("id: R-22-SAMPLING", "id: R-20-GAS")
    )
    page = browser(world.administrator).post(f"{HOME}try/", {"text": wrong})
    assert page.status_code == 422
    assert "line 3 R-01-TEAM, when.source: 'gridmember' is not known here: write one of alarm, forecast" in words(page)
    assert page.context["text"] == wrong
    page = browser(world.administrator).post(f"{HOME}try/", {"text": wrong.replace("[gridmember]", "[grid_member]")})
    said = words(page)
    line = wrong.splitlines().index("  when: {violation: [V-A2, V-NO]}") + 1
    assert f"line {line} R-10-BANNED, when.violation: no catalogue has V-NO: take the number from the law book" in said
    assert "R-20-GAS: a rule before it is called R-20-GAS" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (STALLS, "no rule takes all the rest"),
        (CHANGED.replace("{source: [grid_member]}", "{towns: ['999']}"), "no town has the code 999"),
        (CHANGED.replace("{source: [grid_member]}", "{merchant_kinds: [stal]}"), "there is no kind of shop stal"),
        ("", "no rules: every rule begins with"),
        ("- id: [", "this is no YAML"),
    ],
)
def test_each_mistake_has_its_words(world: Cast, text: str, says: str) -> None:
    page = browser(world.administrator).post(f"{HOME}try/", {"text": text})
    assert (page.status_code, says in words(page)) == (422, True)


# ── put into force ───────────────────────────────────────────────────────────────────────────────────────────────


def test_one_proposes_another_puts_it_into_force_and_what_comes_in_goes_by_it(world: Cast) -> None:
    draft = propose(world, world.administrator)
    assert find(world.grid_member, merchant=world.merchant, place="2").routing_rule == "R-70-GRID"
    said = words(browser(world.county_officer).get(f"{HOME}drafts/{draft.pk}/"))
    assert "试行 " in said
    assert "administrator" in said
    assert "Put it into force" in said
    decide(draft, world.county_officer, "approve")
    forget()
    assert find(world.grid_member, merchant=world.merchant, place="3").routing_rule == "R-01-TEAM"
    assert text_in_force(in_force()) == CHANGED
    made = Edition.objects.latest("id")
    assert (made.loaded_by, made.note, made.loaded_at) == (world.county_officer.pk, "试行", LATER)
    said = words(browser(world.administrator).get(f"{HOME}drafts/{draft.pk}/"))
    assert "put into force" in said
    assert "Put it into force" not in said


def test_who_proposed_it_finds_no_button_and_is_refused(world: Cast) -> None:
    draft = propose(world, world.administrator)
    assert "Put it into force" not in words(browser(world.administrator).get(f"{HOME}drafts/{draft.pk}/"))
    decide(draft, world.administrator, "approve")
    draft.refresh_from_db()
    assert (draft.decided_at, draft.edition) == (None, None)
    decide(draft, world.administrator, "refuse", "写错了")
    draft.refresh_from_db()
    assert (draft.refused_why, draft.edition) == ("写错了", None)


def test_to_refuse_it_needs_words(world: Cast) -> None:
    draft = propose(world, world.administrator)
    decide(draft, world.county_officer, "refuse")
    decide(draft, world.county_officer, "dance")
    draft.refresh_from_db()
    assert draft.decided_at is None


def test_what_was_overtaken_is_not_put_into_force(world: Cast) -> None:
    first = propose(world, world.administrator)
    second = propose(world, world.administrator, CHANGED.replace("R-01-TEAM", "R-02-TEAM"))
    decide(first, world.county_officer, "approve")
    forget()
    assert "Other rules have come into force" in words(browser(world.county_officer).get(f"{HOME}drafts/{second.pk}/"))
    decide(second, world.county_officer, "approve")
    second.refresh_from_db()
    assert second.decided_at is None


def test_without_a_reason_or_a_change_nothing_is_proposed(world: Cast) -> None:
    client = browser(world.administrator)
    assert client.post(f"{HOME}propose/", {"text": CHANGED, "why": " "}).status_code == 422
    page = client.post(f"{HOME}propose/", {"text": TEXT, "why": "x"})
    assert (page.status_code, "nothing to propose" in words(page)) == (422, True)
    assert not Draft.objects.exists()


def test_sent_twice_it_is_proposed_once(world: Cast) -> None:
    sent = {"text": CHANGED, "why": "x", "submission": "6f0a4a53-1d0b-4d58-9c3b-6f1f3f6f5c12"}
    places = [browser(world.administrator).post(f"{HOME}propose/", sent)["Location"] for _ in range(2)]
    assert (len(set(places)), Draft.objects.count()) == (1, 1)


def test_the_rules_in_force_are_given_as_a_file_that_says_them(world: Cast) -> None:
    assert browser(world.administrator).get(f"{HOME}routing.yaml").content.decode() == TEXT
    without = TEXT.replace("R-80-TOWN", "R-81-TOWN")
    draft = actions.propose("routing", without, why="x", by=1, at=LATER)
    actions.approve(draft.pk, by=2, at=LATER)
    Draft.objects.filter(pk=draft.pk).update(text="- rewritten")
    forget()
    anew = browser(world.administrator).get(f"{HOME}routing.yaml").content.decode()
    assert "R-81-TOWN" in anew
    assert "whatever" not in anew


def test_reading_them_asks_the_database_a_fixed_number_of_questions(
    world: Cast, django_assert_max_num_queries: Any
) -> None:
    client = browser(world.administrator)
    client.get(HOME)
    for number in range(20):
        find(world.county_officer, merchant=world.merchant, place=str(number))
        propose(world, world.administrator, CHANGED.replace("R-01-TEAM", f"R-0{number}-TEAM"))
    with django_assert_max_num_queries(16):
        client.get(HOME)
    with django_assert_max_num_queries(16):
        client.get(f"{HOME}rules/R-70-GRID/")
