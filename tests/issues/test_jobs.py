"""What the worker does, and that doing it twice does no harm."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from lingxiu.issues.jobs import follow_policy, forget_old_senders
from lingxiu.issues.models import PublicPost
from lingxiu.policy.actions import load
from tests.cast import NOON, Cast
from tests.issues.conftest import THE_28TH
from tests.issues.world import complain


def test_a_year_that_is_loaded_sets_clocks_again_once(committed: Cast, notice: Path) -> None:
    row = complain(committed.merchant, at=THE_28TH)
    assert follow_policy(THE_28TH) == 0, "the shipped edition knows no further year"
    load(notice, at=THE_28TH)
    assert follow_policy(THE_28TH) == 1
    row.refresh_from_db()
    assert (row.due_at.astimezone(ZoneInfo("Asia/Shanghai")).date().isoformat(), row.due_provisional) == (
        "2027-01-06",
        False,
    )
    assert follow_policy(THE_28TH) == 0


def test_senders_are_forgotten_after_a_week(db: None) -> None:
    for days in (0, 7, 8, 30):
        PublicPost.objects.create(day=(NOON - timedelta(days=days)).date(), sender="x", count=3)
    assert forget_old_senders(NOON) == 2
    assert forget_old_senders(NOON) == 0
    assert {row.day for row in PublicPost.objects.all()} == {NOON.date(), (NOON - timedelta(days=7)).date()}
