"""A look for the re-check: the shop shows a picture, or a colleague goes; whoever must re-check judges by it, and nobody else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from lingxiu.accounts.absences import declare
from lingxiu.accounts.models import User
from lingxiu.issues import looking
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.models import Assignment, Issue, MoveRow
from lingxiu.issues.queries import mine
from lingxiu.issues.writing import Brought
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast, person
from tests.files.pictures import png
from tests.issues.test_joint_rounds import DAY
from tests.issues.walking import disorder
from tests.issues.world import LATER, alarm, complain, do, photo, to_recheck
from tests.pages import plain_static

__all__ = ["plain_static"]


@pytest.fixture
def colleague(cast: Cast) -> User:
    """The grid's other member, who did not handle it."""
    return person("grid-b", "grid_member", cast.grid)


@pytest.fixture
def issue(cast: Cast) -> Issue:
    return to_recheck(cast, alarm(cast.merchant))


def ask_shop(issue: Issue, by: User, words: str = "请拍净化器滤网") -> MoveRow:
    return looking.ask_shop(issue.number, words, actor=by, at=LATER, submission=uuid4())


def send(issue: Issue, whom: User, by: User) -> MoveRow:
    return looking.send(issue.number, whom, "看看桶盖了没有", actor=by, at=LATER, submission=uuid4())


def saw(issue: Issue, by: User, **brought: Any) -> MoveRow:
    said = Brought(**{"words": "已盖好", "photos": (photo(7),), **brought})
    return looking.saw(issue.number, said, actor=by, at=LATER, submission=uuid4())


