"""The leave and holiday roster (请假、节假日轮休表) from a list: who is away on which day, and who stands in. Row by row.

A row that is wrong is told with what is wrong, and stops no other. What it writes down are absences (`accounts.absences`); work goes
to the deputy or the unit as for any absence. Never says who is on duty for alarms: that is sensing's roster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.accounts.absences import REFUSALS, AbsenceRefused, declare, who_may_stand_in, whose_absences
from lingxiu.accounts.models import Absence, Post, User
from lingxiu.merchants.sheets import Cells
from lingxiu.ui.days import FIRST, LAST

COLUMNS = ("day", "until", "person", "deputy", "reason")
NEEDED = frozenset({"day", "person"})
MOST_ROWS = 1000
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d")
LONGEST = timedelta(days=92)
WHY_NO_ROSTER: dict[str, str | Promise] = {
    "heads": gettext_lazy("A column for the day and one for the person are needed: see the headings below."),
    "empty": gettext_lazy("There is no row in it."),
    "many": gettext_lazy("More than 1,000 rows: send it in parts."),
}


class RosterRefused(Exception):
    """A list that is no roster. `why`: a key of `WHY_NO_ROSTER`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it stands in the list. `number`: of the row, counted as the file's reader counts."""

    number: int
    person: str
    day: str
    until: str = ""
    deputy: str = ""
    reason: str = ""

    @property
    def who(self) -> str:
        """What pages show of it beside the days."""
        return self.person

    @property
    def days(self) -> str:
        return f"{self.day} – {self.until}" if self.until else self.day


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Row]):
    """What became of a row: whether it is written down, and if not, why."""

    line: Row
    done: bool
    words: str


@cache
def words() -> Mapping[str, Any]:
    """The headings and reasons a roster may carry."""
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "roster.yaml").read_text(encoding="utf-8"))
    return found


def headings() -> list[str]:
    """The headings of our own file."""
    return [str(words()[name][0]) for name in COLUMNS]


def read(rows: list[Cells]) -> list[Line]:
    """The rows below the headings, wherever these stand. Raises: RosterRefused."""
    return [Line(number, **said) for number, said in rows_below(rows, COLUMNS, NEEDED)]


def rows_below(rows: list[Cells], columns: Sequence[str], needed: frozenset[str]) -> list[tuple[int, dict[str, str]]]:
    """Number and cells by column of each row that has one of the needed. Raises: RosterRefused."""
    for at, row in enumerate(rows[:10]):
        places = _places(row, columns)
        if needed <= set(places):
            lines = [(at + 2 + n, _said(cells, places)) for n, cells in enumerate(rows[at + 1 :])]
            found = [(number, said) for number, said in lines if any(said[name] for name in needed)]
            if not found:
                raise RosterRefused("empty")
            if len(found) > MOST_ROWS:
                raise RosterRefused("many")
            return found
    raise RosterRefused("heads" if rows else "empty")


def _places(row: Cells, columns: Sequence[str]) -> dict[str, int]:
    heads = [str(cell).strip().lower() for cell in row]
    return {
        name: heads.index(called)
        for name in columns
        for called in [next((word for word in words()[name] if word in heads), None)]
        if called is not None
    }


def _said(cells: Cells, places: Mapping[str, int]) -> dict[str, str]:
    return {name: str(cells[at]).strip()[:80] if at < len(cells) else "" for name, at in places.items()}


def enter(lines: Iterable[Line], *, by: User, at: datetime, only_try: bool = False) -> list[Outcome[Line]]:
    """Write each row down, or see what would come of it. Sent again, a row says that it is known."""
    people = called(whose_absences(by, at))
    colleagues = called(who_may_stand_in(by, at))
    units = _units((person for group in people.values() for person in group), at)
    with transaction.atomic():
        outcomes = [_enter(line, people, colleagues, units, by, at) for line in lines]
        transaction.set_rollback(only_try)
    return outcomes


def called(users: Iterable[User]) -> dict[str, list[User]]:
    """People by the name, and by the user name, they are known under."""
    found: dict[str, list[User]] = {}
    for user in users:
        for name in {user.name, user.username}:
            found.setdefault(name, []).append(user)
    return found


def _units(people: Iterable[User], at: datetime) -> dict[str, set[int]]:
    """Name of a unit → the people now in it: standing there instead of a deputy, it means that the unit sees to it."""
    found: dict[str, set[int]] = {}
    posts = Post.objects.filter(Post.held_at(at), user__in=[user.pk for user in people])
    for name, user in posts.values_list("unit__name", "user_id"):
        found.setdefault(name, set()).add(user)
    return found


class Wrong(Exception):
    """What is wrong with a row, in words."""


def _enter(
    line: Line, people: Mapping[str, list[User]], colleagues: Mapping[str, list[User]], units: Mapping[str, set[int]],
    by: User, at: datetime,
) -> Outcome[Line]:  # fmt: skip
    try:
        user = one_called(line.person, people)
        since, after = _span(line)
        deputy = _deputy(line.deputy, user, colleagues, units)
        with transaction.atomic():
            declare(user, since, after, reason=_reason(line.reason), deputy=deputy, at=at, by=by.pk)
    except Wrong as wrong:
        return Outcome(line, False, str(wrong))
    except AbsenceRefused as refused:
        return Outcome(line, False, str(REFUSALS[refused.field, refused.why]))
    return Outcome(line, True, deputy.name if deputy else _("the unit sees to it"))


def one_called(name: str, known: Mapping[str, list[User]]) -> User:
    """Raises: Wrong."""
    found = known.get(name, [])
    if not name:
        raise Wrong(_("Nobody is named."))
    if not found:
        raise Wrong(_("“%(name)s” is nobody whose absences you write down.") % {"name": name})
    if len(found) > 1:
        raise Wrong(_("Several people are called “%(name)s”: write the user name.") % {"name": name})
    return found[0]


def _deputy(name: str, user: User, colleagues: Mapping[str, list[User]], units: Mapping[str, set[int]]) -> User | None:
    """None: the unit sees to it, which is named, or nobody is."""
    if not name or user.pk in units.get(name, set()):
        return None
    found = colleagues.get(name, [])
    if len(found) != 1:
        told = (
            _("Several people are called “%(name)s”: write the user name.")
            if found
            else _("“%(name)s” is neither a colleague there nor their unit.")
        )
        raise Wrong(told % {"name": name})
    return found[0]


def _span(line: Line) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last."""
    first = a_day(line.day)
    last = a_day(line.until) if line.until else first
    if last - first > LONGEST:
        raise Wrong(_("Longer than three months: hand over their work instead."))
    zone = timezone.get_current_timezone()
    return datetime.combine(first, time.min, zone), datetime.combine(last + timedelta(days=1), time.min, zone)


def a_day(text: str) -> date:
    """Raises: Wrong."""
    for written in DAYS:
        try:
            day = datetime.strptime(text, written).date()  # noqa: DTZ007  # a day has no zone
        except ValueError:
            continue
        if FIRST <= day <= LAST:
            return day
    raise Wrong(_("“%(text)s” is no day. Write it as 2026-10-01.") % {"text": text})


def _reason(text: str) -> str:
    reasons: Mapping[str, list[str]] = words()["reasons"]
    return next((reason for reason, called in reasons.items() if text.lower() in called), Absence.Reason.DAY_OFF)
