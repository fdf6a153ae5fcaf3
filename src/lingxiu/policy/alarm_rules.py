"""When readings are an alarm, as a county sets it down: one type of rule a kind of condition. Thresholds and durations are data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lingxiu.policy.rows import Label, Row, Rule


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


# ── over single readings of grease traps, gas alarms, meters and cameras ─────────────────────────────────────────


class Duty(Row):
    """Somebody is called at once, and if nobody acknowledges the next on the roster after `next_after_minutes`, `most_calls` times.

    `within_minutes`: an alarm whose last reading is older than that when it is first seen calls nobody: it is history.
    `says`: what to do at once and whom else to call, shown with the alarm.
    """

    next_after_minutes: int = Field(5, ge=1, le=60)
    most_calls: int = Field(12, ge=1, le=100)
    within_minutes: int = Field(360, ge=1)
    says: Label


class PointLevel(AlarmRule):
    """Raised by a reading whose `column` is `at_least`, or whose state is one of `states`; held by those not below `clear_below`;
    cleared after `clear_readings` readings in a row that are below it, the last one of each channel among them."""

    type: Literal["level"]
    device_kind: Literal["grease_trap", "gas_alarm", "power_meter"]
    column: Literal["level_pct", "oil_mm", "temperature_c", "lel_pct", "power_w"]
    at_least: float
    clear_below: float
    clear_readings: int = Field(1, ge=1)
    states: tuple[str, ...] = ()
    unit: str = ""
    duty: Duty | None = None

    @model_validator(mode="after")
    def _clears_where_it_is_not_raised(self) -> PointLevel:
        if self.clear_below > self.at_least:
            raise ValueError(f"alarms {self.id}: clear_below lies above at_least; make it {self.at_least:g} or less")
        return self


class NotEmptied(AlarmRule):
    """Raised when a grease trap was not emptied for `days` (of a model in `days_by_model` other ones); cleared by emptying: the
    device says so, its level falls by `drop_pct` between two readings, or it is on record."""

    type: Literal["not_emptied"]
    device_kind: Literal["grease_trap"] = "grease_trap"
    days: int = Field(ge=1)
    days_by_model: dict[str, int] = Field(default_factory=dict)
    drop_pct: float = Field(30, gt=0, le=100)


class CameraOffline(AlarmRule):
    """Raised when no reading has said for `hours` that the camera is online; cleared by the next that does."""

    type: Literal["camera_offline"]
    device_kind: Literal["camera"] = "camera"
    hours: int = Field(ge=1)


class CameraSees(AlarmRule):
    """Raised when its AI sees one of `events`, `at_least` so sure of it; cleared when for `quiet_minutes` it sees none."""

    type: Literal["camera_sees"]
    device_kind: Literal["camera"] = "camera"
    events: tuple[str, ...] = Field(min_length=1)
    at_least: float = Field(0.0, ge=0, le=1)
    quiet_minutes: int = Field(ge=1)


PointRule = PointLevel | NotEmptied | CameraOffline | CameraSees

AnyAlarm = Annotated[PointRule | SustainedValue | FanWithoutPurifier | Silence, Field(discriminator="type")]


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
