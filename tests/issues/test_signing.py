"""会签: each of two officers signs one version of the text himself; until both have, it is a draft on page and paper."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import BytesIO
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from docx import Document

from lingxiu.accounts.models import Post, User
from lingxiu.files.models import StoredFile
from lingxiu.issues import rectifications
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.inspection_paper import inspection_data, inspection_pdf
from lingxiu.issues.inspection_rules import Inspecting, InspectionRefused, Outcome
from lingxiu.issues.inspections import amend, before, inspect, sign, used_and_cap
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.issues.papers import record_data
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.rectifications import Notice, NoticeRefused, drafts_of, notices_of, write
from lingxiu.issues.signing import SigningRefused, counted, hands, lock, refuse, shown, to_do, unsigned, withdraw
from lingxiu.issues.signing_late import follow_unsigned
from lingxiu.issues.signing_models import Signature
from lingxiu.journal.models import Entry
from tests.cast import Cast, person
from tests.issues.world import LATER, do, find, inspected, photo
from tests.pages import plain_static

__all__ = ["plain_static"]

HOUR = timedelta(hours=1)


@pytest.fixture
def second(cast: Cast) -> User:
    """The team's other officer."""
    return person("team2", "town_officer", cast.town_team)


def said(second: User, **values: Any) -> Inspecting:
    return Inspecting(second.pk, ("T07",), LATER - HOUR, LATER, **values)


def made(officer: User, second: User, cast: Cast, **values: Any) -> Inspection:
    return inspect(
        cast.merchant,
        said(second),
        officer=officer,
        words="查看净化器，运行正常",
        at=LATER,
        submission=uuid4(),
        **values,
    )


def why(call: Any, *args: Any, **values: Any) -> str:
    with pytest.raises(SigningRefused) as told:
        call(*args, **values)
    return told.value.why


def refused_by(one: Inspection, by: User, words: str = "时间写错了") -> None:
    with transaction.atomic():
        refuse(lock(Inspection, one.pk), by, shown(one), words, LATER)


# ── a signature is one's own, and of one text ────────────────────────────────────────────────────────────────────


