"""Kinds of merchants, facilities and licences, and how often a purifier is cleaned."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lingxiu.policy.rows import Label, Row, Rule


class Kind(Row):
    """A kind of merchant, facility or licence."""

    id: str
    label: Label


class CleaningCycle(Rule):
    """How often the purifier of a merchant of this scale must be cleaned."""

    scale: Literal["large", "medium", "small"]
    days: int = Field(gt=0)


class Kinds(Row):
    """What merchants, facilities and licences there are."""

    merchants: tuple[Kind, ...]
    facilities: tuple[Kind, ...]
    licences: tuple[Kind, ...]
    cleaning_cycles: tuple[CleaningCycle, ...]
