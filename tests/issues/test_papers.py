"""What goes on paper: the record, the slips, the notice; who may print what, and what is never printed."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from docx import Document

from lingxiu.accounts.absences import declare as absent
from lingxiu.accounts.models import Post, User
from lingxiu.config.environment import Environment, environment
from lingxiu.files.models import StoredFile
from lingxiu.issues import papers, word_templates
from lingxiu.issues.kept import PrivateNote
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.rectifications import WHY_NO_NOTICE, Notice, NoticeRefused, notices_of, sign, write
from lingxiu.issues.signing import shown
from lingxiu.issues.word_templates import NOTICE
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant
from tests.cast import NOON, Cast, person
from tests.issues.world import LATER, alarm, complain, do, find, inspected, photo, to_closed

DEMANDS = "清洗油烟净化器\n三日内提交清洗记录"
SOON = date(2026, 3, 9)


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def pages(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF-1.")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def reported_and_closed(cast: Cast) -> Issue:
    issue = complain(cast.merchant, words="楼下晚上冒烟", name="王芳", phone="13900001111").issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, at=NOON, words="请去看看")
    return to_closed(cast, issue, answer="已督促清洗，谢谢反映")


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_record_is_one_page_with_the_whole_history(cast: Cast) -> None:
    issue = reported_and_closed(cast)
    assert pages(papers.record_pdf(issue, cast.dispatcher, at=LATER)) == 1
    data = papers.record_data(issue, cast.dispatcher, LATER)
    assert len(data["moves"]) == issue.moves.count()  # type: ignore[arg-type]  # a list
    assert len(data["photos"]) == 2  # type: ignore[arg-type]  # a list
    assert {photo["mark"] for photo in data["photos"]} == {""}  # type: ignore[attr-defined]  # a list
    text = json.dumps(data, ensure_ascii=False)
    assert "请去看看" in text and "已督促清洗，谢谢反映" in text and "办结" in text


def test_the_record_says_which_picture_is_from_the_album(cast: Cast) -> None:
    issue = reported_and_closed(cast)
    StoredFile.objects.filter(sha256=issue.moves.get(move=Move.HANDLE).photos[0]).update(origin="album")
    assert pages(papers.record_pdf(issue, cast.dispatcher, at=LATER)) == 1
    marks = [photo["mark"] for photo in papers.record_data(issue, cast.dispatcher, LATER)["photos"]]  # type: ignore[attr-defined]  # a list
    assert set(marks) == {"相册照片"}


def test_the_record_never_names_the_reporter_and_shows_their_words_only_to_who_may_read_them(cast: Cast) -> None:
    issue = reported_and_closed(cast)
    PrivateNote.objects.create(
        issue=issue, unit=cast.town, author=cast.dispatcher, words="老板脾气大", at=NOON, submission=uuid.uuid4()
    )
    for reader, reads in ((cast.dispatcher, True), (cast.grid_member, False)):
        text = json.dumps(papers.record_data(issue, reader, LATER), ensure_ascii=False)
        assert ("楼下晚上冒烟" in text) is reads
        assert not {word for word in ("王芳", "13900001111", "老板脾气大") if word in text}


def test_a_long_history_runs_on_to_a_second_page_and_loses_nothing(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    for n in range(120):
        do(issue, Move.NOTE, cast.dispatcher, words=f"第{n}次联系，店家说明天处理，已记录在案", at=LATER)
    assert pages(papers.record_pdf(issue, cast.dispatcher, at=LATER)) >= 2


@pytest.mark.parametrize(
    ("who", "code"),
    [("grid_member", 200), ("leader", 200), ("other_dispatcher", 404), ("owner", 404), ("department_officer", 404)],
)
def test_the_record_is_for_officers_who_see_the_issue(cast: Cast, who: str, code: int) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    answer = browser(getattr(cast, who)).get(f"/issues/{issue.number}/record.pdf")
    assert answer.status_code == code
    if code == 200:
        assert answer["Content-Type"] == "application/pdf"
        assert Entry.objects.get(kind="issue.printed").reference == {"paper": "record"}


# ── slips ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_slips_of_one_and_of_many(cast: Cast) -> None:
    issues = [find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(minutes=n)) for n in range(3)]
    client = browser(cast.dispatcher)
    rows = "&".join(f"row={issue.number}.0" for issue in issues)
    one = client.get(f"/issues/{issues[0].number}/assignment.pdf")
    assert pages(one.content) == 1
    assert pages(client.get(f"/issues/assignments.pdf?{rows}").content) == 3
    assert pages(client.get(f"/issues/receipts.pdf?{rows}").content) == 1
    assert pages(client.get("/issues/receipts.pdf?view=unit&all=1").content) == 1
    assert Entry.objects.filter(kind="issue.printed", reference__paper="receipt").count() == 6


def test_what_is_with_nobody_has_no_slip(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    answer = browser(cast.dispatcher, "en").get(f"/issues/{issue.number}/assignment.pdf")
    assert answer.status_code == 409
    assert "dispatch them first" in answer.content.decode()


def test_a_slip_says_what_where_by_when_and_not_who_reported_it(cast: Cast) -> None:
    issue = complain(cast.merchant, words="楼下晚上冒烟", name="王芳").issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, at=NOON, words="请去看看")
    issue.refresh_from_db()
    text = json.dumps(papers.slips_data("assignment", [issue], cast.dispatcher, LATER), ensure_ascii=False)
    assert "一鲜居" in text and "请去看看" in text and cast.grid.name in text
    assert "王芳" not in text and "楼下晚上冒烟" not in text


def test_a_slip_says_for_whom_somebody_stands_in(cast: Cast) -> None:
    colleague = person("colleague", "grid_member", cast.grid)
    absent(
        cast.grid_member,
        NOON,
        NOON + timedelta(days=5),
        reason="leave",
        deputy=colleague,
        at=NOON,
        by=cast.grid_member.pk,
    )
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.dispatcher, words="收回")
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, person=cast.grid_member)
    issue.refresh_from_db()
    [slip] = papers.slips_data("assignment", [issue], cast.dispatcher, LATER)["slips"]  # type: ignore[misc]  # rows
    assert slip["to"] == f"{cast.grid.name} · {colleague.name}（代{cast.grid_member.name}）"


def test_only_dispatchers_print_slips(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    for user in (cast.grid_member, cast.town_officer, cast.leader):
        assert browser(user).get(f"/issues/{issue.number}/receipt.pdf").status_code == 403


# ── the notice ───────────────────────────────────────────────────────────────────────────────────────────────────


def with_the_team(cast: Cast, violation: str = "V-A1b") -> Issue:
    """A finding the town was given to enforce, with its team; two certified officers work there."""
    issue = find(cast.town_officer, violation, merchant=cast.merchant)
    if issue.lead_unit != cast.town_team:
        do(
            issue, Move.TRANSFER, cast.dispatcher, unit=cast.town_team, words="请执法队办"
        ) if issue.state != "received" else do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
    issue.refresh_from_db()
    return issue


def rests(issue: Issue, officer: User, second: User) -> tuple[Issue, User]:
    """With an inspection of both, which a notice rests on."""
    inspected(issue, officer, second)
    return issue, second


def colleague(cast: Cast) -> User:
    one = person("team2", "town_officer", cast.town_team)
    Post.objects.filter(user=one).update(certificate_no="ZJ0002")
    Post.objects.filter(user=cast.town_officer).update(certificate_no="ZJ0001")
    return one


def made_notice(issue: Issue, officer: User, notice: Notice, *, at: datetime) -> StoredFile:
    """Written by one, signed by the other: the paper."""
    draft = write(issue, officer, notice, at=at)
    return paper_of(sign(draft.pk, by=draft.second_officer, seen=shown(draft), at=at))


def paper_of(made: Rectification) -> StoredFile:
    return StoredFile.objects.get(sha256=made.file)


def words_of(file: StoredFile) -> str:
    return "\n".join(line.text for line in Document(BytesIO(file.path.read_bytes())).paragraphs)


def test_a_notice_names_two_officers_the_finding_its_basis_and_what_to_do_by_when(cast: Cast) -> None:
    issue, second = rests(with_the_team(cast), cast.town_officer, colleague(cast))
    file = made_notice(issue, cast.town_officer, Notice(second, DEMANDS, SOON), at=LATER)
    text = words_of(file)
    for part in ("一鲜居", "ZJ0001", "ZJ0002", "油烟未经净化直接排放", "《嘉兴市餐饮业油烟管理办法》第八条第一款、第十四条",
                 "1. 清洗油烟净化器", "2. 三日内提交清洗记录", "2026年3月9日", "魏塘执法队"):  # fmt: skip
        assert part in text, part
    assert "{" not in text
    told = Entry.objects.get(kind="issue.printed")
    kept = Rectification.objects.get()
    assert told.reference == {"paper": "notice", "file": file.sha256, "notice": kept.pk}
    assert (told.actor_id, kept.file) == (second.pk, file.sha256)


def refused(issue: Issue, officer: User, notice: Notice) -> str:
    with pytest.raises(NoticeRefused) as error:
        made_notice(issue, officer, notice, at=LATER)
    assert str(WHY_NO_NOTICE[error.value.why])
    return error.value.why


def test_a_notice_is_refused_without_what_the_law_wants(cast: Cast) -> None:
    issue, second = rests(with_the_team(cast), cast.town_officer, colleague(cast))
    whole = Notice(second, DEMANDS, SOON)
    assert refused(issue, cast.grid_member, whole) == "person"
    assert refused(issue, cast.dispatcher, whole) == "person"
    assert refused(issue, cast.department_officer, whole) == "part"
    assert refused(issue, cast.town_officer, Notice(None, DEMANDS, SOON)) == "second"
    assert refused(issue, cast.town_officer, Notice(cast.town_officer, DEMANDS, SOON)) == "second"
    assert refused(issue, cast.town_officer, Notice(cast.department_officer, DEMANDS, SOON)) == "second"
    assert refused(issue, cast.town_officer, Notice(second, " ", SOON)) == "words"
    assert refused(issue, cast.town_officer, Notice(second, DEMANDS, date(2026, 3, 5))) == "until"


def test_a_notice_rests_on_an_inspection_of_the_unit_with_its_code(cast: Cast) -> None:
    issue, second = with_the_team(cast), colleague(cast)
    whole = Notice(second, DEMANDS, SOON)
    assert refused(issue, cast.town_officer, whole) == "inspection"
    made = inspected(issue, cast.town_officer, second, code=None)
    assert refused(issue, cast.town_officer, whole) == "inspection"
    type(made).objects.filter(pk=made.pk).update(act_code="模拟-0009")
    assert made_notice(issue, cast.town_officer, whole, at=LATER)


def test_a_devices_lead_and_a_finding_without_a_printable_basis_have_no_notice(cast: Cast) -> None:
    second = colleague(cast)
    lead = alarm(cast.merchant)
    do(lead, Move.TRANSFER, cast.dispatcher, unit=cast.town_team, words="请执法队办")
    assert refused(Issue.objects.get(pk=lead.pk), cast.town_officer, Notice(second, DEMANDS, SOON)) in ("body", "lead")
    everyday = with_the_team(cast, "D-BIN")
    assert refused(everyday, cast.town_officer, Notice(second, DEMANDS, SOON)) in ("body", "basis")


def test_the_basis_is_that_of_the_day_of_the_act(cast: Cast) -> None:
    """V-A1 rests on an act that ends on 2026-08-14; what follows it has no article known."""
    from lingxiu.policy.queries import in_force

    violation = in_force().catalogues.violation("V-A1")
    assert [one.law.zh for one in violation.printable_basis(date(2026, 8, 10))] == ["大气污染防治法"]
    assert violation.printable_basis(date(2026, 8, 20)) == ()


def test_a_law_of_built_up_areas_binds_no_village_shop(cast: Cast) -> None:
    """V-A1b rests on the measures of the city's built-up areas alone: a shop outside has no notice by it."""
    issue, second = rests(with_the_team(cast), cast.town_officer, colleague(cast))
    Merchant.objects.filter(pk=cast.merchant.pk).update(in_built_up=False)
    village = Issue.objects.get(pk=issue.pk)
    assert refused(village, cast.town_officer, Notice(second, DEMANDS, SOON)) == "built_up"
    assert browser(cast.town_officer).get(f"/issues/{issue.number}/notice/").status_code == 409
    record = json.dumps(papers.record_data(village, cast.town_officer, LATER), ensure_ascii=False)
    assert "嘉兴市餐饮业油烟管理办法" not in record


