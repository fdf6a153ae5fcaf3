"""What was ordered for many issues, and how far it got: a request does what it can in its time, the worker the rest.

Each row is a transaction of its own, in which its outcome is noted: whoever goes on, and however often, no row is done twice.
Never decides what may be done with an issue.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from math import inf
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app
from procrastinate.types import TimeDeltaParams

from lingxiu.accounts.models import User
from lingxiu.journal.actions import once
from lingxiu.journal.models import Submission

log = structlog.get_logger(__name__)

GO_ON: Final = "lingxiu.issues.jobs.go_on_with_many"
IN_A_REQUEST_S = 1.2
"""So long a request works at an order; then the reader is shown how far it got."""
LOOK_AFTER_S = 60
"""So long after it was taken the worker looks whether an order was left unfinished."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: done, or why not, in the language of who asked."""

    number: str
    done: bool
    words: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order got. `asked`: how many rows it has."""

    outcomes: list[Outcome]
    asked: int

    @property
    def is_over(self) -> bool:
        return len(self.outcomes) >= self.asked


@dataclass(frozen=True, slots=True)
class Work:
    """An order as whoever does it finds it. `kind`: order | sheet; `of`: what every row is moved by; `rows`: plain values, each
    with the `number` of its issue; `language`: of who asked."""

    submission: UUID
    kind: str
    of: Json
    rows: list[Json]
    actor: int
    language: str


Row = Callable[[Json, datetime], Outcome]
"""Does one row at a time, and says what became of it. What it raises is a mistake of ours, never a refusal."""

Doing = Callable[[Work, User], Row]
"""How the rows of a kind of order are done, in whose name."""


def begin(work: Work, doing: Doing, *, at: datetime) -> Progress:
    """Take an order and do what can be done of it in `IN_A_REQUEST_S`; the worker does the rest, and all of it should this process
    end. Sent again, it is not taken up again: how far it got is the answer.

    Raises: SubmissionReused.
    """
    with transaction.atomic():
        first = _take(work, at)
        if first:
            _hand_over(work.submission, LOOK_AFTER_S)
    if first and not go_on(work.submission, doing, lambda: at, seconds=IN_A_REQUEST_S):
        _hand_over(work.submission)
    found = progress(work.submission, work.actor)
    assert found is not None  # it was taken above
    return found


def _take(work: Work, at: datetime) -> bool:
    """Keep the order. Returns whether it is new. Raises: SubmissionReused."""
    body = {"kind": work.kind, "of": work.of, "rows": work.rows}
    kept = {**body, "actor": work.actor, "language": work.language, "outcomes": []}
    _result, first = once(work.submission, actor=_name(work.actor), body=body, at=at, do=lambda: kept)
    return first


def _hand_over(submission: UUID, in_seconds: int = 0) -> None:
    """Ask the worker to go on with it."""
    later: TimeDeltaParams | None = {"seconds": in_seconds} if in_seconds else None
    app.configure_task(GO_ON, lock=f"{GO_ON}:{submission}", schedule_in=later).defer(submission=str(submission))


def go_on(submission: UUID, doing: Doing, at: Callable[[], datetime], *, seconds: float = inf) -> bool:
    """Do what is left of an order for so long, one row at least. May run twice, and two at once. Returns whether it is over.

    Raises: Submission.DoesNotExist.
    """
    until = time.monotonic() + seconds
    work = work_of(submission)
    row = doing(work, User.objects.get(pk=work.actor))
    with translation.override(work.language):
        while _next(submission, row, at):
            if time.monotonic() > until:
                return False
    return True


def _next(submission: UUID, do: Row, at: Callable[[], datetime]) -> bool:
    """Do the next row, if there is one left."""
    try:
        with transaction.atomic():
            kept = _locked(submission)
            left = _left(kept)
            if left is None:
                return False
            _note(kept, do(left, at()))
    except Exception:
        log.exception("issues.row_failed", submission=str(submission))
        return _give_up(submission)
    return True


def _give_up(submission: UUID) -> bool:
    """A mistake of ours undid this row: it is passed over, and said to have been, or those behind it would wait for ever."""
    with transaction.atomic():
        kept = _locked(submission)
        left = _left(kept)
        if left is None:
            return False
        _note(
            kept,
            Outcome(
                str(left["number"]), False, _("Something went wrong here. It was left as it was; try it by itself.")
            ),
        )
    return True


def _locked(submission: UUID) -> Submission:
    return Submission.objects.select_for_update().get(uuid=submission)


def _left(kept: Submission) -> Json | None:
    """The row whose turn it is; None when all are done."""
    rows, outcomes = (kept.result or {})["rows"], (kept.result or {})["outcomes"]
    return rows[len(outcomes)] if len(outcomes) < len(rows) else None


def _note(kept: Submission, outcome: Outcome) -> None:
    (kept.result or {})["outcomes"].append(asdict(outcome))
    kept.save(update_fields=["result"])


def work_of(submission: UUID) -> Work:
    """The order of this submission. Raises: Submission.DoesNotExist."""
    kept = Submission.objects.get(uuid=submission).result or {}
    return Work(submission, **{name: kept[name] for name in ("kind", "of", "rows", "actor", "language")})


def progress(submission: UUID, actor_id: int) -> Progress | None:
    """How far this person's order got; None for one that is not theirs, or none of ours."""
    row = Submission.objects.filter(uuid=submission, actor=_name(actor_id)).first()
    if row is None or not isinstance(row.result, dict) or "outcomes" not in row.result:
        return None
    return Progress([Outcome(**one) for one in row.result["outcomes"]], len(row.result["rows"]))


def _name(user_id: int) -> str:
    return f"user:{user_id}"
