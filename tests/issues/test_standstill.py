"""The worker stood still for a day while deadlines passed: on return every escalation happens once, and in order."""

from __future__ import annotations

from datetime import timedelta

from lingxiu.issues.overdue import follow_up
from tests.cast import NOON, Cast
from tests.issues import standstill
from tests.issues.races import together

PASSING = 200
UP = NOON + timedelta(days=1)


def made(cast: Cast) -> dict[int, standstill.Kind]:
    """Deadlines that pass within a day, and nothing outstanding when it begins."""
    found = standstill.make(
        PASSING, NOON, grid=cast.grid, town=cast.town, ecology=cast.ecology, merchant=cast.merchant, first=1
    )
    follow_up(NOON)
    return found


def test_after_a_day_down_every_escalation_happens_once_and_in_order(cast: Cast) -> None:
    issues = made(cast)
    expected = standstill.ought(issues, NOON, UP)
    assert len(expected) >= PASSING
    assert follow_up(UP) == len(expected)
    assert standstill.disorder(issues, expected, UP) == []
    assert follow_up(UP) == 0


def test_two_workers_that_return_at_once_do_it_once_between_them(committed: Cast) -> None:
    issues = made(committed)
    expected = standstill.ought(issues, NOON, UP)
    done = together(lambda: follow_up(UP), lambda: follow_up(UP))
    assert not [outcome for outcome in done if isinstance(outcome, Exception)], done
    assert standstill.disorder(issues, expected, UP) == []