def why(deed: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(MoveRefused) as refused:
        deed(*args, **kwargs)
    return refused.value.why


def test_the_shop_is_asked_answers_and_the_dispatcher_closes(cast: Cast, issue: Issue) -> None:
    ask_shop(issue, cast.dispatcher)
    asked = looking.asked_of_shop(issue)
    assert asked is not None and asked.words == "请拍净化器滤网"
    do(issue, Move.CORRECT, cast.owner, words="拍好了", photos=(photo(5),))
    assert looking.asked_of_shop(issue) is None
    issue.refresh_from_db()
    assert (issue.state, issue.lead_unit) == ("recheck", cast.town)
    do(issue, Move.CLOSE, cast.dispatcher, answer="已整改")
    kinds = Entry.objects.filter(subject_kind="issue", subject_id=issue.number).values_list("kind", flat=True)
    assert "issue.look_asked" in set(kinds)


def test_a_colleague_is_sent_sees_it_in_their_work_and_tells_what_they_saw(
    cast: Cast, issue: Issue, colleague: User
) -> None:
    send(issue, colleague, cast.dispatcher)
    assert issue in mine(colleague) and issue in Issue.objects.visible_to(colleague)
    assert issue not in mine(cast.grid_member)
    row = saw(issue, colleague)
    assert row.photos and row.data["looked"]
    issue.refresh_from_db()
    assert (issue.state, issue.lead_unit) == ("recheck", cast.town)
    assert issue not in mine(colleague)
    assert looking.looks(issue) == []
    do(issue, Move.REWORK, cast.dispatcher, words="桶还开着")
    assert disorder([issue.number], {}) == []


def test_who_handled_it_is_away_or_was_sent_already_is_not_sent(cast: Cast, issue: Issue, colleague: User) -> None:
    assert cast.grid_member not in looking.who_may_go(issue, LATER)
    assert set(looking.who_may_go(issue, LATER)) == {colleague, cast.town_officer}
    assert why(send, issue, cast.grid_member, cast.dispatcher) == "to_send"
    declare(
        cast.town_officer, NOON - DAY, NOON + DAY, reason="leave", deputy=None, at=NOON - DAY, by=cast.town_officer.pk
    )
    assert why(send, issue, cast.town_officer, cast.dispatcher) == "to_send"
    send(issue, colleague, cast.dispatcher)
    assert why(send, issue, colleague, cast.dispatcher) == "to_send"


def test_only_who_re_checks_may_ask(cast: Cast, issue: Issue, colleague: User) -> None:
    for who in (cast.grid_member, cast.other_dispatcher, cast.town_officer, cast.owner):
        assert why(ask_shop, issue, who) == "person"
        assert why(send, issue, colleague, who) == "person"
    assert why(ask_shop, issue, cast.dispatcher, " ") == "words"
    ask_shop(issue, cast.county_officer)


def test_before_the_feedback_there_is_nothing_to_look_at(cast: Cast, colleague: User) -> None:
    early = alarm(cast.merchant)
    assert why(ask_shop, early, cast.dispatcher) == "state"
    assert why(send, early, colleague, cast.dispatcher) == "state"


def test_a_shop_nobody_answers_for_is_not_asked(cast: Cast) -> None:
    cast.owner.bonds.all().delete()
    assert why(ask_shop, to_recheck(cast, alarm(cast.merchant)), cast.dispatcher) == "shop"


def test_who_was_sent_brings_words_and_a_picture(cast: Cast, issue: Issue, colleague: User) -> None:
    assert why(saw, issue, colleague) == "person"
    send(issue, colleague, cast.dispatcher)
    assert why(saw, issue, colleague, photos=()) == "evidence"
    assert why(saw, issue, colleague, words="") == "words"
    assert why(saw, issue, cast.town_officer) == "person"


@pytest.mark.parametrize("end", [Move.CLOSE, Move.REWORK])
def test_what_was_asked_for_ends_with_the_re_check(cast: Cast, issue: Issue, colleague: User, end: Move) -> None:
    send(issue, colleague, cast.dispatcher)
    ask_shop(issue, cast.dispatcher)
    do(issue, end, cast.dispatcher, words="够了", answer="已整改")
    look = Assignment.objects.get(part=Assignment.Part.CHECKING)
    assert (look.state, look.ended_at) == ("given_up", LATER)
    issue.refresh_from_db()
    assert looking.asked_of_shop(issue) is None
    assert why(saw, issue, colleague) == "person"


def test_who_was_sent_may_not_close_it(cast: Cast, issue: Issue, colleague: User) -> None:
    send(issue, colleague, cast.dispatcher)
    saw(issue, colleague)
    assert why(do, issue, Move.CLOSE, colleague, answer="好了") == "person"


def test_a_complaint_in_re_check_is_told_to_the_shop_and_so_it_may_be_asked(cast: Cast) -> None:
    told = complain(cast.merchant).issue
    do(told, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_recheck(cast, told)
    ask_shop(told, cast.dispatcher)


@pytest.mark.usefixtures("plain_static")
@time_machine.travel(LATER, tick=False)
def test_the_pages_of_who_asks_who_goes_and_the_shop(client: Client, cast: Cast, issue: Issue, colleague: User) -> None:
    page, look, shop = f"/issues/{issue.number}/", f"/issues/{issue.number}/look/", f"/shop/issues/{issue.number}/"

    def sent(**form: Any) -> int:
        return client.post(look, {"submission": str(uuid4()), **form}).status_code

    client.force_login(cast.owner)
    assert 'name="photo"' not in client.get(shop).content.decode()
    assert client.post(shop, {"words": "抢先", "submission": str(uuid4())}).status_code == 409
    client.force_login(cast.dispatcher)
    html = client.get(page).content.decode()
    assert "look-shop" in html and "look-send" in html
    assert sent(do="shop", words="请拍滤网") == 302
    assert sent(do="send", words="看桶盖", person=str(colleague.pk)) == 302
    assert looking.asked_of_shop(issue) is not None and len(looking.looks(issue)) == 1
    assert sent(do="send", words="看桶盖", person="x") == 302  # refused in words
    assert sent(do="fly") == 302
    html = client.get(page).content.decode()
    assert "请拍滤网" in html and colleague.name in html
    client.force_login(colleague)
    assert "look-saw" in client.get(page).content.decode()
    picture = SimpleUploadedFile("a.png", png().read(), "image/png")
    assert sent(do="saw", words="盖好了", photo_look=picture) == 302
    assert looking.looks(issue) == []
    client.force_login(cast.owner)
    assert "请拍滤网" in client.get(shop).content.decode()
    words = {"words": "拍好了", "submission": str(uuid4())}
    assert client.post(shop, words).status_code == 422
    shown = {**words, "submission": str(uuid4()), "photo": SimpleUploadedFile("b.png", png().read(), "image/png")}
    assert client.post(shop, shown).status_code == 302
    assert looking.asked_of_shop(issue) is None
