"""Systems beside ours where a matter has another number."""

from __future__ import annotations

from pydantic import Field

from lingxiu.policy.rows import Label, Row


class OtherSystem(Row):
    """A system beside ours where the same matter may stand under a number of its own."""

    id: str = Field(max_length=30)
    label: Label
