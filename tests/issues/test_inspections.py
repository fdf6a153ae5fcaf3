"""检查笔录: two certified officers, within the cap, the code of the act; refused to everybody else, in page and verb."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from lingxiu.accounts.models import Bond, User
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.inspection_rules import Inspecting, InspectionRefused, Outcome, Why
from lingxiu.issues.inspections import ask_for_codes, before, for_notice, inspect, printable, used_and_cap
from lingxiu.issues.lifecycle import Move, MoveRefused, Result
from lingxiu.issues.models import Issue
from lingxiu.issues.order_models import OrderKind
from lingxiu.issues.orders import Given, Wanted, give
from lingxiu.journal.actions import SubmissionReused
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant, Standing
from tests.cast import BEGAN, NOON, Cast, person
from tests.issues.acts import ActCodes
from tests.issues.world import LATER, all_signed, complain, do, filled, find, photo
from tests.pages import plain_static

__all__ = ["plain_static"]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def said(second: User | None, *, at: datetime = LATER, items: tuple[str, ...] = ("T07",), **values: Any) -> Inspecting:
    return Inspecting(second.pk if second else None, items, at - HOUR, at, **values)


def made(
    officer: User,
    second: User,
    merchant: Merchant,
    *,
    at: datetime = LATER,
    submission: UUID | None = None,
    **values: Any,
) -> Inspection:
    return inspect(
        merchant, said(second, at=at, **values), officer=officer, words="检查油烟净化设施", at=at,
        submission=submission or uuid4(),
    )  # fmt: skip


def refused(*args: Any, **values: Any) -> str:
    with pytest.raises(InspectionRefused) as told:
        made(*args, **values)
    return told.value.why


@pytest.fixture
def second(cast: Cast) -> User:
    """The team's other officer."""
    return person("team2", "town_officer", cast.town_team)


@pytest.fixture
def third(cast: Cast) -> User:
    """The ecology department's other officer."""
    return person("ecology2", "department_officer", cast.ecology)


@pytest.fixture
def issue(cast: Cast) -> Issue:
    found = find(cast.town_officer, "V-A1", merchant=cast.merchant)
    do(found, Move.ACCEPT, cast.town_officer)
    return found


# ── on an issue ──


def test_an_inspection_on_an_issue_is_a_record_of_its_own_beside_the_move(
    cast: Cast, issue: Issue, second: User
) -> None:
    row = do(
        issue, Move.HANDLE, cast.town_officer, words="检查笔录：净化器未运行", photos=(photo(1),),
        inspection=said(second, items=("V-A1",), outcome=Outcome.ORDERED),
    )  # fmt: skip
    kept = Inspection.objects.get(issue=issue)
    assert row.data["act"] == "inspection"
    assert (kept.unit, kept.officer, kept.second_officer) == (cast.town_team, cast.town_officer, second)
    assert (kept.words, kept.photos, kept.items) == (row.words, row.photos, ["V-A1"])
    assert (kept.why, kept.outcome, kept.act_code, kept.move_version) == ("plan", "ordered", None, row.version)
    entry = Entry.objects.get(kind="inspection.made")
    assert (entry.subject_id, entry.merchant_id, entry.unit_id) == (str(kept.pk), cast.merchant.pk, cast.town_team.pk)


def test_an_order_to_correct_rests_on_an_inspection(cast: Cast, issue: Issue, second: User) -> None:
    shown = {"photos": (photo(2),), "told": filled(issue), "measured": "采样检测 3.4 mg/m³"}
    ordered: dict[str, Any] = {"result": Result.ORDERED, **shown}
    do(issue, Move.HANDLE, cast.town_officer, words="看了看", photos=(photo(1),))
    with pytest.raises(MoveRefused) as told:
        do(issue, Move.FEED_BACK, cast.town_officer, **ordered)
    assert told.value.why == "inspection"
    do(issue, Move.HANDLE, cast.town_officer, words="检查笔录", inspection=said(second))
    with pytest.raises(MoveRefused) as told:
        do(issue, Move.FEED_BACK, cast.town_officer, **ordered)
    assert told.value.why == "unsigned"
    all_signed()
    do(issue, Move.FEED_BACK, cast.town_officer, **ordered)
    issue.refresh_from_db()
    assert issue.result == "ordered"


def test_what_is_refused_leaves_no_move_and_no_record(cast: Cast, issue: Issue) -> None:
    for wrong in (None, cast.town_officer, cast.grid_member, cast.department_officer):
        with pytest.raises(MoveRefused) as told:
            do(issue, Move.HANDLE, cast.town_officer, words="检查", inspection=said(wrong))
        assert told.value.why == "second"
    assert not issue.moves.filter(move="handle").exists()
    assert not Inspection.objects.exists()


