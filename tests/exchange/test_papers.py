"""A notice asked for by another system: made for two certified officers, refused in words to everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from lingxiu.accounts.models import User
from lingxiu.issues import rectifications
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from tests.cast import NOON, Cast, person
from tests.exchange.world import fields_at_fault, system
from tests.issues.world import do, find, inspected

SENT: dict[str, Any] = {"second": "team2", "demands": "清洗油烟净化器", "until": "2026-03-09"}


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Iterator[None]:
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        yield


def with_the_team(cast: Cast) -> tuple[Issue, User]:
    """A finding that the town was given to enforce, with its team of two."""
    issue = find(cast.town_officer, "V-A1b", merchant=cast.merchant)
    if issue.lead_unit != cast.town_team:
        what = Move.DISPATCH if issue.state == "received" else Move.TRANSFER
        do(issue, what, cast.dispatcher, unit=cast.town_team, words="请执法队办")
    issue.refresh_from_db()
    second = person("team2", "town_officer", cast.town_team)
    inspected(issue, cast.town_officer, second)
    return issue, second


def test_a_notice_is_made_once_and_lies_where_its_officer_finds_it(cast: Cast) -> None:
    issue, _second = with_the_team(cast)
    team = system(cast.town_officer, "issues.write")
    path = f"/api/v1/issues/{issue.number}/notices"
    answers = [team.post(path, SENT, Idempotency_Key="a") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    [draft] = rectifications.drafts_of(issue)
    first, again = (answer.json() for answer in answers)  # type: ignore[attr-defined]
    assert first == again
    assert (first["state"], first["file"]) == ("draft", f"/files/{draft.draft}/")
    assert first["page"] == f"/issues/rectifications/{draft.pk}/"
    assert rectifications.notices_of(issue) == [], "the second officer has not signed it"


def test_a_grid_members_key_is_told_that_notices_are_not_theirs(cast: Cast) -> None:
    issue, _second = with_the_team(cast)
    answer = system(cast.grid_member, "issues.write").post(f"/api/v1/issues/{issue.number}/notices", SENT)
    assert answer.status_code == 403
    assert "Grid members visit, remind and report" in answer.json()["detail"]  # type: ignore[attr-defined]
    assert rectifications.notices_of(issue) == rectifications.drafts_of(issue) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [({"second": "nobody"}, "second"), ({"second": "team"}, "second"), ({"demands": " "}, "demands"),
     ({"until": "2026-03-05"}, "until")],
)  # fmt: skip
def test_what_is_missing_is_named_by_its_field(cast: Cast, change: dict[str, str], field: str) -> None:
    issue, _second = with_the_team(cast)
    answer = system(cast.town_officer, "issues.write").post(
        f"/api/v1/issues/{issue.number}/notices", {**SENT, **change}
    )
    assert answer.status_code == 422
    assert fields_at_fault(answer) == [field]


def test_an_issue_a_notice_cannot_rest_on_is_said_to_stand_elsewhere(cast: Cast) -> None:
    issue = find(cast.town_officer, "D-BIN", merchant=cast.merchant)
    answer = system(cast.town_officer, "issues.write").post(f"/api/v1/issues/{issue.number}/notices", SENT)
    assert answer.status_code == 409
    assert fields_at_fault(answer) == ["number"]
    hidden = find(cast.other_grid_member, "D-BIN", merchant=cast.other_merchant)
    unseen = system(cast.town_officer, "issues.write").post(f"/api/v1/issues/{hidden.number}/notices", SENT)
    assert unseen.status_code == 404
