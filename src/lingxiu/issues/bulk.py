"""Many issues moved by one order: each a transaction of its own through `moving.move`, each with its own answer. How far an
order got, `bulk_run` keeps.

What is too grave, or was reported by somebody who waits for an answer, is never ended by the dozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import bulk_run, words
from lingxiu.issues.actions import moving
from lingxiu.issues.bulk_run import Json, Outcome, Progress, Row, Work
from lingxiu.issues.lifecycle import Move, MoveRefused, State
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.issues.writing import Brought, SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused
from lingxiu.policy.queries import in_force

MOST_ROWS = 200
ENDS = {"close": Move.CLOSE, "dismiss": Move.DISMISS}
MOVED = {**ENDS, "confirm": Move.CONFIRM}

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Ticked:
    """A row of a list that was ticked, and the version of it that was looked at."""

    number: str
    seen: int

    def __str__(self) -> str:
        return f"{self.number}.{self.seen}"

    @classmethod
    def read(cls, values: Iterable[str]) -> list[Ticked]:
        """The rows of a form, each once, in the order of their numbers, `MOST_ROWS` at most."""
        found: dict[str, Ticked] = {}
        for value in values:
            number, _dot, seen = value.partition(".")
            if number.isascii() and number.isdigit() and seen.isascii() and seen.isdigit() and len(value) < 24:
                found.setdefault(number, cls(number, int(seen)))
        return [found[number] for number in sorted(found)][:MOST_ROWS]


@dataclass(frozen=True, slots=True)
class Order:
    """What is done with each of them. `what`: assign | confirm | close | dismiss."""

    what: str
    unit: Unit | None = None
    person: User | None = None
    words: str = ""

    def kept(self) -> Json:
        """As plain values."""
        unit, person = self.unit and self.unit.pk, self.person and self.person.pk
        return {"what": self.what, "unit": unit, "person": person, "words": self.words}

    @classmethod
    def read(cls, kept: Json) -> Order:
        """Of plain values."""
        unit = Unit.objects.filter(pk=kept["unit"]).first()
        person = User.objects.filter(pk=kept["person"]).first()
        return cls(kept["what"], unit, person, kept["words"])

    def move(self, issue: Issue) -> Move:
        """Assigning is dispatching what nobody was given yet, else transferring it."""
        if self.what in MOVED:
            return MOVED[self.what]
        return Move.DISPATCH if issue.state in (State.PREDICTED, State.RECEIVED) else Move.TRANSFER


class NotInBulk(Exception):
    """An issue that is not moved with others. `why`: severe | reported | hidden."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


_WHY: Mapping[str, Text] = {
    "severe": gettext_lazy("It is not slight: end it by itself, after looking at it."),
    "reported": gettext_lazy("People reported it and wait for an answer: end it by itself, with the answer each of them gets."),
    "hidden": gettext_lazy("There is no such issue, or it is not yours to see."),
}  # fmt: skip


def carry_out(ticked: Iterable[Ticked], order: Order, *, actor: User, at: datetime, submission: UUID) -> Progress:
    """Every row by itself, as many as a request has time for; sent twice it is done once, and answered alike.

    Raises: SubmissionReused.
    """
    rows = [asdict(row) for row in ticked]
    work = Work(submission, "order", order.kept(), rows, actor.pk, get_language() or "zh-hans")
    return bulk_run.begin(work, doing, at=at)


def doing(work: Work, actor: User) -> Row:
    """How the rows of an order are done."""
    order = Order.read(work.of)

    def one(kept: Json, at: datetime) -> Outcome:
        row = Ticked(**kept)
        try:
            made = _move(row, order, actor, at, uuid5(work.submission, row.number))
        except Exception as error:
            return Outcome(row.number, False, why_not(error))
        return Outcome(row.number, True, said(made))

    return one


def said(row: MoveRow) -> str:
    """A move that was made, in the reader's words."""
    return str(words.made(row).made)


def why_not(error: Exception) -> str:
    """Why a row was not done. What is nobody's refusal is raised again."""
    match error:
        case MoveRefused():
            return str(words.refusal(error))
        case SomebodyWasFaster():
            return str(words.faster(error))
        case NotInBulk():
            return str(_WHY[error.why])
        case SubmissionReused():
            return _("This form was sent before with other words. Reload the page and send it again.")
    raise error


def _move(row: Ticked, order: Order, actor: User, at: datetime, own: UUID) -> MoveRow:
    """Raises: NotInBulk, MoveRefused, SomebodyWasFaster."""
    with transaction.atomic():
        issue = Issue.objects.visible_to(actor).filter(number=row.number).first()
        if issue is None:
            raise NotInBulk("hidden")
        if order.what in ENDS:
            _refuse_grave(issue)
        brought = Brought(words=order.words, unit=order.unit, person=order.person)
        return moving.move(
            row.number, order.move(issue), actor=actor, at=at, brought=brought, seen=row.seen, submission=own
        )


def _refuse_grave(issue: Issue) -> None:
    """Raises: NotInBulk."""
    if issue.reports.exists():
        raise NotInBulk("reported")
    if issue.severity > in_force().catalogues.working.in_bulk.most_severe:
        raise NotInBulk("severe")
