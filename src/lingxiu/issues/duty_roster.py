"""The duty roster (值班表) from a list: who is on duty on which day, for which unit. Row by row; a row that is wrong is told, and
stops no other. What it writes down are turns (`accounts.duty`). Never says what goes to who is on duty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lingxiu.accounts import duty
from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.issues import roster
from lingxiu.issues.roster import Wrong, a_day, called, one_called
from lingxiu.merchants.sheets import Cells
from lingxiu.policy.queries import in_force

COLUMNS = ("day", "until", "on_duty", "unit", "begins", "ends")
NEEDED = frozenset({"day", "on_duty"})
BETWEEN = re.compile(r"[、，,;；/\n]+")
HOUR = re.compile(r"^(\d{1,2})[:：点](\d{2})?")
LONGEST = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it stands in the list. `on_duty`: names, the first to be called first; `unit`: one or several."""

    number: int
    day: str
    on_duty: str
    until: str = ""
    unit: str = ""
    begins: str = ""
    ends: str = ""

    @property
    def who(self) -> str:
        """What pages show of it beside the days."""
        return f"{self.unit} · {self.on_duty}" if self.unit else self.on_duty

    @property
    def days(self) -> str:
        return " ".join(
            filter(None, [self.day, self.begins, "–" if self.until or self.ends else "", self.until, self.ends])
        )


def headings() -> list[str]:
    """The headings of our own file."""
    return [str(roster.words()[name][0]) for name in COLUMNS]


def read(rows: list[Cells]) -> list[Line]:
    """The rows below the headings, wherever these stand. Raises: roster.RosterRefused."""
    return [Line(number, **said) for number, said in roster.rows_below(rows, COLUMNS, NEEDED)]


def enter(lines: Iterable[Line], *, by: User, at: datetime, only_try: bool = False) -> list[roster.Outcome[Line]]:
    """Write each row down, or see what would come of it. Sent again, a row says that it is known."""
    units = duty.rosters(by, tuple(UnitKind))
    book = _Book(by, at, {unit.name: [one for one in units if one.name == unit.name] for unit in units})
    with transaction.atomic():
        outcomes = [_enter(line, book) for line in lines]
        transaction.set_rollback(only_try)
    return outcomes


@dataclass(frozen=True)
class _Book:
    """What rows are read against: who enters them, and the units whose rosters they may write."""

    by: User
    at: datetime
    units: Mapping[str, list[Unit]]

    def those(self, named: str) -> list[Unit]:
        """The units of a row; unnamed, the one room of who enters it. Raises: Wrong."""
        if not named:
            rooms = duty.rosters(self.by)
            if len(rooms) != 1:
                raise Wrong(_("Write for which unit they are on duty."))
            return rooms
        return [self._one(name) for name in BETWEEN.split(named) if name.strip()]

    def _one(self, name: str) -> Unit:
        found = self.units.get(name.strip(), [])
        own = [unit for unit in found if unit.town in self.by.authority.towns]
        if len(own or found) != 1:
            raise Wrong(_("“%(name)s” is no unit whose roster you write, or several are called so.") % {"name": name})
        return (own or found)[0]


def _enter(line: Line, book: _Book) -> roster.Outcome[Line]:
    try:
        since, until = _turn(line)
        names = [name.strip() for name in BETWEEN.split(line.on_duty) if name.strip()]
        with transaction.atomic():
            for unit in book.those(line.unit):
                people = called(duty.may_stand(unit, book.at))
                for rank, name in enumerate(names, 1):
                    duty.enter(unit, _person(name, people), since, until, rank=min(rank, 9), at=book.at, by=book.by.pk)
    except Wrong as wrong:
        return roster.Outcome(line, False, str(wrong))
    except duty.TurnRefused as refused:
        return roster.Outcome(line, False, str(duty.REFUSALS[refused.why]))
    shown = [timezone.localtime(one).strftime("%Y-%m-%d %H:%M") for one in (since, until)]
    return roster.Outcome(line, bool(names), " – ".join(shown) if names else _("Nobody is named."))


def _person(name: str, people: Mapping[str, list[User]]) -> User:
    """Raises: Wrong."""
    if not people.get(name):
        raise Wrong(
            _("“%(name)s” may not stand on this roster: nobody of that name has a post there.") % {"name": name}
        )
    return one_called(name, people)


def _turn(line: Line) -> tuple[datetime, datetime]:
    """From when until when; without hours, from the county's hour of changing on to the same one after the last day."""
    first = a_day(line.day)
    last = a_day(line.until) if line.until else first
    change, zone = in_force().catalogues.working.on_duty.changes_at, timezone.get_current_timezone()
    begins, ends = _hour(line.begins), _hour(line.ends)
    since = datetime.combine(first, begins or change, zone)
    until = datetime.combine(last, ends or change, zone)
    if ends is None or (not line.until and until <= since):
        until += timedelta(days=1)
    if until - since > LONGEST:
        raise Wrong(_("Longer than two weeks: write a row a turn."))
    return since, until


def _hour(text: str) -> time | None:
    """Raises: Wrong."""
    if not text:
        return None
    found = HOUR.match(text)
    if found is None or not (int(found[1]) < 24 and int(found[2] or 0) < 60):
        raise Wrong(_("“%(text)s” is no time of day. Write it as 08:30.") % {"text": text})
    return time(int(found[1]), int(found[2] or 0))
