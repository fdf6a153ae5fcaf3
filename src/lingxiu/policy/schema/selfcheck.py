"""What owners look at, and how issues are put to them."""

from __future__ import annotations

from typing import Literal

from lingxiu.policy.rows import Label, Row, Rule


class SelfCheckItem(Rule):
    """One thing an owner looks at; `remedy`: what to do when it is not in order. `violation`: of the issue it becomes when the
    owner needs time or help; none without one."""

    medium: Literal["exhaust", "drains", "waste"]
    violation: str = ""
    help: Label | None = None
    remedy: Label


class OwnerWords(Row):
    """An issue as an owner is told of it: what is wrong and what to do, in words of a kitchen. A device's value is a reminder."""

    violation: str
    says: Label
    do: Label


class SelfCheckList(Rule):
    """What an owner goes through once a month, and how open issues are put to them."""

    items: tuple[SelfCheckItem, ...]
    issues: tuple[OwnerWords, ...] = ()
