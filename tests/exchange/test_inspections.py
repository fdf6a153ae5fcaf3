"""Inspections by the open API: for certified officers, in the same words and under the same rules as on the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from lingxiu.exchange import keys
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.lifecycle import Move
from tests.cast import Cast, person
from tests.exchange.world import System, fields_at_fault, system
from tests.issues.world import do, find


def sent(**values: Any) -> dict[str, Any]:
    now = timezone.now()
    inspection = {
        "second_officer": "team2", "items": ["T07"], "started_at": (now - timedelta(hours=1)).isoformat(),
        "ended_at": now.isoformat(), "outcome": "in_order", **values,
    }  # fmt: skip
    return {"move": "handle", "comment": "检查笔录", "inspection": inspection}


def by(cast: Cast, who: str) -> System:
    return system(getattr(cast, who), keys.ISSUES_READ, keys.ISSUES_WRITE)


def test_an_officer_s_key_records_an_inspection_with_a_colleague(cast: Cast) -> None:
    second = person("team2", "town_officer", cast.town_team)
    issue = find(cast.town_officer, "V-A1", merchant=cast.merchant)
    do(issue, Move.ACCEPT, cast.town_officer)
    path = f"/api/v1/issues/{issue.number}/moves"
    team = by(cast, "town_officer")
    unknown = team.post(path, sent(second_officer="nobody"))
    assert (unknown.status_code, fields_at_fault(unknown)) == (422, ["inspection.second_officer"])
    alone = team.post(path, sent(second_officer=cast.town_officer.username))
    assert (alone.status_code, fields_at_fault(alone)) == (422, ["inspection"])
    assert team.post(path, sent(items=["T07"], why="complaint", number="JX9")).status_code == 422
    assert team.post(path, sent()).status_code in (200, 201)
    made = Inspection.objects.get()
    assert (made.issue, made.officer, made.second_officer) == (issue, cast.town_officer, second)


def test_a_grid_member_s_key_is_refused_in_words(cast: Cast) -> None:
    person("team2", "town_officer", cast.town_team)
    issue = find(cast.grid_member, merchant=cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    answer = by(cast, "grid_member").post(f"/api/v1/issues/{issue.number}/moves", sent())
    assert answer.status_code == 422
    assert "grid members visit and remind" in answer.content.decode()
    assert not Inspection.objects.exists()
