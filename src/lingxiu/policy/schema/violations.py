"""What may be wrong with a shop: its law, its evidence, its questions, what may follow."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from lingxiu.policy.rows import Basis, Confidence, Label, Row, Rule, within
from lingxiu.policy.schema.checking import refuse_doubles
from lingxiu.policy.schema.terms import Flow


class Evidence(Row):
    """What must be there before an issue of this kind may be fed back. `reading`: a measured value, of the shop's fume monitor
    too if `by_monitor`; `form`: the answers to all its questions."""

    photo_before: bool = False
    photo_after: bool = False
    reading: bool = False
    by_monitor: bool = True
    form: bool = False


class Penalty(Row):
    """One variant of what may follow, for acts of its days: CNY from `least` to `most`, and in words what is beside the money.

    Whether a sole trader is a person or a unit changes a fine a hundredfold: all variants are shown, a person decides.
    `may`: the law leaves it open (可以). Only a guide: how much within a range is not ours to say.
    """

    who: Literal["anyone", "person", "unit"] = "anyone"
    when: Literal["at_once", "uncorrected", "grave", "uncorrected_or_grave"] = "at_once"
    least: int | None = Field(None, gt=0)
    most: int | None = Field(None, gt=0)
    may: bool = False
    text: Label | None = None
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Penalty:
        if self.most is None and (self.least is not None or self.text is None):
            raise ValueError("give most (and least, if there is one), or a text")
        if self.most is not None and self.least is not None and self.least > self.most:
            raise ValueError(f"least {self.least} lies above most {self.most}")
        return self


class ToTown(Row):
    """Whether the county gave an item to its towns (赋权), and for which days."""

    given: bool = False
    since: date | None = None
    until: date | None = None
    confidence: Literal["S", "G", "P"] = "P"


class Power(Row):
    """The item of the province's list of powers (权力事项) a finding is handled under. An unknown code stays empty; `name`: as the
    list prints it."""

    code: str = ""
    name: str = ""
    level: Literal["county", "town"] = "county"
    confidence: Confidence = "U"
    to_town: ToTown = ToTown()


class OwnPower(Row):
    """The item of a finding (`id`, the law book's number) as the county's own list has it; what is left out stays as it was."""

    id: str
    code: str = Field(min_length=1, max_length=60)
    name: str = Field("", max_length=200)
    level: Literal["county", "town"] | None = None
    confidence: Confidence = "S"
    to_town: ToTown | None = None


class Choice(Row):
    """One of the answers of a question."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: Label


class Question(Row):
    """What is asked beside the usual when this is found. `unit`: of a number, as it is written."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: Label
    kind: Literal["choice", "number", "text", "date"]
    choices: tuple[Choice, ...] = ()
    unit: str = ""

    @model_validator(mode="after")
    def _choices_where_chosen(self) -> Question:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("give choices to a question of kind choice, and to no other")
        refuse_doubles([choice.id for choice in self.choices])
        return self


class Violation(Rule):
    """What may be wrong. A `lead` is all that a sensor or a forecast may open; a `finding` is what a person established.

    `public`: offered to people who complain. `everyday`: what grid members meet daily, offered to officers first.
    `licences`: kinds of licence (kinds.yaml) it is about, any when empty. `penalty`: in one sentence, as editions had it before
    `penalties` gave the amounts. `power`: none where nothing is punished.
    """

    kind: Literal["lead", "finding"]
    task: str
    responsible: str
    cooperating: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    severity: Literal[1, 2, 3] = 2
    flow: Flow = "quick"
    evidence: Evidence = Evidence()
    questions: tuple[Question, ...] = ()
    first_step: Label | None = None
    penalty: Label | None = None
    penalties: tuple[Penalty, ...] = ()
    power: Power | None = None
    advice: Label | None = None
    public: bool = False
    everyday: bool = False

    def printable_basis(self, day: date, *, in_built_up: bool = True) -> tuple[Basis, ...]:
        """What a notice about an act of this day may name, to a shop that lies there; nothing printable, no notice."""
        return tuple(basis for basis in self.bases if basis.printable(day) and basis.binds(in_built_up=in_built_up))

    def variants_on(self, day: date) -> tuple[Penalty, ...]:
        """What may follow an act of this day, every variant."""
        return tuple(one for one in self.penalties if within(day, one.since, one.until))

    def given_to_town(self, day: date) -> bool:
        """Whether the towns were given it on this day."""
        to_town = self.power.to_town if self.power else ToTown()
        return to_town.given and within(day, to_town.since, to_town.until)

    @model_validator(mode="after")
    def _asks_each_once(self) -> Violation:
        refuse_doubles([question.id for question in self.questions])
        return self
