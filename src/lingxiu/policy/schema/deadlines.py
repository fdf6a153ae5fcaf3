"""By when: periods, rests, extensions, what happens as time runs out, and the official calendar of a year."""

from __future__ import annotations

from datetime import date, time
from typing import Literal, get_args

from pydantic import Field, model_validator

from lingxiu.policy.rows import Confidence, Row, Rule
from lingxiu.policy.schema.terms import Level, ReportSource


class Period(Row):
    """How long a step may take: working days of the real calendar, hours of them within `office_hours`, or plain hours."""

    working_days: int | None = Field(None, gt=0)
    working_hours: int | None = Field(None, gt=0)
    hours: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_of_them(self) -> Period:
        if [self.working_days, self.working_hours, self.hours].count(None) != 2:
            raise ValueError("give one of working_days, working_hours and hours")
        return self


class OfficeHours(Row):
    """When on a working day a clock of working hours runs."""

    opens: time = time(8, 30)
    closes: time = time(17, 30)

    @model_validator(mode="after")
    def _opens_first(self) -> OfficeHours:
        if self.opens >= self.closes:
            raise ValueError("office_hours: closes must come after opens")
        return self


class ByLevel(Row):
    """A period for each level."""

    grid: Period
    town: Period
    county: Period

    def of(self, level: str) -> Period:
        """The period of this level (`grid`, `town`, `county`)."""
        return {"grid": self.grid, "town": self.town, "county": self.county}[level]


class Extending(Row):
    """How often an issue's time may be extended, and by how many working days at once (舟山: 20 in all)."""

    times: int = Field(ge=0)
    working_days: int = Field(gt=0)


class SuspendReason(Rule):
    """Why an issue may rest. `pauses`: whether its clocks stand still meanwhile. `longest_days`: of the calendar. `waits_for`:
    whose turn it is until then, if it is the shop's or another body's."""

    pauses: bool
    longest_days: int = Field(gt=0)
    waits_for: Literal["merchant", "unit", ""] = ""


class OrderKind(Rule):
    """A kind of order as the 12345 centre names it, by `words` that stand in its column, and when such a one is answered."""

    words: tuple[str, ...] = Field(min_length=1)
    working_days: int = Field(gt=0)


class Deadlines(Row):
    """Two clocks. `whole` runs from receipt to closing; the others are the steps'. `answers`: to each reporter, by source;
    `of_orders`: to a 12345 order, by its kind where the centre names one.

    `cooperate`: a co-operating unit's part, unless a day is set; the lead may send it back `sent_back_times`. `reply`: how long
    the county waits for what the lead says to an objection before it may settle it. `supervise`: what a leader asked about.
    `reopen_days`: how long a reporter may say that it is not so (days of the calendar). `found_within_days`: how long ago an
    officer may have seen what he enters as a find; the law is that of the day he names. Working hours run within
    `office_hours`, by day and night for what is of `at_any_hour` (violations); they are for steps alone.
    """

    whole: ByLevel
    dispatch: ByLevel
    handle: ByLevel
    recheck: ByLevel
    answers: dict[ReportSource, Period]
    of_orders: tuple[OrderKind, ...] = ()
    cooperate: Period = Period(working_days=5)
    sent_back_times: int = Field(2, ge=0)
    reply: Period = Period(working_days=1)
    supervise: Period = Period(working_days=2)
    reopen_days: int = Field(15, gt=0)
    found_within_days: int = Field(30, ge=0)
    extending: Extending = Extending(times=1, working_days=3)
    suspending: tuple[SuspendReason, ...] = ()
    office_hours: OfficeHours = OfficeHours()
    at_any_hour: tuple[str, ...] = ()
    confidence: Confidence = "P"

    def answer_within(self, source: ReportSource) -> Period:
        """How long until a reporter is answered; who wrote by another system is answered as callers are, unless said."""
        return self.answers.get(source) or self.answers["phone"]

    def order_kind(self, kind_id: str) -> OrderKind | None:
        """The kind of this id, if there is one."""
        return next((row for row in self.of_orders if row.id == kind_id and row.enabled), None)

    def suspend_reason(self, reason_id: str) -> SuspendReason:
        """Raises KeyError."""
        return {row.id: row for row in self.suspending}[reason_id]

    @model_validator(mode="after")
    def _working_hours_are_for_steps(self) -> Deadlines:
        wholes = (self.whole.grid, self.whole.town, self.whole.county)
        if any(
            one.working_hours for one in (*wholes, *self.answers.values(), self.cooperate, self.reply, self.supervise)
        ):
            raise ValueError("working_hours are for dispatch, handle and recheck; give working_days or hours")
        return self

    @model_validator(mode="after")
    def _answers_every_source(self) -> Deadlines:
        missing = sorted(set(get_args(ReportSource)) - {"other_system"} - set(self.answers))
        if missing:
            raise ValueError(f"answers has no period for {', '.join(missing)}; every reporter is answered by a date")
        return self


class Escalation(Rule):
    """What happens when a share of a clock's time is over. `clock`: the step's, the whole issue's, a co-operating part's, a look's,
    that of the lead's reply to an objection, a leader's question's, a reporter's answer's. `states`: any, if none is named.
    `tell`: who hears of it. `raise_level`: whether the next level gains the issue.
    """

    clock: Literal["step", "whole", "part", "look", "reply", "supervision", "answer"]
    share: float = Field(gt=0)
    levels: tuple[Level, ...] = ("grid", "town", "county")
    states: tuple[Literal["predicted", "received", "dispatched", "handling", "recheck"], ...] = ()
    tell: tuple[Literal["holder", "dispatcher", "county", "leader", "lead"], ...] = ()
    raise_level: bool = False


class Year(Row):
    """The official working calendar of a year the library does not know yet."""

    holidays: tuple[date, ...]
    make_up_days: tuple[date, ...] = ()
    basis: str = Field(min_length=1)
