"""What a reporter does later, with nothing but the token of their report: adds, rates the answer, says that it is not so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from lingxiu.accounts.actions import gateway
from lingxiu.accounts.models import User
from lingxiu.connectors.sms import Nowhere
from lingxiu.issues import queries, writing
from lingxiu.issues.actions.moving import lock_to_reopen, move_by_itself
from lingxiu.issues.lifecycle import By, Level, Move, MoveRefused, Needs, State, check
from lingxiu.issues.models import Addition, Issue, MoveRow, Report, Source
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Before, Brought
from lingxiu.journal.actions import record
from lingxiu.journal.models import Entry
from lingxiu.privacy.cipher import blind_index

MOST_ADDITIONS = 20
"""A report is not a chat: whoever has more to say is called back."""


class TooManyAdditions(Exception):
    """This report was added to as often as one may."""


class NotAnsweredYet(Exception):
    """Only an answer can be rated."""


def add(
    report: Report, words: str, *, at: datetime, photos: tuple[str, ...] = (), submission: UUID | None = None
) -> MoveRow:
    """The reporter says more; whoever has the issue sees that there is more, and those who may read reports, what.

    Raises: MoveRefused for an issue that has ended (it can be reopened), TooManyAdditions.
    """
    with transaction.atomic():
        issue = _locked(report)
        if submission and (known := MoveRow.objects.filter(submission=submission).first()):
            return known
        to = _checked(issue, Move.ADD, words)
        if report.additions.count() >= MOST_ADDITIONS:
            raise TooManyAdditions
        before = Before.of(issue)
        at = writing.claim(issue, at)
        Addition.objects.create(report=report, words=words.strip(), photos=list(photos), at=at)
        Report.objects.filter(pk=report.pk).update(asked="", asked_at=None)
        writing.use_photos(photos, "report", report.pk)
        assert to == issue.state  # ADD changes none
        # What they wrote stays with the report: the issue's own record is read by the grid as well.
        return writing.write(
            issue, Move.ADD, None, at, before=before, submission=submission, data={"reports": [report.pk]}
        )


WRITTEN_TO = (Source.PUBLIC, Source.PHONE)
"""Whose numbers we write to: they left them with us. Callers of 12345 and of other systems hear from there."""


def texts_are_sent() -> bool:
    """Whether this county has a gateway for text messages; where it has none, nobody is promised one."""
    return not isinstance(gateway(), Nowhere)


def written_to(reports: Iterable[Report]) -> bool:
    """Whether one of these left a number, so that a text message tells them of a question or an answer."""
    return texts_are_sent() and any(row.source in WRITTEN_TO and row.phone_index for row in reports)


CALL = "issues.call_reporter"


class NotYoursToAsk(Exception):
    """The report is another dispatcher's, or its reporter left no number."""


def callable_by(user: User, issue: Issue) -> bool:
    """Whether this person may be shown the numbers of those who reported it: who dispatches it, while it is open."""
    if not issue.is_open or not user.authority.may(CALL):
        return False
    return By.DISPATCHER in relations(user.pk, user.authority, queries.situation(issue).held)


def reveal_number(report: Report, user: User, *, at: datetime) -> str:
    """The reporter's number; that this person asked for it is written down. Raises NotYoursToAsk."""
    if not report.phone_index or not callable_by(user, report.issue):
        raise NotYoursToAsk
    if not Report.objects.visible_to(user).filter(pk=report.pk).exists():
        raise NotYoursToAsk
    with transaction.atomic():
        record(
            "personal_data.seen", "report", report.pk, at=at, actor_id=user.pk,
            scope=writing.scope_of_report(report.issue), reference={"issue": report.issue.number},
        )  # fmt: skip
    return report.reporter_phone


ADDRESS_AGAIN = timedelta(minutes=10)
"""So long one address is not sent a second time."""


def ask_for_address(number: str, phone: str, *, at: datetime) -> None:
    """Somebody lost the address of their report: it goes by text message to the number they left, if number and phone belong
    together. Who asks is told the same either way. An issue that was joined to another is known by its own number as well.
    """
    spelled = {blind_index(phone), blind_index(phone.replace(" ", "").replace("-", ""))}
    theirs = Report.objects.filter(phone_index__in=spelled, source__in=WRITTEN_TO).exclude(phone_index="")
    about = theirs.filter(Q(issue__number=number) | Q(issue__joined__number=number)).select_related("issue").distinct()
    for report in about.order_by("-reported_at")[:1]:
        with transaction.atomic():
            Report.objects.select_for_update().get(pk=report.pk)  # two who ask at once ask one after the other
            asked = Entry.objects.filter(kind=ADDRESS_ASKED, subject_id=str(report.pk), at__gt=at - ADDRESS_AGAIN)
            if not asked.exists():
                record(ADDRESS_ASKED, "report", report.pk, at=at, scope=writing.scope_of_report(report.issue))


ADDRESS_ASKED = "report.address_asked"


def rate(report: Report, stars: int, words: str, *, at: datetime) -> None:
    """One to five for the answer, and words if they like; may be changed.

    Raises: NotAnsweredYet; ValueError for other numbers of stars.
    """
    if stars not in range(1, 6):
        raise ValueError(f"stars: {stars} given, 1 to 5 wanted")
    with transaction.atomic():
        row = Report.objects.select_for_update().select_related("issue").get(pk=report.pk)
        if row.answered_at is None:
            raise NotAnsweredYet
        row.stars, row.rating_words, row.rated_at = stars, words.strip()[:500], at
        row.save(update_fields=["stars", "rating_words", "rated_at"])
        record("report.rated", "report", row.pk, at=at, scope=writing.scope_of_report(row.issue))


def reopen(report: Report, words: str, *, at: datetime, submission: UUID | None = None) -> MoveRow:
    """The reporter says it is not so, or not any more: the issue goes back to its dispatcher with new clocks.

    Raises: MoveRefused; `why` is `time` when more days have passed than policy gives.
    """
    with transaction.atomic():
        lock_to_reopen(report.issue.number)
        issue = _locked(report)
        if submission and (known := MoveRow.objects.filter(submission=submission).first()):
            return known
        _checked(issue, Move.REOPEN, words)
        assert issue.closed_at is not None  # an ended issue has its time
        if at > issue.closed_at + timedelta(days=writing.limits(issue).reopen_days):
            raise MoveRefused(Move.REOPEN, State(issue.state), "time")
        data = {"by": "reporter", "reports": [report.pk]}
        return move_by_itself(issue, Move.REOPEN, at=at, brought=Brought(words=words), data=data, submission=submission)


def may_reopen(report: Report, at: datetime) -> bool:
    """Whether `reopen` would be taken now."""
    until = reopen_until(report)
    return until is not None and at <= until


def reopen_until(report: Report) -> datetime | None:
    """How long the reporter may say that it is not so; None while somebody is at it."""
    issue = report.issue
    return issue.closed_at + timedelta(days=writing.limits(issue).reopen_days) if issue.closed_at else None


def _locked(report: Report) -> Issue:
    return Issue.objects.select_for_update().get(pk=report.issue_id)


def _checked(issue: Issue, what: Move, words: str) -> State:
    met = frozenset({Needs.WORDS} if words.strip() else ())
    marks = queries.situation(issue).marks
    return check(what, State(issue.state), frozenset({By.REPORTER}), met, level=Level(issue.level), marks=marks)
