"""Words people write again and again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lingxiu.policy.rows import Label, Row

PhrasedMove = Literal[
    "visit",
    "handle",
    "feed_back",
    "rework",
    "return",
    "escalate",
    "transfer",
    "note",
    "close",
    "dismiss",
    "ask",
    "answer",
]


class Phrase(Row):
    """Words people write again and again, offered as a tap. `moves`: in which forms; `visit` is a visit without an issue.
    `violations`: only where it is about these; any when empty.
    """

    id: str
    moves: tuple[PhrasedMove, ...] = Field(min_length=1)
    violations: tuple[str, ...] = ()
    text: Label
