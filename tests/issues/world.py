"""What tests of the list do again and again, in the domain's own words."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from PIL import Image

from lingxiu.accounts.models import Unit, User
from lingxiu.files.actions import Shot, store_photo
from lingxiu.issues.actions.moving import move
from lingxiu.issues.actions.opening import Found, report, report_alarm
from lingxiu.issues.actions.reports import Said, take_report
from lingxiu.issues.evidence import violation_of
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.inspection_rules import Inspecting, Outcome, Why
from lingxiu.issues.inspections import posts_of, sign
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.models import Issue, MoveRow, Report, Source
from lingxiu.issues.signing import shown
from lingxiu.issues.writing import Brought
from lingxiu.merchants.models import Merchant
from tests.cast import NOON, Cast, person

LATER = NOON + timedelta(hours=1)


def alarm(merchant: Merchant, number: int = 1, *, violation: str = "L-FUME", at: datetime = NOON) -> Issue:
    """A device's alarm, as the watch tells it; the issue it opened or joined."""
    found = report_alarm(
        device_mn="DEV001", merchant_id=merchant.pk, alarm_id=number, violation_id=violation, act_at=at,
        summary="三个十分钟均值 2.6 mg/m³", at=at,
    )  # fmt: skip
    return Issue.objects.get(number=found)


def find(by: User, violation: str = "D-BIN", *, at: datetime = NOON, **values: Any) -> Issue:
    """What somebody found."""
    source = Source.GRID_MEMBER if by.authority.grids else Source.OFFICER
    return report(Found(source, violation, "桶没有盖", at, found_by=by, **values), at=at)


def complain(
    merchant: Merchant | None = None, *, words: str = "晚上十点油烟很大", at: datetime = NOON, **values: Any
) -> Report:
    """What somebody from the public reported."""
    values = {"source": "public", "violation": "P-SMOKE", **values}
    return take_report(Said(words=words, seen_at=at, merchant=merchant, **values), at=at)


def do(issue: Issue, what: Move, actor: User, *, at: datetime = LATER, **brought: Any) -> MoveRow:
    """Make a move."""
    extra = {key: brought.pop(key) for key in ("seen", "submission") if key in brought}
    return move(issue.number, what, actor=actor, at=at, brought=Brought(**brought), **extra)


def inspecting(officer: User, *, at: datetime = LATER, items: tuple[str, ...] = ("T07",), **values: Any) -> Inspecting:
    """An inspection by this officer and a colleague of theirs, who is made if there is none."""
    unit = posts_of(officer)[0]
    name = f"colleague-{unit.unit_id}"
    colleague = User.objects.filter(username=name).first()
    colleague = colleague or person(name, unit.role.id, Unit.objects.get(pk=unit.unit_id))
    return Inspecting(colleague.pk, items, at - timedelta(minutes=30), at, **values)


def filled(issue: Issue) -> dict[str, str | float]:
    """Some answer to every question of what the issue is about."""
    kinds: dict[str, str | float] = {"number": 3.0, "text": "无", "date": "2026-03-05"}
    questions = violation_of(issue).questions
    return {one.id: one.choices[0].id if one.choices else kinds[one.kind] for one in questions}


def photo(seed: int = 0) -> str:
    """The sha256 of a stored picture."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (seed % 256, 90, 60)).save(file, "PNG")
    file.seek(0)
    stored = store_photo(file, shot=Shot(watermarked=True), caption=[], stored_at=NOON, stored_by=None)
    return stored.sha256


def to_recheck(cast: Cast, issue: Issue, *, result: Result = Result.FIXED, at: datetime = LATER) -> Issue:
    """The grid member accepts, visits with a picture and feeds back."""
    do(issue, Move.ACCEPT, cast.grid_member, at=at)
    do(issue, Move.HANDLE, cast.grid_member, at=at, words="看了现场，提醒清洗", photos=(photo(1),))
    do(issue, Move.FEED_BACK, cast.grid_member, at=at, result=result, words="已清洗", photos=(photo(2),))
    issue.refresh_from_db()
    return issue


def to_closed(cast: Cast, issue: Issue, *, at: datetime = LATER, answer: str = "已经处理") -> Issue:
    """The whole quick way."""
    to_recheck(cast, issue, at=at)
    do(issue, Move.CLOSE, cast.dispatcher, at=at, answer=answer)
    issue.refresh_from_db()
    return issue


def signed(*made: Inspection, at: datetime = LATER) -> None:
    """Both officers of each of these have signed what stands there."""
    for one in made:
        for officer in (one.officer, one.second_officer):
            sign(one.pk, by=officer, seen=shown(one), at=at)


def all_signed(at: datetime = LATER) -> None:
    """Every draft of an inspection there is."""
    signed(*Inspection.objects.filter(signed_at=None).order_by("pk"), at=at)


def inspected(
    issue: Issue, officer: User, second: User, *, code: str | None = "模拟-0001", at: datetime = NOON
) -> Inspection:
    """An inspection of the issue's shop by these two, with its code of the act unless it is still outstanding."""
    unit = next(post.unit_id for post in officer.authority.posts_that_may("issues.inspect"))
    return Inspection.objects.create(
        merchant=issue.merchant, issue=issue, unit_id=unit, officer=officer, second_officer=second, items=["T07"],
        started_at=at, ended_at=at + timedelta(minutes=20), why=Why.PLAN, outcome=Outcome.PUT_RIGHT, words="现场检查",
        recorded_at=at, recorded_by=officer, edition=issue.edition, submission=uuid4(), act_code=code, written_at=at,
        signed_at=at,
    )  # fmt: skip
