"""Many issues moved by one order: each a transaction of its own through `actions.move`, each with its own answer.

What is too grave, or was reported by somebody who waits for an answer, is never ended by the dozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import actions, words
from lingxiu.issues.lifecycle import Move, MoveRefused, State
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.issues.writing import Brought, SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.journal.models import Submission

MOST_ROWS = 200
MOST_SEVERE = 1
"""Above this an issue is ended by itself, never with others."""
ENDS = {"close": Move.CLOSE, "dismiss": Move.DISMISS}

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
    """What is done with each of them. `what`: assign | close | dismiss."""

    what: str
    unit: Unit | None = None
    person: User | None = None
    words: str = ""

    def move(self, issue: Issue) -> Move:
        """Assigning is dispatching what nobody was given yet, else transferring it."""
        if self.what in ENDS:
            return ENDS[self.what]
        return Move.DISPATCH if issue.state in (State.PREDICTED, State.RECEIVED) else Move.TRANSFER


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: done, or why not, in the language of who asked."""

    number: str
    done: bool
    words: str


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


def carry_out(ticked: Iterable[Ticked], order: Order, *, actor: User, at: datetime, submission: UUID) -> list[Outcome]:
    """Every row by itself; sent twice it is done once, and answered alike.

    Raises: SubmissionReused.
    """
    rows = list(ticked)
    body: dict[str, object] = {
        "bulk": order.what, "rows": [str(row) for row in rows], "unit": order.unit and order.unit.pk,
        "person": order.person and order.person.pk, "words": order.words,
    }  # fmt: skip

    def one(row: Ticked) -> Outcome:
        return _answered(row.number, uuid5(submission, row.number), lambda own: _move(row, order, actor, at, own))

    return remembered(submission, body, lambda: [one(row) for row in rows], actor=actor, at=at)


def remembered(
    submission: UUID, body: dict[str, object], do: Callable[[], list[Outcome]], *, actor: User, at: datetime
) -> list[Outcome]:
    """The outcomes of this submission: those of the first time, if it came before. Rows are committed one by one.

    Raises: SubmissionReused.
    """
    before = Submission.objects.filter(uuid=submission).exists()
    found = [] if before else do()
    result, _first = once(
        submission, actor=f"user:{actor.pk}", body=body, at=at, do=lambda: {"rows": [asdict(one) for one in found]}
    )
    return [Outcome(**one) for one in result["rows"]]


def outcomes(submission: UUID, actor: User) -> list[Outcome] | None:
    """What this person's submission came to; None for one that is not theirs, or none of ours."""
    row = Submission.objects.filter(uuid=submission, actor=f"user:{actor.pk}").first()
    if row is None or not isinstance(row.result, dict) or "rows" not in row.result:
        return None
    return [Outcome(**one) for one in row.result["rows"]]


def _answered(number: str, own: UUID, do: Callable[[UUID], MoveRow]) -> Outcome:
    """The outcome of a row. A copy of the same request that came first made the move: then it is done."""
    try:
        row = do(own)
    except Exception as error:
        if MoveRow.objects.filter(submission=own).exists():
            return Outcome(number, True, "")
        return Outcome(number, False, why_not(error))
    return Outcome(number, True, said(row))


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
        return actions.move(
            row.number, order.move(issue), actor=actor, at=at, brought=brought, seen=row.seen, submission=own
        )


def _refuse_grave(issue: Issue) -> None:
    """Raises: NotInBulk."""
    if issue.reports.exists():
        raise NotInBulk("reported")
    if issue.severity > MOST_SEVERE:
        raise NotInBulk("severe")
