"""What people report, call in or write to 12345: a report, with an issue of its own or with one that is open.

Whether it is true, and which issue it belongs to, a person decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from lingxiu.accounts.models import User
from lingxiu.china.calendar import Due
from lingxiu.issues import deadlines, writing
from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.lifecycle import Move, MoveRefused, Needs, State
from lingxiu.issues.models import Issue, Report, Source
from lingxiu.issues.writing import Before
from lingxiu.journal.actions import record
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.terms import ReportSource


class OwnNumberKnown(Exception):
    """This 12345 number was entered before. `number`: the issue it stands with."""

    def __init__(self, own_number: str, number: str) -> None:
        super().__init__(f"{own_number} was already entered, with issue {number}")
        self.own_number, self.number = own_number, number


CENTRE = "centre"
"""Who set a due time that came with the order: it is theirs, and not reckoned again."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person reported, called in or wrote to 12345. Name and phone are theirs to give or not. `due_at`: by when the centre
    wants it answered; `kind`: which kind of order it calls it (`deadlines.yaml`: of_orders)."""

    source: ReportSource
    violation: str
    words: str
    seen_at: datetime
    merchant: Merchant | None = None
    place: str = ""
    town: str = ""
    lng: float | None = None
    lat: float | None = None
    name: str = ""
    phone: str = ""
    own_number: str = ""
    due_at: datetime | None = None
    kind: str = ""
    photos: tuple[str, ...] = ()


def take_report(
    said: Said, *, at: datetime, recorded_by: User | None = None, submission: UUID | None = None, into: str = ""
) -> Report:
    """A person's report: an issue of its own, with the dispatcher, who may join it to another (`queries.suggestions`).

    Args:
        into: the open issue the officer who enters it knows it belongs to; then there is no issue of its own. The report
            keeps its own answer and due time, and can be split off.
    Raises: OwnNumberKnown; MoveRefused, SomebodyWasFaster if it cannot be put with that issue.
    """
    try:
        with transaction.atomic():
            return _take_report(said, at, recorded_by, submission, into)
    except IntegrityError as error:
        if "report_own_number_once" in str(error):
            refuse_known(said)  # the same order, entered by somebody else at this very moment
        raise


def _take_report(said: Said, at: datetime, recorded_by: User | None, submission: UUID | None, into: str) -> Report:
    if submission and (known := Report.objects.filter(submission=submission).first()):
        return known
    refuse_known(said)
    issue = _open_for(into, recorded_by) if into else _own_issue(said, at, recorded_by)
    due, due_by = _due(issue, said, at)
    row = Report.objects.create(
        issue=issue, source=said.source, own_number=said.own_number, merchant=said.merchant, words=said.words,
        place=said.place, lng=said.lng, lat=said.lat, seen_at=said.seen_at, reported_at=at, reporter_name=said.name,
        reporter_phone=said.phone, photos=list(said.photos), due_at=due.at, due_provisional=due.provisional, due_by=due_by,
        recorded_by=recorded_by, submission=submission,
    )  # fmt: skip
    writing.use_photos(said.photos, "report", row.pk)
    if into:
        _tell_of_joined(issue, row, at)
    actor = recorded_by.pk if recorded_by else None
    record("report.taken", "report", row.pk, at=at, actor_id=actor, scope=writing.scope_of_report(issue))
    return row


def _due(issue: Issue, said: Said, at: datetime) -> tuple[Due, str]:
    """By when it is answered, and who says so: the centre's own time, else its kind's period, else its source's."""
    if said.due_at is not None:
        return Due(said.due_at, provisional=False), CENTRE
    limits = writing.limits(issue)
    kind = said.kind if limits.order_kind(said.kind) else ""
    return deadlines.answer_due(writing.calendar(), limits, said.source, at, kind), kind


def _own_issue(said: Said, at: datetime, recorded_by: User | None) -> Issue:
    # The words stay with the report: an issue is read by more people, and by the one who meets the shop every day.
    what = in_force().catalogues.violation(said.violation).label.zh
    found = Found(
        Source(said.source), said.violation, what, said.seen_at, said.merchant, said.place,
        said.town, said.lng, said.lat, found_by=recorded_by,
    )  # fmt: skip
    return report(found, at=at, held_back=True)


def _open_for(number: str, officer: User | None) -> Issue:
    """The open issue of this number that the officer sees, locked. Raises MoveRefused."""
    seen = Issue.objects.visible_to(officer) if officer else Issue.objects.none()
    issue = Issue.objects.select_for_update().filter(pk__in=seen.filter(number=number).values("pk")).first()
    if issue is None or not issue.is_open:
        state = State(issue.state) if issue else State.RECEIVED
        raise MoveRefused(Move.JOIN, state, Needs.ISSUE.value)
    return issue


def _tell_of_joined(issue: Issue, row: Report, at: datetime) -> None:
    """The issue's record says that one more reported it."""
    before = Before.of(issue)
    at = writing.claim(issue, at)
    writing.write(
        issue, Move.NOTE, row.recorded_by, at, before=before, data={"joined": "", "reports": [row.pk]}
    )  # fmt: skip


def refuse_known(said: Said) -> None:
    """Raises OwnNumberKnown for a number that was entered before."""
    before = Report.objects.filter(source=said.source, own_number=said.own_number).exclude(own_number="")
    number = before.values_list("issue__number", flat=True).first()
    if number is not None:
        raise OwnNumberKnown(said.own_number, number)
