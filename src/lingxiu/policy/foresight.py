"""What is expected of a trend, as a county sets it down: how much evidence, how sure, how far ahead, when a person is asked.

No law speaks of any of this: a forecast only reminds. All figures are proposals, measured against simulated months in
docs/foresight.md.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from lingxiu.policy.rows import Row, Rule


class Tail(Row):
    """Where an interval begins and ends whose day is at most so many days `within`: at the chances by which, of past forecasts,
    the day had come so `early` that only one in ten came sooner, and so `late` that only one in ten came later."""

    within: int = Field(ge=1)
    early: float = Field(gt=0, le=0.5)
    late: float = Field(ge=0.5, lt=1)


class ForesightRule(Rule):
    """What all forecasts share. `violation`: the lead a predicted issue is of.

    `look_back_days`: how much of the past is looked at. `least_days`: with fewer days of evidence since the last cleaning,
    emptying or service nothing is said. `sure`: of the interval, two-sided. `bend`: by what share a trend usually changes its
    pace while it goes on. `horizon_days`: what lies further off is not said.
    `tails`: where its interval begins and ends, the nearest days first; beyond the last of them, and without any, at the chances
    `sure` leaves on either side.
    `least_chance`: how likely it must be to come within the horizon. `issue_within_days`: from when on a person is asked.
    `grace_days`: so long after its interval has ended a forecast that did not come is called wrong. `quiet_days`: so long after
    a person's answer nothing is said of the same again, unless the evidence has begun anew.
    """

    violation: str
    look_back_days: int = Field(ge=14, le=120)
    least_days: int = Field(ge=4)
    sure: float = Field(0.8, ge=0.5, le=0.99)
    horizon_days: int = Field(ge=1, le=120)
    bend: float = Field(ge=0, le=2)
    least_chance: float = Field(ge=0.5, lt=1)
    issue_within_days: int = Field(ge=1)
    grace_days: int = Field(ge=0)
    quiet_days: int = Field(14, ge=0)
    tails: tuple[Tail, ...] = ()

    @model_validator(mode="after")
    def _nearest_first(self) -> Self:
        if list(self.tails) != sorted(self.tails, key=lambda tail: tail.within):
            raise ValueError("the tails begin with that of the nearest days")
        return self

    def tail(self, days: int) -> Tail:
        """Of a forecast whose day is so many days ahead."""
        usual = Tail(within=max(1, days), early=(1 - self.sure) / 2, late=(1 + self.sure) / 2)
        return next((tail for tail in self.tails if days <= tail.within), usual)


class FoulingForesight(ForesightRule):
    """A purifier clogs: what is measured while the kitchen cooks rises towards the limit of `alarm`.

    `drop_share`: a fall by so much of the level, that lasts, was a cleaning nobody wrote down.
    """

    alarm: str
    drop_share: float = Field(gt=0, lt=1)


class TrapForesight(ForesightRule):
    """A grease trap fills up to `full_pct`. A fall by `emptied_drop_pct` points was an emptying."""

    full_pct: float = Field(gt=0, le=100)
    emptied_drop_pct: float = Field(gt=0, le=100)


class DeviceForesight(ForesightRule):
    """A monitor fails: it measures `drift_limit_mg_m3` with the fan off (zero drift), moves less than `flat_share` of what it
    did (flat), or misses `missing_minutes` of a day (gaps)."""

    drift_limit_mg_m3: float = Field(gt=0)
    flat_share: float = Field(gt=0, lt=1)
    missing_minutes: int = Field(gt=0, lt=1440)


class Foresight(Row):
    """The three kinds of forecasts."""

    fouling: FoulingForesight
    trap: TrapForesight
    device: DeviceForesight

    @property
    def rules(self) -> tuple[ForesightRule, ...]:
        return (self.fouling, self.trap, self.device)
