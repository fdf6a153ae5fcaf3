"""What every row of a catalogue is made of: a label in both languages, its bases in law, the days on which it holds.

Confidence is that of the research behind it: S seen in a source, S- in a weak one, V recomputed, G general knowledge, P our
proposal, U unverified.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Confidence = Literal["S", "S-", "V", "G", "P", "U"]
SURE: frozenset[Confidence] = frozenset({"S", "V"})
"""What may stand on paper that binds somebody: seen in a full source, or recomputed."""


class Row(BaseModel):
    """Base of all catalogue rows: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(Row):
    """A text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def text(self, language: str) -> str:
        """The text in this language (`zh-hans`, `en` …)."""
        return self.zh if language.startswith("zh") else self.en


class Basis(Row):
    """Law, article and the days it is in force. Without an article or outside its days it may guide, never be printed.

    `only_in_built_up`: the law binds built-up areas and places run as such.
    """

    law: Label
    article: str = ""
    since: date | None = None
    until: date | None = None
    only_in_built_up: bool = False
    confidence: Confidence = "G"

    def in_force(self, day: date) -> bool:
        """Whether this basis may be named for an act of this day."""
        return within(day, self.since, self.until)

    def binds(self, *, in_built_up: bool) -> bool:
        """Whether it is law for a shop that lies there."""
        return in_built_up or not self.only_in_built_up

    def printable(self, day: date) -> bool:
        """Whether a notice about an act of this day may name it: in force, its article known and seen in a source."""
        return self.in_force(day) and bool(self.article) and self.confidence in SURE


class Rule(Row):
    """What every rule carries."""

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")
    label: Label
    bases: tuple[Basis, ...] = ()
    since: date | None = None
    until: date | None = None
    enabled: bool = True
    confidence: Confidence = "P"

    def holds(self, day: date) -> bool:
        """Whether this rule is switched on for an act of this day."""
        return self.enabled and within(day, self.since, self.until)

    def bases_on(self, day: date) -> tuple[Basis, ...]:
        """The bases in force on the day of the act."""
        return tuple(basis for basis in self.bases if basis.in_force(day))


def within(day: date, since: date | None, until: date | None) -> bool:
    """Whether a day lies between two, both included; an end that is not given is open."""
    return (since is None or since <= day) and (until is None or day <= until)
