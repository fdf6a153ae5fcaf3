"""What is to be done, in the words and with the button an owner's phone shows. Decides no order and no date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from lingxiu.selfservice.agenda import Todo, What
from lingxiu.selfservice.queries import Reminder

DO: dict[What, str] = {
    What.CLEANING: gettext_noop("Have the purifier cleaned"),
    What.TRAP: gettext_noop("Have the grease trap emptied"),
    What.WASTE: gettext_noop("Hand the kitchen waste to the collector"),
    What.SELF_CHECK: gettext_noop("Do this month's self-check"),
}
SERVE: dict[What, str] = {
    What.CLEANING: gettext_noop("Clean the purifier"),
    What.TRAP: gettext_noop("Empty the grease trap"),
    What.WASTE: gettext_noop("Collect the kitchen waste"),
}
"""The same, to whom the shop has it done by."""
BUTTON: dict[What, str] = {
    What.CLEANING: gettext_noop("Record a cleaning"),
    What.TRAP: gettext_noop("Record an emptying"),
    What.WASTE: gettext_noop("Record a hand-over"),
    What.SELF_CHECK: gettext_noop("Start the self-check"),
}
DONE: dict[What, str] = {
    What.CLEANING: gettext_noop("Purifier last cleaned"),
    What.TRAP: gettext_noop("Grease trap last emptied"),
    What.WASTE: gettext_noop("Kitchen waste last handed over"),
}
ICON: dict[What, str] = {
    What.REMINDER: "alert-triangle",
    What.CLEANING: "wash",
    What.TRAP: "droplet",
    What.WASTE: "trash",
    What.SELF_CHECK: "clipboard-check",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to do: the sentence, its date, the button that does it."""

    words: str
    by: date | None
    late_days: int
    pressing: bool
    icon: str
    tone: str
    url: str
    button: str
    reminder: Reminder | None = None


def lines(
    merchant_id: int, todos: Collection[Todo], reminders: Collection[Reminder], *, own: bool = True
) -> list[Line]:
    """The agenda of a shop, in words: to its own people, or to those who clean and collect there."""
    named = {reminder.number: reminder for reminder in reminders}
    return [_line(merchant_id, todo, named.get(todo.number), DO if own else DO | SERVE) for todo in todos]


def record_url(merchant_id: int, what: What) -> str:
    """Where this is declared or recorded."""
    return f"/shop/{merchant_id}/{what}/"


def issue_url(number: str) -> str:
    """Where an issue of the shop is explained, and said to be put right."""
    return f"/shop/issues/{number}/"


def _line(merchant_id: int, todo: Todo, reminder: Reminder | None, do: Mapping[What, str]) -> Line:
    if reminder:
        words, button = reminder.says.text(get_language() or "zh-hans"), _("See to it")
    else:
        to_do, to_press = do[todo.what], BUTTON[todo.what]
        words, button = _(to_do), _(to_press)
    return Line(
        words=words,
        by=todo.by,
        late_days=todo.late_days,
        pressing=todo.pressing,
        icon=ICON[todo.what],
        tone="late" if todo.late_days else "soon" if todo.pressing else "neutral",
        url=issue_url(reminder.number) if reminder else record_url(merchant_id, todo.what),
        button=button,
        reminder=reminder,
    )
