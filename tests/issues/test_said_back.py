"""What the pages say back: what was done and who has it now, what was fed back, what waits to be decided, what is about to go."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues import digest
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.lookback import actions as lookback
from lingxiu.issues.lookback.models import KeyPlace
from lingxiu.issues.models import Issue
from tests.cast import NOON, Cast
from tests.issues.world import LATER, alarm, complain, do, find, photo, to_recheck


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User | None, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    if user is not None:
        client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    """A page without its tags, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def send(client: Client, issue: Issue, move: str, **typed: str) -> Any:
    """Make a move as its form does, and open the page it leads to."""
    issue.refresh_from_db()
    posted = {"move": move, "seen": str(issue.version), "submission": str(uuid.uuid4()), **typed}
    answer = client.post(f"/issues/{issue.number}/moves/", posted)
    assert answer.status_code == 302, text_of(answer)
    return client.get(answer.headers["Location"])


def said(answer: Any) -> str:
    """The message at the head of the page."""
    found = re.search(r'<div class="messages".*?</div>\s*</div>', answer.content.decode(), re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", found.group()).split()) if found else ""


def test_a_move_says_what_was_done_and_who_has_it_now(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    answer = send(browser(cast.dispatcher), issue, "dispatch", to=str(cast.grid.pk))
    assert said(answer).startswith("Dispatched: ")
    assert cast.merchant.name in said(answer)
    assert said(answer).endswith(f"→ {cast.grid.name}")


def test_a_note_names_nobody_as_having_it_now(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    answer = send(browser(cast.dispatcher), issue, "note", words="先看看")
    assert said(answer).startswith("Noted: ")
    assert "→" not in said(answer)


def test_the_record_says_to_whom_a_declined_issue_went_back(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.TRANSFER, cast.grid_member, unit=cast.town_team, words="要执法")
    answer = send(browser(cast.town_officer), issue, "decline", words="不归我们")
    assert said(answer).endswith(f"→ {cast.grid.name}")
    record = text_of(answer)[text_of(answer).index("What happened") :]
    assert record.index("Declined") < record.index(f"→ {cast.grid.name}") < record.index("Transferred")


def test_one_issues_message_stands_once(cast: Cast) -> None:
    client = browser(cast.dispatcher)
    issue = complain(cast.merchant).issue
    send(client, issue, "note", words="先看看")
    assert said(client.get(f"/issues/{issue.number}/")) == ""


def test_whoever_checks_reads_what_the_visit_found_and_sees_which_picture_is_from_before(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    before, after = photo(1), photo(200)
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.HANDLE, cast.grid_member, words="集气罩油垢很厚", photos=(before,), before=(before,))
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.FIXED, photos=(after,))
    page = browser(cast.dispatcher).get(f"/issues/{issue.number}/").content.decode()
    box = page[page.index("What was fed back") : page.index("Held by")]
    assert "集气罩油垢很厚" in box
    assert box.index(before) < box.index(after), "in the order they were taken"
    assert re.search(rf'{before}.*?class="photo-tag">before', box, re.S)


def test_the_answer_is_asked_for_where_one_person_waits_for_it(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, at=NOON)
    to_recheck(cast, issue)
    client = browser(cast.dispatcher)
    page = client.get(f"/issues/{issue.number}/").content.decode()
    form = page[page.index('id="move-close"') : page.index("</form>", page.index('id="move-close"'))]
    label = form[form.index("Answer to whoever reported it") :]
    assert not label.split("</label>")[0].endswith("optional</span>")
    answer = client.post(f"/issues/{issue.number}/moves/", {"move": "close", "submission": str(uuid.uuid4())})
    assert answer.status_code == 422
    assert "write the answer each of them gets" in text_of(answer)


def test_the_morning_says_which_decision_is_waited_for(cast: Cast) -> None:
    issue = alarm(cast.merchant, at=NOON)
    do(issue, Move.ACCEPT, cast.grid_member)
    do(issue, Move.EXTEND, cast.grid_member, words="等配件", days=2)
    do(issue, Move.SUPERVISE, cast.leader, words="什么情况")
    other = alarm(cast.other_merchant, 2, at=NOON)
    issue.refresh_from_db()
    found = {pk: [str(words) for words in row] for pk, row in digest.decisions([issue, other]).items()}
    assert found[other.pk] == []
    assert len(found[issue.pk]) == 2
    page = text_of(browser(cast.dispatcher).get("/issues/digest/"))
    assert "2 working days more: give or refuse" in page
    assert "leader's question: answer it" in page.replace("&#x27;", "'")


def test_a_key_place_is_taken_off_after_a_second_question_and_its_name_is_said(cast: Cast) -> None:
    place = lookback.Place(kind="school", name="实验小学", lng=120.92, lat=30.85, radius_m=200)
    row = lookback.add_place(place, by=cast.county_officer, at=timezone.now())
    client = browser(cast.county_officer)
    page = client.get("/issues/lookback/places/").content.decode()
    form = page.index(f"/issues/lookback/places/{row.pk}/remove/")
    assert "<details" in page[page.rindex("<td", 0, form) : form], "the button that does it is folded away"
    client.post(f"/issues/lookback/places/{row.pk}/remove/")
    assert not KeyPlace.objects.in_use().exists()
    assert "实验小学" in said(client.get("/issues/lookback/places/"))


def test_whoever_lost_the_link_finds_the_way_from_the_first_page(cast: Cast) -> None:
    assert 'href="/complain/find/"' in browser(None).get("/").content.decode()
