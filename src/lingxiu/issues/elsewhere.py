"""The number an issue goes by in another system, so that nothing is reported twice: one open issue a number.

Never talks to the other system: people write down what they see there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from lingxiu.accounts.models import User
from lingxiu.issues import queries, writing
from lingxiu.issues.lifecycle import Level, Move, Needs, State, check
from lingxiu.issues.models import Issue, MoveRow, Report, Source
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Before, Brought
from lingxiu.policy.queries import in_force

CONSTRAINT = "issue_one_open_of_other_number"


class OtherNumberTaken(Exception):
    """An open issue goes by this number of the other system already. `number`: ours of that issue."""

    def __init__(self, other_number: str, number: str) -> None:
        super().__init__(f"{other_number} stands with issue {number} already")
        self.other_number, self.number = other_number, number


def systems(language: str) -> list[tuple[str, str]]:
    """The systems of the county, as choices."""
    return [(row.id, row.label.text(language)) for row in in_force().catalogues.systems]


def system_name(system: str, language: str) -> str:
    """What a system is called; its id where no catalogue has it any more."""
    return dict(systems(language)).get(system, system)


def plain(number: str) -> str:
    """A number as it is kept: without blanks, in capitals. What was copied with blanks is the same number."""
    return "".join(number.split()).upper()


def holder_of(system: str, number: str, *, but: int | None = None) -> str:
    """Our number of the open issue that goes by this one, empty if none: entered by an officer for it or for what was joined
    to it, or told by that system itself."""
    if not number:
        return ""
    held = Issue.objects.open().exclude(pk=but or 0)
    noted = Issue.objects.filter(other_system=system, other_number=number)
    named = held.filter(Q(pk__in=noted.values("pk")) | Q(pk__in=noted.values("joined_into")))
    told = Report.objects.filter(source__in=_told_by(system), own_number=number)
    return (
        named.values_list("number", flat=True).first()
        or held.filter(pk__in=told.values("issue")).values_list("number", flat=True).first()
        or ""
    )


def _told_by(system: str) -> list[Source]:
    """As whose reports a system's own messages come in."""
    return [Source.HOTLINE] if system == "hotline" else [Source.OTHER_SYSTEM]


def note(number: str, system: str, other: str, *, actor: User, at: datetime, submission: UUID | None = None) -> MoveRow:
    """Write down, or take away (both empty), the number an issue goes by elsewhere: a note of the issue's record.

    Raises: Issue.DoesNotExist; MoveRefused for who has no part in the issue; OtherNumberTaken.
    """
    other = plain(other)
    with claimed_once(system, other), transaction.atomic():
        return _note(number, system, other, actor, at, submission)


@contextmanager
def claimed_once(system: str, other: str) -> Iterator[None]:
    """Of two who write the same number down at this very moment, one is told of the other. Raises OtherNumberTaken."""
    try:
        yield
    except IntegrityError as error:
        if CONSTRAINT not in str(error):
            raise
        raise OtherNumberTaken(other, holder_of(system, other)) from error


def _note(number: str, system: str, other: str, actor: User, at: datetime, submission: UUID | None) -> MoveRow:
    issue = Issue.objects.select_for_update().get(number=number)
    situation = queries.situation(issue)
    own = relations(actor.pk, actor.authority, situation.held)
    brought = frozenset({Needs.WORDS})
    check(Move.NOTE, State(issue.state), own, brought, level=Level(issue.level), marks=situation.marks)
    if other and issue.is_open and (taken := holder_of(system, other, but=issue.pk)):
        raise OtherNumberTaken(other, taken)
    before = Before.of(issue)
    at = writing.claim(issue, at)
    issue.other_system, issue.other_number = (system, other) if other else ("", "")
    writing.keep(issue, before)
    words = f"{system_name(system, 'zh-hans')} {other}" if other else ""
    data = {"other_system": issue.other_system, "other_number": issue.other_number}
    return writing.write(
        issue, Move.NOTE, actor, at, before=before, brought=Brought(words=words), submission=submission, data=data
    )
