"""The issue beside the list: what stands there for whom, what may be done from there, and what it costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.issues.keys import KEYS
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.lookback.models import Listing
from lingxiu.issues.models import Issue
from lingxiu.merchants.models import Visit
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find
from tests.statements import statements

LANGUAGES = ["zh-hans", "en"]


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def pane(user: User, issue: Issue, language: str = "zh-hans") -> str:
    """What stands beside the list for this person."""
    answer = browser(user, language).get(f"/issues/{issue.number}/pane/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_a_fragment_with_the_moves_of_its_reader_and_the_way_to_the_whole_page(cast: Cast, language: str) -> None:
    issue = complain(cast.merchant).issue
    text = pane(cast.dispatcher, issue, language)
    assert "<html" not in text
    assert f'href="/issues/{issue.number}/"' in text
    assert 'id="move-dispatch"' in text
    assert f'data-key="{KEYS[Move.DISPATCH]}"' in text
    assert 'id="move-accept"' not in text  # not this reader's
    assert cast.merchant.name in text


def test_who_may_not_open_the_issue_finds_nothing_beside_the_list_either(cast: Cast) -> None:
    issue = find(cast.other_grid_member, merchant=cast.other_merchant)
    assert browser(cast.dispatcher).get(f"/issues/{issue.number}/pane/").status_code == 404
    assert browser(cast.dispatcher).get("/issues/2026010100001/pane/").status_code == 404


def test_every_move_that_has_a_letter_has_one_of_its_own_and_none_of_the_lists(cast: Cast) -> None:
    assert len(set(KEYS.values())) == len(KEYS)
    assert not set(KEYS.values()) & set("jknx/?")
    find(cast.grid_member, merchant=cast.merchant)
    text = pane(cast.grid_member, Issue.objects.get())
    letters = re.findall(r'data-key="(.)"', text)
    assert letters == list(dict.fromkeys(letters))
    assert KEYS[Move.ACCEPT] in letters


def test_a_move_made_for_whoever_has_it_takes_the_moves_letter(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    text = pane(cast.dispatcher, issue)
    assert re.search(rf'id="move-handle-for-more" data-key="{KEYS[Move.HANDLE]}"', text)


def test_it_shows_where_the_shop_is_what_else_is_open_there_and_who_came_last(cast: Cast) -> None:
    earlier = find(cast.grid_member, "D-BIN", merchant=cast.merchant)
    issue = alarm(cast.merchant)
    Visit.objects.create(merchant=cast.merchant, by=cast.grid_member, at=NOON, words="提醒清洗滤网")
    Listing.objects.create(
        merchant=cast.merchant, colour="black", reason="屡次不改", document_number="善餐〔2026〕3号",
        proposed_by=cast.dispatcher, proposed_at=NOON,
        approved_by=cast.leader, approved_at=NOON, since=NOON.date() - timedelta(days=1),
        until=NOON.date() + timedelta(days=30),
    )  # fmt: skip
    text = pane(cast.dispatcher, issue)
    assert "/map/?at=" in text
    assert f"id={cast.merchant.pk}" in text
    assert f'href="/issues/{earlier.number}/"' in text
    assert "提醒清洗滤网" in text
    assert "tone-warning" in text
    assert f"/issues/?view=all&amp;state=open&amp;merchant={cast.merchant.pk}" in text


def test_an_issue_without_a_shop_or_a_position_has_neither_map_nor_shop(cast: Cast) -> None:
    report = complain(None, place="解放路后面", town=cast.town.town)
    text = pane(cast.dispatcher, report.issue)
    assert "map-card" not in text
    assert 'id="shop-issues"' not in text


def test_a_visits_words_are_for_whoever_may_open_the_dossier(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    Visit.objects.create(merchant=cast.merchant, by=cast.grid_member, at=NOON, words="老板说下周换")
    assert "老板说下周换" in pane(cast.county_officer, issue)


def test_a_move_refused_comes_back_as_the_same_form(cast: Cast) -> None:
    """The form beside the list is the page's own: what is refused is answered with the form of that id."""
    issue = complain(cast.merchant).issue
    client = browser(cast.dispatcher)
    sent = {"move": "dismiss", "seen": "0", "submission": str(uuid4()), "words": ""}
    answer = client.post(f"/issues/{issue.number}/moves/", sent, headers={"X-Lingxiu-Form": "1"})
    assert answer.status_code == 422
    assert 'id="move-dismiss"' in answer.content.decode()
    assert 'id="move-dismiss"' in pane(cast.dispatcher, issue)


def test_the_list_names_the_chosen_issue_and_leads_to_it_where_there_is_no_script(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    client = browser(cast.dispatcher)
    page = client.get(f"/issues/?view=all&issue={issue.number}").content.decode()
    beside = page[page.index("data-beside") :]
    assert f'<a class="btn" href="/issues/{issue.number}/">' in beside
    for none in ("", "x", "2026", "²" * 13):
        plain = client.get("/issues/", {"view": "all", "issue": none}).content.decode()
        assert 'class="btn" href="/issues/' not in plain[plain.index("data-beside") :]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_help_of_the_list_names_every_letter(cast: Cast, language: str) -> None:
    page = browser(cast.dispatcher, language).get("/issues/?view=all").content.decode()
    keys = page[page.index("data-keys") : page.index("data-beside")]
    assert {key for key in KEYS.values() if f"<kbd>{key}</kbd>" in keys} == set(KEYS.values())


def test_it_costs_the_same_however_much_there_is(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    client, url = browser(cast.dispatcher), f"/issues/{issue.number}/pane/"
    client.get(url)
    few = statements(client, url)
    assert few <= 29
    for n in range(12):
        do(issue, Move.NOTE, cast.dispatcher, words=f"第{n}次", at=LATER)
        find(cast.grid_member, "D-BIN", merchant=cast.merchant, at=LATER)
        Visit.objects.create(merchant=cast.merchant, by=cast.grid_member, at=LATER)
    assert statements(client, url) <= few