def test_a_grid_member_s_inspection_is_refused(cast: Cast, second: User) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    with pytest.raises(MoveRefused) as told:
        do(issue, Move.HANDLE, cast.grid_member, words="检查", inspection=said(second))
    assert told.value.why == "certificate"


def test_another_body_with_a_part_in_it_notes_its_own_inspection(cast: Cast, issue: Issue, third: User) -> None:
    with pytest.raises(MoveRefused) as told:
        do(issue, Move.NOTE, cast.department_officer, words="检查", inspection=said(third))
    assert told.value.why in ("certificate", "person")
    do(issue, Move.ESCALATE, cast.town_officer, words="需要联合")
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.ecology,))
    row = do(issue, Move.NOTE, cast.department_officer, words="检查笔录", inspection=said(third))
    assert row.data["act"] == "inspection"
    assert Inspection.objects.get().unit == cast.ecology


def test_the_same_submission_is_one_inspection_and_nobody_else_s(cast: Cast, second: User) -> None:
    submission = uuid4()
    one = made(cast.town_officer, second, cast.merchant, submission=submission)
    assert made(cast.town_officer, second, cast.merchant, submission=submission) == one
    with pytest.raises(SubmissionReused):
        made(second, cast.town_officer, cast.merchant, submission=submission)


# ── who ──


@pytest.mark.parametrize(
    "who", ["administrator", "county_officer", "leader", "dispatcher", "grid_member", "assessor", "owner"]
)
def test_nobody_but_certified_officers_inspects(cast: Cast, second: User, who: str) -> None:
    assert refused(getattr(cast, who), second, cast.merchant) == "certificate"


def test_both_are_of_one_body_and_neither_answers_for_the_shop(cast: Cast, second: User, third: User) -> None:
    assert refused(cast.town_officer, third, cast.merchant) == "second"
    Bond.objects.create(user=second, merchant_id=cast.merchant.pk, kind="owner", made_at=BEGAN)
    assert refused(cast.town_officer, second, cast.merchant) == "second"
    assert refused(second, cast.town_officer, cast.merchant) == "certificate"


