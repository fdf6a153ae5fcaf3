"""When readings are an alarm, as a county sets it down: one type of rule a kind of condition. Thresholds and durations are data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lingxiu.policy.rows import Row, Rule


class AlarmRule(Rule):
    """What all alarm rules share. `violation`: the lead an alarm opens, none when it only tells."""

    severity: Literal["blue", "yellow", "orange", "red"]
    task: str
    violation: str | None = None
    only_in_built_up: bool = False


class SustainedValue(AlarmRule):
    """Raised when `windows` ten-minute means in a row lie above `limit`, or one above `single_limit`; cleared after
    `clear_windows` at or below `limit`. Only windows with at least `fan_on_minutes` of fan count."""

    type: Literal["sustained_value"]
    factor: Literal["fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3"]
    limit: float
    windows: int = Field(ge=1)
    single_limit: float
    clear_windows: int = Field(ge=1)
    fan_on_minutes: int = Field(ge=0, le=10)


class FanWithoutPurifier(AlarmRule):
    """Raised at `minutes` of fan without purifier over `windows` adjacent windows; cleared by a window without any."""

    type: Literal["fan_without_purifier"]
    minutes: int = Field(ge=1)
    windows: int = Field(ge=1)


class Silence(AlarmRule):
    """Raised when nothing came for `minutes`; opens its issue at `issue_after_minutes`; cleared when data are back."""

    type: Literal["silence"]
    minutes: int = Field(ge=1)
    issue_after_minutes: int = Field(ge=1)


AnyAlarm = Annotated[SustainedValue | FanWithoutPurifier | Silence, Field(discriminator="type")]


class Alarms(Row):
    """`observe_days`: how long a new device only observes. `settle_seconds`: a window is complete so long after its end.

    `issue_within_hours`: an alarm first seen later than that after it was raised (old data sent again) opens no issue.
    `keep_raw_days`, `keep_odd_days`: how long readings and odd frames stay; statistics stay for ever.
    """

    observe_days: int = Field(ge=0)
    settle_seconds: int = Field(ge=0)
    issue_within_hours: int = Field(48, gt=0)
    keep_raw_days: int = Field(730, ge=14)
    keep_odd_days: int = Field(90, gt=0)
    rules: tuple[AnyAlarm, ...]
