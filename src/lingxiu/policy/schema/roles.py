"""Roles: what people may do and see."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from lingxiu.policy.rows import Label, Row


class Sight(StrEnum):
    """How far a role sees among the issues, merchants and devices of the county."""

    COUNTY = "county"
    TOWN = "town"
    UNIT = "unit"  # what its own unit was given or answers for
    GRID = "grid"
    OWN = "own"  # the merchants the person is bound to
    NONE = "none"


UnitKind = Literal["county_office", "department", "town", "town_team", "grid", "company"]


class Role(Row):
    """What a person in this role may do and see. Verbs are named `<room>.<verb>`; a test holds that each is known.

    `held_at`: the kinds of unit a post of this role can be held at.
    """

    id: str
    label: Label
    front_door: str = Field(pattern=r"^/")
    issues: Sight = Sight.NONE
    merchants: Sight = Sight.NONE
    held_at: tuple[UnitKind, ...] = Field(min_length=1)
    may: tuple[str, ...] = ()
    officer: bool = True
    certified: bool = False