def test_the_database_too_wants_two_officers_and_a_number(cast: Cast, second: User) -> None:
    kept = made(cast.town_officer, second, cast.merchant)
    for wrong in ({"second_officer": cast.town_officer}, {"why": "complaint"}, {"words": ""}, {"act_code": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Inspection.objects.filter(pk=kept.pk).update(**wrong)


# ── how often ──


def test_beyond_the_cap_only_for_a_complaint_or_an_order_about_this_shop(cast: Cast, second: User, third: User) -> None:
    made(cast.town_officer, second, cast.merchant)
    assert refused(cast.town_officer, second, cast.merchant, items=("T08",)) == "cap"
    numbered: dict[str, Any] = {"why": Why.COMPLAINT, "number": "JX20260305001"}
    assert refused(cast.town_officer, second, cast.merchant, **numbered) == "unknown_number"
    complain(cast.other_merchant, source="12345", own_number="JX20260305001")
    assert refused(cast.town_officer, second, cast.merchant, **numbered) == "unknown_number"
    numbered["number"] = complain(cast.merchant, source="12345", own_number="JX2").own_number
    made(cast.town_officer, second, cast.merchant, **numbered)
    assert used_and_cap(cast.merchant, LATER) == (1, 2)


@pytest.mark.parametrize(("kind", "why"), [(OrderKind.INSTRUCTION, Why.ORDER), (OrderKind.CAMPAIGN, Why.CAMPAIGN)])
def test_an_order_or_a_campaign_is_known_by_its_number_while_it_runs(
    cast: Cast, second: User, kind: OrderKind, why: Why
) -> None:
    numbered: dict[str, Any] = {"why": why, "number": "善油烟〔2026〕3号"}
    assert refused(cast.town_officer, second, cast.merchant, **numbered) == "unknown_number"
    given = Given(kind, "善油烟〔2026〕3号", "专项", "县政府", NOON.date(), "D-HOOD")
    wanted = [Wanted(cast.town_team, "逐户检查", NOON.date(), cast.other_merchant)]
    give(given, wanted, by=cast.county_officer, at=NOON, submission=uuid4())
    assert refused(cast.town_officer, second, cast.merchant, **numbered) == "unknown_number"
    assert made(cast.town_officer, second, cast.other_merchant, **numbered).why_number == "善油烟〔2026〕3号"


def test_a_shop_of_the_best_level_is_inspected_once_a_year(cast: Cast, second: User, third: User) -> None:
    Standing.objects.filter(merchant=cast.merchant).update(fume_level=1)
    made(cast.town_officer, second, cast.merchant)
    assert refused(cast.department_officer, third, cast.merchant, items=("T08",)) == "cap"
    assert used_and_cap(cast.merchant, LATER) == (1, 1)


def test_what_another_body_checked_is_marked_and_respected(cast: Cast, second: User, third: User) -> None:
    one = made(cast.town_officer, second, cast.merchant)
    seen = before(cast.merchant, cast.ecology.pk, LATER + DAY)
    assert (seen.inspections, seen.allowance.left) == ([one], 1)
    assert seen.settled["T07"] == one
    assert "T08" not in seen.settled
    assert refused(cast.department_officer, third, cast.merchant, at=LATER + DAY) == "checked"
    made(cast.department_officer, third, cast.merchant, items=("T08",), at=LATER + DAY)
    assert before(cast.merchant, cast.town_team.pk, LATER + DAY).allowance.left == 0


# ── two at once ──


def test_of_two_departments_at_the_last_free_place_one_wins(committed: Cast) -> None:
    cast = committed
    Standing.objects.filter(merchant=cast.merchant).update(fume_level=1)
    pairs = [
        (cast.town_officer, person("team2", "town_officer", cast.town_team)),
        (cast.department_officer, person("ecology2", "department_officer", cast.ecology)),
    ]
    for round_ in range(10):
        at = LATER + round_ * timedelta(days=366)
        start = Barrier(2)

        def go(pair: tuple[User, User], at: datetime = at, start: Barrier = start) -> str:
            try:
                start.wait()
                made(*pair, cast.merchant, items=("T07",) if pair[0] == cast.town_officer else ("T08",), at=at)
                return "made"
            except InspectionRefused as error:
                return error.why
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(go, pairs)) == ["cap", "made"]
    assert Inspection.objects.count() == 10


# ── the code of the act ──


@pytest.fixture
def codes(settings: Any) -> Any:
    with ActCodes() as other:
        settings.ACT_CODES_HOST, settings.ACT_CODES_KEY, settings.ACT_CODES_SECRET = other.url, other.key, other.secret
        yield other


def asked_at(codes: ActCodes, at: datetime) -> int:
    codes.now = at
    return ask_for_codes(at)


def test_a_code_is_asked_for_once_it_is_recorded_and_a_notice_waits_for_it(
    cast: Cast, codes: ActCodes, issue: Issue, second: User
) -> None:
    do(issue, Move.HANDLE, cast.town_officer, words="检查笔录", inspection=said(second))
    assert asked_at(codes, LATER) == 0, "a draft asks for no code"
    all_signed()
    kept = Inspection.objects.get()
    assert (printable(kept), for_notice(issue, cast.town_team.pk)) == (False, None)
    assert asked_at(codes, LATER) == 1
    kept.refresh_from_db()
    assert (kept.act_code, kept.act_simulated) == ("330421-000001", False)
    assert for_notice(issue, cast.town_team.pk) == kept
    assert codes.acts[str(kept.submission)]["unit"] == "330421001-team"
    assert asked_at(codes, LATER) == 0


def test_what_is_not_answered_or_refused_stays_outstanding_and_is_asked_for_again(
    cast: Cast, codes: ActCodes, second: User, third: User
) -> None:
    one = made(cast.town_officer, second, cast.merchant)
    made(cast.department_officer, third, cast.merchant, items=("T08",))
    all_signed()
    codes.broken = 1
    assert asked_at(codes, LATER) == 1
    one.refresh_from_db()
    assert (one.act_code, "503" in one.act_error) == (None, True)
    codes.secret = "another"
    assert asked_at(codes, LATER) == 0
    one.refresh_from_db()
    assert one.act_error == "wrong signature"
    codes.secret = ActCodes.SECRET
    assert asked_at(codes, LATER) == 1
    one.refresh_from_db()
    assert (one.act_code, one.act_error) == ("330421-000002", "")


def test_a_code_that_is_another_act_s_is_not_taken(cast: Cast, codes: ActCodes, second: User, third: User) -> None:
    made(cast.town_officer, second, cast.merchant)
    made(cast.department_officer, third, cast.merchant, items=("T08",))
    all_signed()
    codes.always = "330421-000009"
    assert asked_at(codes, LATER) == 1
    assert [one.act_code for one in Inspection.objects.order_by("pk")] == ["330421-000009", None]


def test_without_a_gateway_nobody_is_asked_and_the_demo_s_codes_say_that_they_are_simulated(
    cast: Cast, settings: Any, second: User, third: User
) -> None:
    settings.ACT_CODES_HOST, settings.DEMO = "", False
    kept = made(cast.town_officer, second, cast.merchant)
    all_signed()
    assert (kept.act_code, ask_for_codes(LATER)) == (None, 0)
    settings.DEMO = True
    assert ask_for_codes(LATER) == 1
    kept.refresh_from_db()
    assert kept.act_simulated
    assert str(kept.act_code).startswith("模拟-20260305-")
    other = made(cast.department_officer, third, cast.merchant, items=("T08",))
    all_signed()
    other.refresh_from_db()
    assert other.act_simulated, "the demo's simulator gives it with the second signature"


# ── pages ──


def page(user: User, path: str, **form: Any) -> tuple[int, str]:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    answer = client.post(path, form) if form else client.get(path)
    return answer.status_code, answer.content.decode()


def form(second: User, **values: Any) -> dict[str, Any]:
    now = timezone.localtime(timezone.now())
    return {
        "submission": str(uuid4()), "second": second.pk, "items": ["T07"], "why": "plan", "number": "",
        "started_at": f"{now - HOUR:%Y-%m-%dT%H:%M}", "ended_at": f"{now:%Y-%m-%dT%H:%M}", "words": "检查笔录",
        "outcome": "in_order", **values,
    }  # fmt: skip


def test_officers_see_what_was_checked_before_they_write(
    cast: Cast, plain_static: None, second: User, third: User
) -> None:
    made(cast.department_officer, third, cast.merchant, at=timezone.now() - DAY)
    status, text = page(cast.town_officer, f"/merchants/{cast.merchant.pk}/inspection/")
    assert status == 200
    assert "1 inspection left for your unit this year" in text
    assert "All bodies: 1 of at most 2. Your unit: 0 of at most 1." in text
    assert "not to be checked again before" in text
    assert cast.ecology.name in text
    assert "draft: not signed by both" in text
    sent = form(second)
    status, text = page(cast.town_officer, f"/merchants/{cast.merchant.pk}/inspection/", **sent)
    assert (status, "Another body has checked this already" in text) == (422, True)
    assert (
        page(cast.town_officer, f"/merchants/{cast.merchant.pk}/inspection/", **form(second, items=["T08"]))[0] == 302
    )
    assert Inspection.objects.count() == 2


def test_the_issue_s_page_leads_to_the_form_which_moves_the_issue(cast: Cast, plain_static: None, second: User) -> None:
    issue = find(cast.town_officer, "V-A1", merchant=cast.merchant, at=timezone.now())
    path = f"/issues/{issue.number}/inspection/"
    assert path not in page(cast.town_officer, f"/issues/{issue.number}/")[1]
    assert page(cast.town_officer, path)[0] == 409
    do(issue, Move.ACCEPT, cast.town_officer, at=timezone.now())
    assert path in page(cast.town_officer, f"/issues/{issue.number}/")[1]
    assert path not in page(cast.dispatcher, f"/issues/{issue.number}/")[1]
    assert page(cast.town_officer, path, **form(second, items=["V-A1"]))[0] == 302
    kept = Inspection.objects.get(issue=issue)
    assert issue.moves.get(move="handle").data["act"] == "inspection"
    all_signed()
    status, text = page(cast.town_officer, f"/issues/inspections/{kept.pk}/")
    assert (status, "检查笔录" in text, "The act code is outstanding" in text) == (200, True, True)


def test_a_grid_member_is_refused_in_words(cast: Cast, plain_static: None, second: User) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    for path in (f"/issues/{issue.number}/inspection/", f"/merchants/{cast.merchant.pk}/inspection/"):
        status, text = page(cast.grid_member, path, **form(second))
        assert (status, "grid members visit and remind" in text) == (403, True)
    assert not Inspection.objects.exists()


def test_the_same_form_sent_twice_is_one_inspection(cast: Cast, plain_static: None, second: User) -> None:
    sent = form(second)
    path = f"/merchants/{cast.merchant.pk}/inspection/"
    assert [page(cast.town_officer, path, **sent)[0] for _ in range(2)] == [302, 302]
    assert Inspection.objects.count() == 1


def test_the_portrait_lists_them_and_the_public_face_shows_the_number_against_the_cap(
    cast: Cast, plain_static: None, second: User, settings: Any
) -> None:
    settings.DEMO = True
    made(cast.town_officer, second, cast.merchant, at=timezone.now())
    all_signed()
    text = page(cast.town_officer, f"/merchants/{cast.merchant.pk}/")[1]
    assert "模拟-" in text
    assert cast.town_team.name in text
    face = Client(headers={"accept-language": "en"}).get(f"/m/{cast.merchant.codes.get().token}").content.decode()
    assert "Official inspections this year" in face
    assert "of at most 2" in face
