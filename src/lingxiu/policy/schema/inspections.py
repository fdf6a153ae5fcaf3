"""Administrative inspections: how often, and how long one is respected."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from lingxiu.policy.rows import Row, Rule
from lingxiu.policy.schema.checking import refuse_doubles


class InspectionCap(Rule):
    """How often a shop of these fume levels (any, if none is named) may be inspected in a calendar year: by all bodies
    together, and by one of them."""

    levels: tuple[Literal[1, 2, 3], ...] = ()
    of_shop: int = Field(ge=0)
    of_department: int = Field(ge=0)


class Inspections(Row):
    """Administrative inspections (国办发〔2024〕54号): how often, how long another body's check is respected, how late one may be
    written down. The first cap that fits counts; without any there is none. `most_finds`: so many at one shop of a joint round.
    `sign_reminder_hours`, `sign_raised_hours`: after so long without a signature whoever must sign is reminded, and their unit
    hears of it."""

    caps: tuple[InspectionCap, ...] = ()
    respected_days: int = Field(90, ge=0)
    written_within_days: int = Field(3, ge=0)
    most_finds: int = Field(20, ge=1, le=40)
    sign_reminder_hours: int = Field(4, ge=1)
    sign_raised_hours: int = Field(24, ge=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Inspections:
        refuse_doubles([cap.id for cap in self.caps])
        if self.sign_raised_hours <= self.sign_reminder_hours:
            raise ValueError("sign_raised_hours must lie above sign_reminder_hours: who must sign is reminded first")
        if self.caps and not any(not cap.levels and cap.enabled and not cap.until for cap in self.caps):
            raise ValueError("caps has none without levels and without an end; add one, last, for all the rest")
        return self

    def cap(self, level: int | None, day: date) -> InspectionCap | None:
        """The cap of a shop of this fume level on a day."""
        fitting = (cap for cap in self.caps if cap.holds(day) and (not cap.levels or level in cap.levels))
        return next(fitting, None)
