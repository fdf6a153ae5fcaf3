"""When readings are an alarm, as a county sets it down: one type of rule a kind of condition. Thresholds and durations are data."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lingxiu.policy.rows import Label, Row, Rule

Severity = Literal["blue", "yellow", "orange", "red"]
RANKS: dict[Severity, int] = {"blue": 0, "yellow": 1, "orange": 2, "red": 3}
Hearer = Literal["merchant", "grid", "town", "county", "maintainer"]
"""merchant: its owner · grid: its grid members · town, county: their dispatchers · maintainer: who looks after devices."""


class Reminder(Row):
    """What the shop's owner is told instead of the rule's name: what was seen, what to do, until when.

    `{day}` in `says` stands for the last day to do it, `within_days` after the owner was told (0: the same day).
    """

    says: Label
    within_days: int = Field(0, ge=0, le=90)


class AlarmRule(Rule):
    """What all alarm rules share. `violation`: the lead an alarm opens, none when it only tells. `tells`: who hears of it.

    `family`: of alarms of one family that are open at a device, only the gravest is told.
    """

    severity: Severity
    task: str
    violation: str | None = None
    only_in_built_up: bool = False
    tells: tuple[Hearer, ...] = ("merchant",)
    family: str = ""
    reminds: Reminder | None = None

    @property
    def issue_after(self) -> timedelta:
        """How long it must have stood before its issue is opened."""
        return timedelta()


# ── over ten-minute windows ──────────────────────────────────────────────────────────────────────────────────────


class SustainedValue(AlarmRule):
    """Raised when `windows` ten-minute means in a row lie above `limit`, or one above `single_limit`; cleared after
    `clear_windows` at or below `limit`. Only windows with at least `fan_on_minutes` of fan count.

    `reaches`: a mean that is the limit counts as above it (near the limit means from there on).
    """

    type: Literal["sustained_value"]
    factor: Literal["fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3"]
    limit: float
    windows: int = Field(ge=1)
    single_limit: float | None = None
    clear_windows: int = Field(ge=1)
    fan_on_minutes: int = Field(ge=0, le=10)
    reaches: bool = False

    def is_high(self, value: float) -> bool:
        """Whether a mean counts as above the limit."""
        return value >= self.limit if self.reaches else value > self.limit


class RepeatedAlarm(AlarmRule):
    """Raised when alarms of the rule `of` were raised on `days` of `within_days` county days; cleared after `clear_windows`
    windows with at least `fan_on_minutes` of fan and none of them open: a kitchen that cooks, not one that is dark."""

    type: Literal["repeated_alarm"]
    of: str
    days: int = Field(ge=2)
    within_days: int = Field(ge=2, le=31)
    clear_windows: int = Field(ge=1)
    fan_on_minutes: int = Field(ge=0, le=10)


class FanWithoutPurifier(AlarmRule):
    """Raised at `minutes` of fan without purifier over `windows` adjacent windows; cleared by a window without any in which the
    purifier runs for `clear_minutes`."""

    type: Literal["fan_without_purifier"]
    minutes: int = Field(ge=1)
    windows: int = Field(ge=1)
    clear_minutes: int = Field(0, ge=0, le=10)


class FanOff(AlarmRule):
    """Raised when the fan was off in business hours for `windows` adjacent windows while fume rose by `rise_mg_m3` from the
    first to the last; cleared by a window with `clear_minutes` of fan."""

    type: Literal["fan_off"]
    windows: int = Field(ge=2)
    rise_mg_m3: float = Field(gt=0)
    clear_minutes: int = Field(ge=1, le=10)


class FlatValue(AlarmRule):
    """Raised when over `windows` adjacent windows with the fan on no fume value left a band of `spread_mg_m3`; cleared when one
    does. What cooks is never so even: the device is at fault."""

    type: Literal["flat_value"]
    windows: int = Field(ge=2)
    spread_mg_m3: float = Field(ge=0)
    fan_on_minutes: int = Field(ge=1, le=10)


class SuddenChange(AlarmRule):
    """Raised when the means of two adjacent windows with the fan on differ `times`-fold and the higher is at least
    `least_mg_m3`. It is an event: it stands for `clear_windows` windows."""

    type: Literal["sudden_change"]
    times: float = Field(gt=1)
    least_mg_m3: float = Field(gt=0)
    clear_windows: int = Field(ge=1)
    fan_on_minutes: int = Field(ge=0, le=10)


# ── over days and months ─────────────────────────────────────────────────────────────────────────────────────────


class LowDay(AlarmRule):
    """Raised at the end of a county day on which the fan ran `fan_on_minutes` and no fume value passed `limit`; cleared by a
    day on which one does. No kitchen is that clean."""

    type: Literal["low_day"]
    limit: float = Field(gt=0)
    fan_on_minutes: int = Field(ge=1)


class LinkageRate(AlarmRule):
    """Raised at the end of a month in which the purifier ran with the fan for less than `at_least_percent` of the fan's minutes;
    cleared at the end of one in which it did. Months with less than `fan_on_minutes` say nothing."""

    type: Literal["linkage_rate"]
    at_least_percent: float = Field(gt=0, le=100)
    fan_on_minutes: int = Field(ge=1)


# ── over silence and records ─────────────────────────────────────────────────────────────────────────────────────


class Silence(AlarmRule):
    """Raised when nothing came for `minutes`; opens its issue at `issue_after_minutes`; cleared when data are back."""

    type: Literal["silence"]
    minutes: int = Field(ge=1)
    issue_after_minutes: int = Field(ge=1)

    @property
    def issue_after(self) -> timedelta:
        return timedelta(minutes=self.issue_after_minutes - self.minutes)


class CleaningDue(AlarmRule):
    """Raised when the purifier's cleaning is due since the day before by the cycle of the merchant's scale (kinds.yaml); opens
    its issue `issue_after_days` later; cleared by the day of the next cleaning on record.

    The cycle binds every shop with a purifier; the alarm is of shops with a monitor, because an alarm is a device's. The others
    have it in their agenda, on the round of the grid member and in their level.
    """

    type: Literal["cleaning_due"]
    issue_after_days: int = Field(ge=0)

    @property
    def issue_after(self) -> timedelta:
        return timedelta(days=self.issue_after_days)


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

AnyAlarm = Annotated[
    PointRule
    | SustainedValue
    | RepeatedAlarm
    | FanWithoutPurifier
    | FanOff
    | FlatValue
    | SuddenChange
    | LowDay
    | LinkageRate
    | Silence
    | CleaningDue,
    Field(discriminator="type"),
]


class Storms(Row):
    """When many devices that fall silent are one thing (a power cut, a carrier's fault) and not as many as there are devices.

    Of a town: `devices_at_least` of them, and `share_percent` of those in use, within `within_minutes`. Of the county: the same
    with the figures of `county_`. It is over when `back_percent` of them are back. So long nobody is told of single silences:
    only after `within_minutes` it is known what they are part of.
    """

    within_minutes: int = Field(10, ge=1, le=60)
    devices_at_least: int = Field(8, ge=2)
    share_percent: float = Field(30, gt=0, le=100)
    county_devices_at_least: int = Field(40, ge=2)
    county_share_percent: float = Field(30, gt=0, le=100)
    back_percent: float = Field(80, gt=0, le=100)
    tells: tuple[Hearer, ...] = ("town", "county")


class Alarms(Row):
    """`observe_days`: how long a new device only observes. `settle_seconds`: a window is complete so long after its end.

    `issue_within_hours`: an alarm first seen later than that after it was over (old data sent again) opens no issue and is
    told to nobody. `keep_raw_days`, `keep_odd_days`: how long readings and odd frames stay; statistics stay for ever.
    """

    observe_days: int = Field(ge=0)
    settle_seconds: int = Field(ge=0)
    issue_within_hours: int = Field(48, gt=0)
    keep_raw_days: int = Field(730, ge=14)
    keep_odd_days: int = Field(90, gt=0)
    storms: Storms = Storms()
    rules: tuple[AnyAlarm, ...]

    @model_validator(mode="after")
    def _repeats_what_exists(self) -> Alarms:
        values = {rule.id for rule in self.rules if isinstance(rule, SustainedValue)}
        for rule in self.rules:
            if isinstance(rule, RepeatedAlarm) and rule.of not in values:
                raise ValueError(f"alarms {rule.id}: of names {rule.of}, which is no rule of type sustained_value")
        return self
