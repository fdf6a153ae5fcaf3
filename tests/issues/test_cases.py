"""A case that was filed: which body, when and why stand with its number, and later what came of it; all of it in the record."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.issues import cases
from lingxiu.issues.cases import CaseResult, Outcome, ResultRefused, record_result
from lingxiu.issues.lifecycle import Move, MoveRefused
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.issues.papers import record_data
from tests.cast import NOON, Cast, person
from tests.issues.world import LATER, do, find, photo
from tests.pages import plain_static

__all__ = ["plain_static"]

NUMBER = "善综执立〔2026〕12号"
TODAY = NOON.date()
PENALTY = CaseResult(Outcome.PENALTY, TODAY, "善综执罚决〔2026〕8号", "罚款五千元")


@pytest.fixture
def enforcer(cast: Cast) -> User:
    return person("enforcement", "department_officer", cast.enforcement)


@pytest.fixture
def issue(cast: Cast, enforcer: User) -> Issue:
    """With the department of enforcement, which has accepted it."""
    found = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(found, Move.DISPATCH, cast.county_officer, unit=cast.enforcement)
    do(found, Move.ACCEPT, enforcer)
    found.refresh_from_db()
    return found


def filed(issue: Issue, by: User, **brought: Any) -> MoveRow:
    row = do(issue, Move.FILE_CASE, by, words="立案调查", case_number=NUMBER, **brought)
    issue.refresh_from_db()
    return row


def known(issue: Issue) -> cases.Case:
    found = cases.of_rows(issue.moves.select_related("actor_unit"))
    assert found is not None
    return found


def test_what_is_not_said_is_the_actors_own_body_today_and_the_finds_title(
    cast: Cast, issue: Issue, enforcer: User
) -> None:
    filed(issue, enforcer)
    case = known(issue)
    assert (case.number, case.body, case.day, case.result) == (NUMBER, cast.enforcement.name, TODAY, None)
    assert case.cause == cases.cause_of(issue) != ""


def test_body_day_and_cause_are_kept_as_they_were_said(cast: Cast, issue: Issue, enforcer: User) -> None:
    yesterday = TODAY - timedelta(days=1)
    filed(issue, enforcer, case_body=cast.ecology, case_on=yesterday, case_cause=" 未安装油烟净化设施 ")
    case = known(issue)
    assert (case.body, case.day, case.cause) == (cast.ecology.name, yesterday, "未安装油烟净化设施")


def test_what_came_of_it_is_a_note_of_the_record_and_the_latest_counts(issue: Issue, enforcer: User) -> None:
    filed(issue, enforcer)
    row = record_result(issue.number, PENALTY, actor=enforcer, at=LATER)
    assert (row.move, row.words) == (Move.NOTE, "罚款五千元")
    assert known(issue).result == PENALTY
    record_result(issue.number, CaseResult(Outcome.WITHDRAWN, TODAY), actor=enforcer, at=LATER)
    assert known(issue).result == CaseResult(Outcome.WITHDRAWN, TODAY)
    assert issue.moves.filter(data__has_key="case_result").count() == 2


def test_who_had_no_part_records_no_result_and_without_a_case_there_is_none(
    cast: Cast, issue: Issue, enforcer: User
) -> None:
    with pytest.raises(MoveRefused, match="nothing"):
        record_result(issue.number, PENALTY, actor=enforcer, at=LATER)
    filed(issue, enforcer)
    for somebody in (cast.grid_member, cast.other_dispatcher, cast.town_officer, cast.leader):
        with pytest.raises(MoveRefused, match="person"):
            record_result(issue.number, PENALTY, actor=somebody, at=LATER)
    record_result(issue.number, PENALTY, actor=cast.county_officer, at=LATER)


@pytest.mark.parametrize(("day", "why"), [(TODAY - timedelta(days=1), "before"), (date(2026, 3, 6), "future")])
def test_a_result_lies_between_the_filing_and_today(issue: Issue, enforcer: User, day: date, why: str) -> None:
    filed(issue, enforcer)
    with pytest.raises(ResultRefused, match=why):
        record_result(issue.number, CaseResult(Outcome.PENALTY, day), actor=enforcer, at=LATER)


def test_the_record_on_paper_says_all_of_it(cast: Cast, issue: Issue, enforcer: User) -> None:
    filed(issue, enforcer)
    record_result(issue.number, PENALTY, actor=enforcer, at=LATER)
    made: Any = record_data(issue, enforcer, LATER)
    facts = {one["label"]: one["value"] for one in made["facts"]}
    assert facts["立案编号"] == NUMBER
    assert facts["已立案"] == f"{cast.enforcement.name} · 2026-03-05 · {cases.cause_of(issue)}"
    assert facts["案件结果"] == "予以处罚 · 2026-03-05 · 善综执罚决〔2026〕8号"
    told = [line for move in made["moves"] for line in move["told"]]
    assert f"立案单位：{cast.enforcement.name}" in told
    assert "决定书文号：善综执罚决〔2026〕8号" in told


@time_machine.travel(LATER, tick=False)
def test_the_page_files_it_shows_it_and_takes_the_result(cast: Cast, issue: Issue, enforcer: User) -> None:
    client = Client(headers={"accept-language": "en"})
    client.force_login(enforcer)
    path = f"/issues/{issue.number}/"
    page: Any = client.get(path)
    (form,) = [offer.form for offer in page.context["others"] if offer.what is Move.FILE_CASE]
    assert form["case_body"].value() is None
    assert next(iter(form.fields["case_body"].choices)) == (str(cast.enforcement.pk), cast.enforcement.name)
    assert (form["case_on"].value(), form["case_cause"].value()) == (TODAY, cases.cause_of(issue))
    sent = {"move": "file_case", "case_number": NUMBER, "case_body": cast.enforcement.pk, "words": "立案",
            "case_on": "2026-03-06", "case_cause": "油烟直排", "seen": issue.version, "submission": uuid4()}  # fmt: skip
    refused = client.post(f"{path}moves/", sent)
    assert refused.status_code == 422
    assert "This day has not come yet." in refused.content.decode()
    assert client.post(f"{path}moves/", {**sent, "case_on": "2026-03-05"}).status_code == 302
    shown = client.get(path).content.decode()
    for words in ("Case of enforcement", NUMBER, cast.enforcement.name, "油烟直排", "not known yet"):
        assert words in shown
    wrong = client.post(f"{path}case/", {"outcome": "penalty", "day": "2026-03-04", "submission": uuid4()})
    assert wrong.status_code == 422
    assert "This day lies before the case was filed." in wrong.content.decode()
    result = {
        "outcome": "penalty",
        "day": "2026-03-05",
        "number": "罚8号",
        "words": "罚款五千元",
        "submission": uuid4(),
    }
    for _ in range(2):
        assert client.post(f"{path}case/", result).status_code == 302
    assert issue.moves.filter(data__has_key="case_result").count() == 1, "sent twice, it is one"
    shown = client.get(path).content.decode()
    for words in ("penalty", "罚8号", "罚款五千元", "Decided on"):
        assert words in shown
    stranger = Client()
    stranger.force_login(cast.town_officer)
    assert stranger.post(f"{path}case/", result).status_code in (403, 404)
