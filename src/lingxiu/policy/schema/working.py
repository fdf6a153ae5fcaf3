"""How the list is worked: when two issues may be about the same, and what may be ended by the dozen, what goes to who is on duty."""

from __future__ import annotations

from datetime import time
from typing import Literal

from pydantic import Field

from lingxiu.policy.rows import Row


class Alike(Row):
    """Within which distance, and of how many days back, an open issue may be about the same as a new one."""

    metres: int = Field(400, gt=0, le=5000)
    days: int = Field(30, gt=0, le=366)


class InBulk(Row):
    """What may be ended with others by one reason: nothing graver than `most_severe`. 0: nothing at all."""

    most_severe: int = Field(1, ge=0, le=3)


class OnDuty(Row):
    """What goes to who is on duty while those it belongs to are at rest: `at_any_hour`, what is dangerous by night too
    (`deadlines.yaml`) · `at_once`, what routing sends on by itself · `by_dispatcher`, what a dispatcher gives a unit meanwhile.

    `nights`: at night before and after working days as well, not on days off alone. `changes_at`: when a turn begins and ends of
    which the list says no hour. `least_severe`: what is less grave, and
    not dangerous at any hour, waits. Nothing in `takes`: duty is for alarms alone.
    """

    takes: tuple[Literal["at_any_hour", "at_once", "by_dispatcher"], ...] = ("at_any_hour", "at_once")
    nights: bool = False
    changes_at: time = time(8)
    least_severe: int = Field(1, ge=1, le=4)


class Working(Row):
    """What a county may set of how its dispatchers work."""

    alike: Alike = Alike()
    in_bulk: InBulk = InBulk()
    on_duty: OnDuty = OnDuty()