def environment_with(folder: Path) -> Callable[[], Environment]:
    """The settings of an installation whose county keeps its policy in this folder."""
    return lambda: environment().model_copy(update={"policy": folder})


def test_a_department_may_put_its_own_template_in_place(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "templates" / cast.town_team.code
    own.mkdir(parents=True)
    paper = Document()
    paper.add_paragraph("本队自用格式 {{ merchant }} {{ until }}")
    paper.save(str(own / NOTICE))
    monkeypatch.setattr(word_templates, "environment", environment_with(tmp_path))
    issue, second = rests(with_the_team(cast), cast.town_officer, colleague(cast))
    file = made_notice(issue, cast.town_officer, Notice(second, DEMANDS, SOON), at=LATER)
    assert words_of(file) == "本队自用格式 一鲜居 2026年3月9日"


@pytest.mark.parametrize("text", ["{{ no_such_field }}", "{{ ''.__class__.__mro__ }}", "{% for x in %}"])
def test_a_template_that_asks_for_what_there_is_not_is_refused_in_words(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "templates").mkdir()
    paper = Document()
    paper.add_paragraph(text)
    paper.save(str(tmp_path / "templates" / NOTICE))
    monkeypatch.setattr(word_templates, "environment", environment_with(tmp_path))
    issue, second = rests(with_the_team(cast), cast.town_officer, colleague(cast))
    assert refused(issue, cast.town_officer, Notice(second, DEMANDS, SOON)) == "template"


def test_the_page_makes_it_once_and_refuses_grid_members_in_words(cast: Cast) -> None:
    issue, second = rests(with_the_team(cast), cast.town_officer, colleague(cast))
    client = browser(cast.town_officer)
    sent = {"second": second.pk, "demands": DEMANDS, "until": "2026-03-09", "submission": str(uuid.uuid4())}
    for _ in range(2):
        assert client.post(f"/issues/{issue.number}/notice/", sent).status_code == 302
    [draft] = Rectification.objects.all()
    assert client.get(f"/issues/{issue.number}/notice.docx").status_code == 404
    browser(second).post(f"/issues/rectifications/{draft.pk}/sign/", {"act": "sign", "seen": shown(draft)})
    assert len(notices_of(issue)) == Entry.objects.filter(kind="issue.printed").count() == 1
    answer = client.get(f"/issues/{issue.number}/notice.docx")
    assert answer.status_code == 200 and b"".join(answer.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    grid = browser(cast.grid_member, "en").post(f"/issues/{issue.number}/notice/", sent)
    assert grid.status_code == 403
    assert "Grid members visit, remind and report" in grid.content.decode()


def test_a_form_with_something_missing_says_what(cast: Cast) -> None:
    issue, _second = rests(with_the_team(cast), cast.town_officer, colleague(cast))
    answer = browser(cast.town_officer).post(f"/issues/{issue.number}/notice/", {"demands": " ", "until": "x"})
    assert answer.status_code == 422
    assert {"second", "demands", "until"} <= set(answer.context["form"].errors)


def test_pictures_on_the_record_are_the_officers(cast: Cast) -> None:
    issue = complain(cast.merchant, photos=(photo(7),)).issue
    assert papers.record_data(issue, cast.dispatcher, LATER)["photos"] == []
