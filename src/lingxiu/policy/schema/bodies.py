"""The tasks of the V-model and the departments that answer for them."""

from __future__ import annotations

from typing import Literal

from lingxiu.policy.rows import Confidence, Label, Row


class Task(Row):
    """One of the seventeen tasks of the V-model."""

    id: str
    label: Label
    stage: Literal["before", "during", "after", "evaluation"]
    owners: tuple[str, ...]
    confidence: Confidence = "P"


class Department(Row):
    """A department of the county: its code is its unit's code."""

    id: str
    label: Label
    short: Label
    duty: Label