def test_who_writes_it_has_signed_it_and_the_other_must_himself(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    assert (one.is_final, unsigned(one), to_do(second), counted(second)) == (False, [second.pk], [one], 1)
    assert (to_do(cast.town_officer), counted(cast.town_officer)) == ([], 0)
    one = sign(one.pk, by=second, seen=shown(one), at=LATER + HOUR)
    assert (one.is_final, one.signed_at, to_do(second)) == (True, LATER + HOUR, [])
    assert [(hand.officer, hand.said and hand.said.text_sha256) for hand in hands(one)] == [
        (cast.town_officer, one.text_sha256), (second, one.text_sha256),
    ]  # fmt: skip
    assert Entry.objects.filter(kind="inspection.signed").get().actor_id == second.pk


def test_nobody_signs_for_him(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    for other in (cast.department_officer, cast.dispatcher, cast.county_officer):
        assert why(sign, one.pk, by=other, seen=shown(one), at=LATER) == "person"
    sign(one.pk, by=cast.town_officer, seen=shown(one), at=LATER)
    one.refresh_from_db()
    assert (one.is_final, Signature.objects.count()) == (False, 1)


def test_a_second_tap_is_one_signature_and_what_both_signed_stays(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    for _ in range(2):
        sign(one.pk, by=second, seen=shown(one), at=LATER)
    assert Signature.objects.count() == 2
    anew: dict[str, Any] = {"by": cast.town_officer, "seen": shown(one), "at": LATER}
    assert why(amend, one.pk, said(second), "另写", **anew) == "final"
    with transaction.atomic():
        assert why(withdraw, lock(Inspection, one.pk), cast.town_officer, "不要了", LATER) == "final"


def test_what_was_changed_meanwhile_is_not_signed(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    read = shown(one)
    two = amend(one.pk, said(second), "查看净化器，未开启", by=cast.town_officer, seen=read, at=LATER)
    assert (two.version, unsigned(two)) == (2, [second.pk])
    assert why(sign, one.pk, by=second, seen=read, at=LATER) == "changed"
    Inspection.objects.filter(pk=one.pk).update(words="有人从旁改了")
    assert why(sign, one.pk, by=second, seen=shown(two), at=LATER) == "changed"


def test_who_signed_before_the_text_was_changed_signs_again(cast: Cast, second: User) -> None:
    one = inspect_for_both(cast, second)
    sign(one.pk, by=second, seen=shown(one), at=LATER)
    two = amend(one.pk, said(second), "另写", by=cast.town_officer, seen=shown(one), at=LATER)
    assert unsigned(two) == [second.pk]
    two = sign(one.pk, by=second, seen=shown(two), at=LATER)
    assert two.is_final
    texts = Signature.objects.filter(officer=second).values_list("version", "text__words")
    assert list(texts) == [(1, "查看净化器，运行正常"), (2, "另写")]


def inspect_for_both(cast: Cast, second: User) -> Inspection:
    """Entered by the dispatcher for the officers: neither has signed it."""
    issue = find(cast.town_officer, "V-A1", merchant=cast.merchant)
    if issue.lead_unit != cast.town_team:
        do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    do(issue, Move.ACCEPT, cast.town_officer)
    brought = {"words": "查看净化器，运行正常", "inspection": said(second), "on_behalf_of": cast.town_officer}
    do(issue, Move.HANDLE, cast.dispatcher, **brought)
    return Inspection.objects.get()


def test_what_the_dispatcher_enters_for_officers_both_sign(cast: Cast, second: User) -> None:
    one = inspect_for_both(cast, second)
    assert unsigned(one) == [cast.town_officer.pk, second.pk]
    sign(one.pk, by=second, seen=shown(one), at=LATER)
    assert not sign(one.pk, by=second, seen=shown(one), at=LATER).is_final
    assert sign(one.pk, by=cast.town_officer, seen=shown(one), at=LATER).is_final


# ── refused, put right, withdrawn ────────────────────────────────────────────────────────────────────────────────


def test_who_does_not_agree_refuses_for_a_reason_and_it_is_put_right(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    with transaction.atomic():
        assert why(refuse, lock(Inspection, one.pk), second, shown(one), "  ", LATER) == "reason"
    refused_by(one, second)
    assert why(sign, one.pk, by=second, seen=shown(one), at=LATER) == "refused"
    assert (to_do(cast.town_officer), to_do(second)) == ([one], [])
    two = amend(
        one.pk, said(second, outcome=Outcome.PUT_RIGHT), "改正", by=cast.town_officer, seen=shown(one), at=LATER
    )
    assert (to_do(cast.town_officer), to_do(second)) == ([], [two])
    assert sign(two.pk, by=second, seen=shown(two), at=LATER).is_final


def test_who_was_not_there_is_replaced_by_who_was(cast: Cast, second: User) -> None:
    third = person("team3", "town_officer", cast.town_team)
    one = made(cast.town_officer, second, cast)
    refused_by(one, second, "我当天不在")
    two = amend(one.pk, said(third), "查看净化器", by=cast.town_officer, seen=shown(one), at=LATER)
    assert why(sign, one.pk, by=second, seen=shown(two), at=LATER) == "person"
    assert sign(one.pk, by=third, seen=shown(two), at=LATER).is_final


def test_the_new_version_is_held_against_the_same_rules(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    with pytest.raises(InspectionRefused) as told:
        amend(one.pk, said(cast.department_officer), "x", by=cast.town_officer, seen=shown(one), at=LATER)
    assert told.value.why == "second"
    assert why(amend, one.pk, said(second), "x", by=cast.department_officer, seen=shown(one), at=LATER) == "writer"


def test_what_is_withdrawn_burdens_the_shop_no_more(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    assert used_and_cap(cast.merchant, LATER)[0] == 1
    with transaction.atomic():
        assert why(withdraw, lock(Inspection, one.pk), cast.dispatcher, "错了", LATER) == "writer"
        withdraw(lock(Inspection, one.pk), cast.town_officer, "录错商户", LATER)
    assert used_and_cap(cast.merchant, LATER)[0] == 0
    assert before(cast.merchant, cast.town_team.pk, LATER).inspections == []
    assert why(sign, one.pk, by=second, seen=shown(one), at=LATER) == "withdrawn"
    made(cast.town_officer, second, cast)


def test_the_issue_s_record_on_paper_says_that_it_is_a_draft(cast: Cast, second: User) -> None:
    one = inspect_for_both(cast, second)
    assert "草稿：双方未签齐" in on_paper(one, cast)
    for officer in (cast.town_officer, second):
        sign(one.pk, by=officer, seen=shown(one), at=LATER)
    assert "草稿" not in on_paper(one, cast) and "行政行为码待赋" in on_paper(one, cast)


def test_the_record_of_an_inspection_is_printed_with_both_signatures_and_room_for_the_shop_s(
    cast: Cast, second: User
) -> None:
    Post.objects.filter(user=cast.town_officer).update(certificate_no="33042100017")
    one = made(cast.town_officer, second, cast, photos=(photo(1),))
    draft = inspection_data(one, second, LATER)
    assert (draft["standing"], [hand["said"][:3] for hand in draft["hands"]]) == (  # type: ignore[attr-defined]  # a list
        "草稿：两名人员未签齐，不具效力", ["已签名", "待签名"],
    )  # fmt: skip
    one = sign(one.pk, by=second, seen=shown(one), at=LATER)
    data = inspection_data(one, second, LATER)
    assert data["standing"] == "" and data["fingerprint"] == f"sha256:{one.text_sha256}"
    text = json.dumps(data, ensure_ascii=False)
    for word in (
        cast.town_team.name,
        cast.merchant.name,
        "33042100017",
        "查看净化器，运行正常",
        "被检查人签名",
        "行政行为码待赋",
    ):
        assert word in text, word
    assert inspection_pdf(one, second, at=LATER).startswith(b"%PDF-1.")
    assert Entry.objects.get(kind="inspection.printed").actor_id == second.pk


def test_a_withdrawn_record_says_so_on_paper(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    with transaction.atomic():
        withdraw(lock(Inspection, one.pk), cast.town_officer, "写错了店", LATER)
    one.refresh_from_db()
    assert inspection_data(one, second, LATER)["standing"] == "已撤回，不作数"


def on_paper(one: Inspection, cast: Cast) -> str:
    assert one.issue is not None
    return json.dumps(record_data(Issue.objects.get(pk=one.issue.pk), cast.town_officer, LATER), ensure_ascii=False)


# ── the database too ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_database_gives_a_draft_no_code_and_keeps_a_signature_as_it_was_given(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    with pytest.raises(IntegrityError), transaction.atomic():
        Inspection.objects.filter(pk=one.pk).update(act_code="330421-1")
    for change in ({"verdict": "refused", "words": "x"}, {"text_sha256": "0" * 64}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Signature.objects.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Signature.objects.all()[0].delete()


def test_what_was_written_before_there_were_signatures_counts_as_it_did(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    Inspection.objects.filter(pk=one.pk).update(version=0, act_code="330421-1")
    one.refresh_from_db()
    assert (one.is_final, to_do(second), follow_unsigned(LATER + 99 * HOUR)) == (True, [], 0)


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_one_who_signs_and_one_who_changes_the_text_one_wins(committed: Cast) -> None:
    cast, second = committed, person("team2", "town_officer", committed.town_team)
    for n in range(10):
        one = inspect(
            cast.merchant, Inspecting(second.pk, ("T07",), LATER - HOUR, LATER), officer=cast.town_officer,
            words=f"第{n}次", at=LATER, submission=uuid4(),
        )  # fmt: skip
        start, seen = Barrier(2), shown(one)

        def go(what: str, one: Inspection = one, start: Barrier = start, seen: str = seen) -> str:
            try:
                start.wait()
                if what == "sign":
                    sign(one.pk, by=second, seen=seen, at=LATER)
                else:
                    amend(one.pk, said(second), "改了", by=cast.town_officer, seen=seen, at=LATER)
                return "done"
            except SigningRefused as error:
                return error.why
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            outcome = dict(zip(("sign", "amend"), pool.map(go, ("sign", "amend")), strict=True))
        one.refresh_from_db()
        if outcome["sign"] == "done":
            assert (outcome["amend"], one.version, one.is_final) == ("final", 1, True)
        else:
            assert (outcome, one.version, one.is_final) == ({"sign": "changed", "amend": "done"}, 2, False)
        assert all(given.text_sha256 == one.text_sha256 for given in one.signatures.filter(version=one.version))
        Inspection.objects.filter(pk=one.pk).update(withdrawn_at=LATER)


def test_both_officers_at_the_same_moment_make_it_final_once(committed: Cast) -> None:
    cast, second = committed, person("team2", "town_officer", committed.town_team)
    for _ in range(5):
        one = inspect_for_both(cast, second) if not Inspection.objects.exists() else again(cast, second)
        start, seen = Barrier(2), shown(one)

        def go(user: User, one: Inspection = one, start: Barrier = start, seen: str = seen) -> None:
            try:
                start.wait()
                sign(one.pk, by=user, seen=seen, at=LATER)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(go, (cast.town_officer, second)))
        one.refresh_from_db()
        assert (one.is_final, one.signatures.count()) == (True, 2)
        assert Entry.objects.filter(kind="inspection.signed", subject_id=str(one.pk)).count() == 1


def again(cast: Cast, second: User) -> Inspection:
    """Another one that neither has signed."""
    last = Inspection.objects.latest("pk")
    values = {field.attname: getattr(last, field.attname) for field in Inspection._meta.concrete_fields}
    values |= {"id": None, "submission": uuid4(), "signed_at": None, "act_code": None}
    return Inspection.objects.create(**values)


# ── nobody signs ─────────────────────────────────────────────────────────────────────────────────────────────────


def entries(kind: str) -> list[list[int]]:
    return [entry.reference["people"] for entry in Entry.objects.filter(kind=kind).order_by("id")]


def test_who_does_not_sign_is_reminded_once_and_then_the_unit_hears_of_it_once(cast: Cast, second: User) -> None:
    made(cast.town_officer, second, cast)
    assert follow_unsigned(LATER + 3 * HOUR) == 0
    assert [follow_unsigned(LATER + hours * HOUR) for hours in (4, 5, 23)] == [1, 0, 0]
    assert entries("inspection.waiting") == [[second.pk]]
    assert [follow_unsigned(LATER + hours * HOUR) for hours in (24, 48)] == [1, 0]
    assert entries("inspection.unsigned") == [sorted([cast.town_officer.pk, second.pk])]
    assert Entry.objects.get(kind="inspection.unsigned").reference["units"] == [cast.town_team.pk]


def test_after_a_standstill_of_two_days_each_is_said_once(cast: Cast, second: User) -> None:
    made(cast.town_officer, second, cast)
    assert [follow_unsigned(LATER + 48 * HOUR), follow_unsigned(LATER + 49 * HOUR)] == [2, 0]


def test_who_refused_is_not_reminded_but_who_must_put_it_right(cast: Cast, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    refused_by(one, second)
    follow_unsigned(LATER + 4 * HOUR)
    assert entries("inspection.waiting") == [[cast.town_officer.pk]]
    amend(one.pk, said(second), "改正", by=cast.town_officer, seen=shown(one), at=LATER + 5 * HOUR)
    assert [follow_unsigned(LATER + hours * HOUR) for hours in (8, 9)] == [0, 1]
    assert entries("inspection.waiting")[-1] == [second.pk]


# ── the notice to the merchant ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def found(cast: Cast, second: User) -> Issue:
    """A find the town's team enforces, inspected, with the code of the act."""
    issue = find(cast.town_officer, "V-A1b", merchant=cast.merchant)
    if issue.lead_unit != cast.town_team:
        what = Move.DISPATCH if issue.state == "received" else Move.TRANSFER
        do(issue, what, cast.dispatcher, unit=cast.town_team, words="请执法队办")
    issue.refresh_from_db()
    inspected(issue, cast.town_officer, second)
    return issue


def written(
    issue: Issue, cast: Cast, second: User, *, demands: str = "清洗净化器", at: datetime = LATER
) -> Rectification:
    return write(issue, cast.town_officer, Notice(second, demands, at.date() + timedelta(days=4)), at=at)


def words_of(sha256: str) -> str:
    paper = Document(BytesIO(StoredFile.objects.get(sha256=sha256).path.read_bytes()))
    heads = [line for section in paper.sections for line in section.header.paragraphs]
    return "\n".join(line.text for line in [*heads, *paper.paragraphs])


def test_a_notice_is_a_draft_that_says_so_until_the_second_officer_signs(
    cast: Cast, found: Issue, second: User
) -> None:
    one = written(found, cast, second)
    assert words_of(one.draft).count(f"草稿，未生效：待{second.name}签名") == 2, (
        "above the text and at the head of each page"
    )
    assert (one.file, notices_of(found), to_do(second)) == ("", [], [one])
    one = rectifications.sign(one.pk, by=second, seen=shown(one), at=LATER)
    paper = words_of(one.file)
    assert "草稿" not in paper and "清洗净化器" in paper and "2026年3月5日" in paper
    assert [file.sha256 for file in notices_of(found)] == [one.file]


def test_written_anew_the_draft_before_is_taken_back(cast: Cast, found: Issue, second: User) -> None:
    one, two = (written(found, cast, second, demands=demands) for demands in ("清洗", "清洗并更换滤芯"))
    one.refresh_from_db()
    assert one.withdrawn_at is not None
    assert why(rectifications.sign, one.pk, by=second, seen=shown(one), at=LATER) == "withdrawn"
    assert drafts_of(found) == [two]


def test_a_notice_whose_day_has_come_is_not_signed_any_more(cast: Cast, found: Issue, second: User) -> None:
    one = written(found, cast, second)
    with pytest.raises(NoticeRefused) as told:
        rectifications.sign(one.pk, by=second, seen=shown(one), at=LATER + timedelta(days=4))
    assert told.value.why == "late"
    one.refresh_from_db()
    assert (one.is_final, one.file) == (False, "")


def test_the_paper_is_made_from_the_template_the_draft_was_made_from(
    cast: Cast, found: Issue, second: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = written(found, cast, second)
    monkeypatch.setattr("lingxiu.issues.word_templates.for_notice", lambda *given: pytest.fail("asked for another"))
    one = rectifications.sign(one.pk, by=second, seen=shown(one), at=LATER)
    assert "责令整改通知书" in words_of(one.file)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def page(user: User, path: str, **form: Any) -> tuple[int, str]:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    answer = client.post(path, form) if form else client.get(path)
    return answer.status_code, answer.content.decode()


def test_his_list_leads_to_the_record_which_says_that_it_is_a_draft(
    cast: Cast, plain_static: None, second: User
) -> None:
    one = made(cast.town_officer, second, cast)
    path = f"/issues/inspections/{one.pk}/"
    assert "1 record or notice waits for your signature" in page(second, "/issues/")[1]
    assert "/issues/to-sign/" not in page(cast.town_officer, "/issues/?view=mine")[1]
    assert path in page(second, "/issues/to-sign/")[1]
    for reader, offered in ((second, True), (cast.town_officer, False), (cast.dispatcher, False)):
        status, text = page(reader, path)
        assert (status, "A draft, without effect" in text, "sign</span>" in text or "read it: sign" in text) == (
            200,
            True,
            offered,
        )


def test_he_signs_refuses_and_puts_right_on_the_page(cast: Cast, plain_static: None, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    path = f"/issues/inspections/{one.pk}/"
    assert page(second, f"{path}sign/", act="refuse", seen=shown(one), words="")[0] == 422
    assert page(second, f"{path}sign/", act="refuse", seen=shown(one), words="缺一项")[0] == 302
    assert "缺一项" in page(cast.town_officer, "/issues/to-sign/")[1]
    status, text = page(cast.town_officer, f"{path}amend/")
    assert (status, "查看净化器，运行正常" in text) == (200, True)
    local = timezone.localtime(LATER)
    sent = {
        "second": second.pk, "items": ["T07", "T08"], "why": "plan", "number": "", "words": "两项都看了",
        "started_at": f"{local - HOUR:%Y-%m-%dT%H:%M}", "ended_at": f"{local:%Y-%m-%dT%H:%M}", "outcome": "in_order",
        "seen": shown(one), "submission": str(uuid4()),
    }  # fmt: skip
    assert [page(cast.town_officer, f"{path}amend/", **sent)[0] for _ in range(2)] == [302, 302]
    stale, text = page(second, f"{path}sign/", act="sign", seen=shown(one))
    assert (stale, "changed since you opened it" in text) == (409, True)
    one.refresh_from_db()
    assert (one.version, one.items) == (2, ["T07", "T08"])
    assert page(second, f"{path}sign/", act="sign", seen=shown(one))[0] == 302
    one.refresh_from_db()
    assert one.is_final
    assert page(cast.town_officer, f"{path}amend/")[0] == 409


def test_strangers_neither_sign_nor_put_right(cast: Cast, plain_static: None, second: User) -> None:
    one = made(cast.town_officer, second, cast)
    path = f"/issues/inspections/{one.pk}/"
    assert page(cast.dispatcher, f"{path}sign/", act="sign", seen=shown(one))[0] == 403
    assert page(cast.grid_member, f"{path}sign/", act="sign", seen=shown(one))[0] == 404
    assert page(cast.owner, f"{path}sign/", act="sign", seen=shown(one))[0] in (403, 404)
    assert page(cast.dispatcher, f"{path}amend/")[0] == 403


def test_the_notice_is_read_and_signed_on_its_page(cast: Cast, plain_static: None, found: Issue, second: User) -> None:
    one = written(found, cast, second, at=timezone.now())
    path = f"/issues/rectifications/{one.pk}/"
    status, text = page(second, path)
    assert (status, "清洗净化器" in text, "Download the draft" in text) == (200, True, True)
    assert page(second, f"{path}sign/", act="sign", seen=shown(one))[0] == 302
    assert "Download the notice" in page(cast.town_officer, path)[1]
    assert page(cast.other_dispatcher, path)[0] == 404
