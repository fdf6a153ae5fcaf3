"""How the list is worked: when two issues may be about the same, and what may be ended by the dozen."""

from __future__ import annotations

from pydantic import Field

from lingxiu.policy.rows import Row


class Alike(Row):
    """Within which distance, and of how many days back, an open issue may be about the same as a new one."""

    metres: int = Field(400, gt=0, le=5000)
    days: int = Field(30, gt=0, le=366)


class InBulk(Row):
    """What may be ended with others by one reason: nothing graver than `most_severe`. 0: nothing at all."""

    most_severe: int = Field(1, ge=0, le=3)


class Working(Row):
    """What a county may set of how its dispatchers work."""

    alike: Alike = Alike()
    in_bulk: InBulk = InBulk()
