"""What every verb of the list writes: the claim on the issue, its columns, the move's row, assignments, clocks, Standing, journal.

Never decides whether a move may be made. Everything here runs inside the verb's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache, reduce
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from lingxiu.accounts.models import Unit, User
from lingxiu.china.calendar import Due, WorkingCalendar
from lingxiu.files.actions import use_files
from lingxiu.files.models import StoredFile
from lingxiu.issues import cooperating, deadlines
from lingxiu.issues.evidence import Answers, Reading
from lingxiu.issues.holding import on_duty, stand_in
from lingxiu.issues.inspection_rules import Inspecting
from lingxiu.issues.lifecycle import Level, Move, Result, State
from lingxiu.issues.models import Assignment, Issue, MoveRow
from lingxiu.journal.actions import Scope, SubmissionReused, record
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.schema.deadlines import Deadlines

JOURNAL: dict[Move, str] = {
    Move.REPORT: "issue.reported",
    Move.CONFIRM: "issue.confirmed",
    Move.DISPATCH: "issue.dispatched",
    Move.ACCEPT: "issue.accepted",
    Move.HANDLE: "issue.handled",
    Move.TRANSFER: "issue.transferred",
    Move.ESCALATE: "issue.escalated",
    Move.RETURN: "issue.returned",
    Move.FEED_BACK: "issue.fed_back",
    Move.REWORK: "issue.sent_back",
    Move.CLOSE: "issue.closed",
    Move.DISMISS: "issue.dismissed",
    Move.REOPEN: "issue.reopened",
    Move.JOIN: "issue.joined",
    Move.SPLIT: "issue.split",
    Move.INVOLVE: "issue.involved",
    Move.CONTRIBUTE: "issue.contributed",
    Move.OBJECT: "issue.objected",
    Move.REPLY: "issue.replied",
    Move.SETTLE: "issue.settled",
    Move.HAND_BACK: "issue.part_sent_back",
    Move.SET_DUE: "issue.part_due_set",
    Move.RELEASE: "issue.released",
    Move.DECLINE: "issue.declined",
    Move.REASSIGN: "issue.reassigned",
    Move.SUSPEND: "issue.suspended",
    Move.RESUME: "issue.resumed",
    Move.EXTEND: "issue.extension_asked",
    Move.GRANT: "issue.extended",
    Move.REFUSE: "issue.extension_refused",
    Move.SUPERVISE: "issue.supervised",
    Move.REPORT_UP: "issue.reported_up",
    Move.CORRECT: "issue.corrected",
    Move.ASK: "issue.asked",
    Move.ANSWER: "issue.answered",
    Move.AMEND: "issue.amended",
    Move.ADD: "issue.added",
    Move.FILE_CASE: "issue.case_filed",
    Move.NOTE: "issue.noted",
}


class SomebodyWasFaster(Exception):
    """The issue was moved on by somebody else since it was read. `last`: the move that came first, if it is there to read."""

    def __init__(self, number: str, last: MoveRow | None) -> None:
        super().__init__(f"issue {number} was moved on in the meantime")
        self.number, self.last = number, last


@dataclass(frozen=True, slots=True)
class Brought:
    """What comes with a move; each move takes what it needs.

    `answer` is told to everybody who reported it, unless `answers` has one of their own, by report id. `inspection`:
    that of two certified officers; anything else is a visit. `on_behalf_of`: who did what a dispatcher only enters (代办).
    `interim`: what one reporter is told is not the answer yet. `violation`: what it is about, as it should have been.
    `merchant`: which shop it is, where that was unknown or wrong. `photos`: sha256 of stored files; `before`: which of them
    show it as it was found, where a move brings both. `units`: co-operating departments.
    `report`: which report is meant. `until`: the end of a rest, `reason` why (`deadlines.yaml`: suspending). `days`: working
    days asked for, or granted. `part_due`: the day by which parts are to be done. `upheld`: an objecting unit has to do its
    part all the same. `mentioned`: colleagues named. `voice`: sha256 of a stored voice note. `told`: answers to the violation's
    questions. `reading`: an hour of the shop's monitor, frozen. `measured`: what was measured on site, in words. `case_…`: its
    number, which body files it, when, why. `on_duty`: `person` takes it because they are on duty.
    """

    words: str = ""
    unit: Unit | None = None
    person: User | None = None
    result: Result | None = None
    photos: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    answer: str = ""
    answers: Mapping[int, str] = field(default_factory=dict)
    into: str = ""
    inspection: Inspecting | None = None
    on_behalf_of: User | None = None
    merchant: Merchant | None = None
    lng: float | None = None
    lat: float | None = None
    units: tuple[Unit, ...] = ()
    report: int | None = None
    until: date | None = None
    reason: str = ""
    days: int | None = None
    part_due: date | None = None
    upheld: bool = False
    interim: bool = False
    violation: str = ""
    case_number: str = ""
    case_body: Unit | None = None
    case_on: date | None = None
    case_cause: str = ""
    mentioned: tuple[User, ...] = ()
    voice: str = ""
    told: Answers = field(default_factory=dict)
    reading: Reading | None = None
    measured: str = ""
    on_duty: bool = False


NOTHING = Brought()


# ── the issue itself ─────────────────────────────────────────────────────────────────────────────────────────────

_COLUMNS = (
    "state", "flow", "level", "violation", "violation_kind", "severity", "responsible", "summary",
    "result", "found_true", "joined_into_id", "closed_at", "clock_from", "due_at", "step_due_at",
    "due_provisional", "lead_unit_id", "lead_person_id", "merchant_id", "town", "grid", "lng", "lat", "suspended_at",
    "suspended_until", "suspended_for", "more_days", "extensions", "extension_asked_days", "supervised_at",
    "supervised_due_at", "supervised_by_id", "case_number", "other_system", "other_number",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Before:
    """An issue's columns as they were read, to see what a move changed."""

    columns: Mapping[str, object]

    @classmethod
    def of(cls, issue: Issue) -> Before:
        return cls({name: getattr(issue, name) for name in _COLUMNS})

    def changed(self, issue: Issue) -> dict[str, object]:
        """The columns that are others now."""
        now = {name: getattr(issue, name) for name in _COLUMNS}
        return {name: value for name, value in now.items() if value != self.columns[name]}

    @property
    def state(self) -> str:
        return str(self.columns["state"])

    @property
    def level(self) -> str:
        return str(self.columns["level"])


_CLAIM = (
    """UPDATE issues_issue SET version = version + 1, moved_at = %s WHERE id = %s AND state = %s AND version = %s"""
)


def claim(issue: Issue, at: datetime) -> datetime:
    """Take the issue's next version, if nobody has since it was read: of two, one wins.

    Returns: when the move is made: `at`, or the time of the move before if the clocks of two processes differ.
    Raises: SomebodyWasFaster.
    """
    made_at = max(at, issue.moved_at)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [made_at, issue.pk, str(issue.state), issue.version])
        claimed = cursor.rowcount
    if not claimed:
        raise SomebodyWasFaster(issue.number, issue.moves.select_related("actor").order_by("-version").first())
    issue.version, issue.moved_at = issue.version + 1, made_at
    return made_at


def keep(issue: Issue, before: Before) -> None:
    """Write the columns a move changed. The issue was claimed by this transaction."""
    changed = before.changed(issue)
    if changed:
        Issue.objects.filter(pk=issue.pk).update(**changed)


def write(
    issue: Issue,
    what: Move,
    actor: User | None,
    at: datetime,
    *,
    before: Before | None = None,
    brought: Brought = NOTHING,
    submission: UUID | None = None,
    data: Mapping[str, object] | None = None,
) -> MoveRow:
    """The row of a move that was made, its pictures, its entry in the journal. `before` None: the first move."""
    row = MoveRow.objects.create(
        issue=issue, version=issue.version, move=what, actor=actor, actor_unit_id=_unit_of(actor, issue),
        on_behalf_of=brought.on_behalf_of, from_state=before.state if before else "", to_state=issue.state,
        from_level=before.level if before else "", to_level=issue.level, to_unit_id=issue.lead_unit_id,
        to_person_id=issue.lead_person_id, words=brought.words.strip(), result=brought.result or "",
        photos=list(brought.photos), lng=brought.lng, lat=brought.lat, at=at, submission=submission,
        data={
            **(data or {}),
            **({"voice": brought.voice} if brought.voice else {}),
            **({"before": list(brought.before)} if brought.before else {}),
        },
    )  # fmt: skip
    use_photos((*brought.photos, *filter(None, [brought.voice])), "issue", issue.number)
    record(
        JOURNAL[what], "issue", issue.number, at=at, actor_id=actor.pk if actor else None, scope=scope_of(issue),
        reference={"version": issue.version, "state": issue.state, "level": issue.level, "flow": issue.flow},
    )  # fmt: skip
    return row


def made_before(submission: UUID, what: Move, actor: User | None) -> MoveRow | None:
    """The move this very submission made before. Raises SubmissionReused if that was another move, or another's."""
    row = MoveRow.objects.filter(submission=submission).first()
    if row is not None and (row.move != what or row.actor_id != (actor.pk if actor else None)):
        raise SubmissionReused(submission)
    return row


def scope_of(issue: Issue) -> Scope:
    """Whom a change of this issue concerns: the shop only once it is told."""
    merchant_id = issue.merchant_id if issue.is_told_to_shop else None
    return Scope(town=issue.town, grid=issue.grid, unit_id=issue.lead_unit_id, merchant_id=merchant_id)


def scope_of_report(issue: Issue) -> Scope:
    """Whom it concerns that somebody reported something, or was answered: never the shop."""
    return replace(scope_of(issue), merchant_id=None)


def use_photos(photos: tuple[str, ...], subject_kind: str, subject_id: object) -> None:
    """Say that these stored files are part of the subject."""
    if photos:
        use_files(StoredFile.objects.filter(sha256__in=photos), subject_kind, subject_id)


def _unit_of(actor: User | None, issue: Issue) -> int | None:
    """In which of their posts somebody acted: at the unit that has the issue, else their first officer's post."""
    units = [post.unit_id for post in actor.authority.posts if post.role.officer] if actor else []
    return issue.lead_unit_id if issue.lead_unit_id in units else next(iter(units), None)


# ── who holds it ─────────────────────────────────────────────────────────────────────────────────────────────────


def open_with(issue: Issue, unit: Unit, at: datetime) -> None:
    """Write a new issue, and give it to this unit."""
    issue.lead_unit = unit
    due = set_clocks(issue, at)
    issue.save(force_insert=True)
    _give_lead(issue, unit, None, None, due, accepted=True, at=at)


def hand_over(
    issue: Issue, to: State, unit: Unit, person: User | None = None, *, accepted: bool = True, at: datetime
) -> Assignment:
    """Give it to this unit, and person if named, in this state, with a new clock. The assignment before has ended.

    Who is away is stood in for by their deputy, or by the unit; a unit at rest, by who is on duty.
    """
    person, away = stand_in(person, unit, at)
    stands_by = on_duty(unit, at) if person is None and to is State.DISPATCHED and is_for_duty(issue, at) else None
    issue.state, issue.lead_unit, issue.lead_person = to, unit, person or stands_by
    issue.extension_asked_days = None
    given = _give_lead(issue, unit, issue.lead_person, away, set_clocks(issue, at), accepted=accepted, at=at)
    if stands_by is not None:
        mark_on_duty(given)
    return given


def _give_lead(
    issue: Issue, unit: Unit, person: User | None, away: User | None, due: Due, *, accepted: bool, at: datetime
) -> Assignment:
    return Assignment.objects.create(
        issue=issue,
        unit=unit,
        person=person,
        deputy_for=away,
        state=Assignment.State.ACCEPTED if accepted else Assignment.State.OFFERED,
        step=issue.state,
        given_at=at,
        due_at=due.at,
        due_provisional=due.provisional,
        in_working_hours=not runs_at_any_hour(issue)
        and deadlines.is_of_working_hours(limits(issue), State(issue.state), Level(issue.level)),
    )


def accept(issue: Issue, to: State, person: User) -> None:
    """The open lead assignment is this person's now; its clock runs on."""
    if issue.lead_person_id != person.pk:
        _open_leads(issue).update(on_duty=False)
    issue.state, issue.lead_person = to, person
    _open_leads(issue).update(state=Assignment.State.ACCEPTED, person=person, step=to)


def mark_on_duty(lead: Assignment, on_duty: bool = True) -> None:
    """It is with who is on duty until work begins, or is no more."""
    lead.on_duty = on_duty
    lead.save(update_fields=["on_duty"])


def let_go(issue: Issue, *, done: bool, at: datetime) -> None:
    """End the open lead assignment: its step was done, or given up; and with a re-check the looks that were asked for it."""
    if issue.state == State.RECHECK:
        looks = issue.assignments.filter(part=Assignment.Part.CHECKING, ended_at=None)
        looks.update(state=Assignment.State.GIVEN_UP, ended_at=at)
    _open_leads(issue).update(state=Assignment.State.DONE if done else Assignment.State.GIVEN_UP, ended_at=at)


def end(issue: Issue, to: State, at: datetime) -> None:
    """Nobody holds it, or a part of it, any more, and nothing is owed."""
    let_go(issue, done=to is State.CLOSED, at=at)
    open_parts(issue).update(state=Assignment.State.GIVEN_UP, ended_at=at)
    issue.state, issue.closed_at, issue.lead_unit, issue.lead_person = to, at, None, None
    issue.suspended_at, issue.suspended_until, issue.suspended_for = None, None, ""
    issue.supervised_at, issue.supervised_due_at, issue.supervised_by = None, None, None
    issue.extension_asked_days = None


def give_part(issue: Issue, unit: Unit, due: Due, at: datetime) -> Assignment:
    """A co-operating unit's part, with its own due time (`part_due`)."""
    return Assignment.objects.create(
        issue=issue, unit=unit, part=Assignment.Part.COOPERATING, state=Assignment.State.OFFERED, step=issue.state,
        given_at=at, due_at=due.at, due_provisional=due.provisional,
    )  # fmt: skip


def end_part_of_lead(issue: Issue, unit: Unit, at: datetime) -> None:
    """Who leads has no part beside it."""
    open_parts(issue).filter(unit=unit).update(state=Assignment.State.GIVEN_UP, ended_at=at)


def part_due(issue: Issue, at: datetime, day: date | None = None) -> Due:
    """When a part given now would be due. Raises DayRefused."""
    return cooperating.part_due(calendar(), limits(issue), at, Due(issue.due_at, issue.due_provisional), day)


def set_part_due(part: Assignment, due: Due, at: datetime) -> None:
    """Its clock runs anew, to another time."""
    part.due_at, part.due_provisional, part.clock_from, part.more_days = due.at, due.provisional, at, 0
    part.save(update_fields=["due_at", "due_provisional", "clock_from", "more_days"])


def parts(issue: Issue) -> list[Assignment]:
    """The co-operating parts, open and ended, in the order in which they were given."""
    return list(issue.assignments.filter(part=Assignment.Part.COOPERATING).select_related("unit").order_by("id"))


def open_parts(issue: Issue) -> QuerySet[Assignment]:
    """The co-operating parts that are not done yet."""
    return issue.assignments.filter(part=Assignment.Part.COOPERATING, ended_at=None)


def objections(issue: Issue) -> QuerySet[Assignment]:
    """Co-operating units that say it is not theirs, until the county has settled it."""
    return issue.assignments.filter(part=Assignment.Part.COOPERATING, outcome=Assignment.Outcome.OBJECTED)


def open_lead(issue: Issue) -> Assignment:
    """The one open lead assignment. Raises Assignment.DoesNotExist for an issue that has ended."""
    return _open_leads(issue).get()


def _open_leads(issue: Issue) -> QuerySet[Assignment]:
    return issue.assignments.filter(
        part=Assignment.Part.LEAD, state__in=[Assignment.State.OFFERED, Assignment.State.ACCEPTED]
    )


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def set_clocks(issue: Issue, at: datetime) -> Due:
    """Set the whole clock, and the present step's to run from now on. A step is due with the whole at the latest.

    Returns: the step's own due time, which the assignment keeps.
    """
    state, level = State(issue.state), Level(issue.level)
    step = deadlines.step_due(calendar(), limits(issue), state, level, at, plain=runs_at_any_hour(issue))
    show_clocks(issue, whole_due(issue), step)
    return step


def whole_due(issue: Issue) -> Due:
    """When the issue must have ended, by the calendar of today: of the highest level it has reached since it was opened."""
    level = Level(issue.level)
    reached = {level, *(Level(one) for one in _levels_reached(issue))} if issue.version else {level}
    now, periods = calendar(), limits(issue)
    ends = [deadlines.whole_due(now, periods, one, issue.clock_from, issue.more_days) for one in sorted(reached)]
    return reduce(deadlines.later_of, ends)


def _levels_reached(issue: Issue) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT to_level FROM issues_move WHERE issue_id = %s AND at >= %s", [issue.pk, issue.clock_from]
        )
        return [level for (level,) in cursor.fetchall()]


def runs_at_any_hour(issue: Issue) -> bool:
    """Whether what it is about is dangerous by night and on holidays as well."""
    return issue.violation in limits(issue).at_any_hour


def is_for_duty(issue: Issue, at: datetime) -> bool:
    """Whether everybody is at rest now, and by policy who is on duty takes such a thing (`working.yaml`: on_duty)."""
    catalogues = in_force().catalogues
    duty = catalogues.working.on_duty
    if at_rest_since(at) is None:
        return False
    if runs_at_any_hour(issue):
        return "at_any_hour" in duty.takes
    rules = {rule.id: rule.dispatch for rule in edition(issue.edition).catalogues.routing}
    return issue.severity >= duty.least_severe and rules.get(issue.routing_rule, "by_dispatcher") in duty.takes


def at_rest_since(at: datetime) -> datetime | None:
    """Since when those who are not on duty have been at rest; None while there is work."""
    catalogues = in_force().catalogues
    return deadlines.at_rest_since(
        calendar(), catalogues.deadlines.office_hours, at, nights=catalogues.working.on_duty.nights
    )


def show_clocks(issue: Issue, whole: Due, step: Due) -> None:
    """Repeat both clocks on the issue, where lists read them."""
    issue.due_at = whole.at
    issue.step_due_at = min(step.at, whole.at)
    issue.due_provisional = whole.provisional or step.provisional


def lengthen(issue: Issue, days: int) -> None:
    """Both clocks are due so many working days later: time was granted, or passed while the issue rested."""
    issue.more_days += days
    lead = open_lead(issue)
    step = deadlines.longer(calendar(), Due(lead.due_at, lead.due_provisional), days)
    lead.due_at, lead.due_provisional, lead.more_days = step.at, step.provisional, lead.more_days + days
    lead.save(update_fields=["due_at", "due_provisional", "more_days"])
    show_clocks(issue, whole_due(issue), step)


def lengthen_parts(issue: Issue, days: int) -> None:
    """Open co-operating parts, and replies, are due so many working days later as well: nobody works along on what rests."""
    for row in objections(issue).exclude(answer_due_at=None) if days else ():
        assert row.answer_due_at is not None  # the query's
        row.answer_due_at = deadlines.longer(calendar(), Due(row.answer_due_at, provisional=False), days).at
        row.save(update_fields=["answer_due_at"])
    for part in open_parts(issue) if days else ():
        due = deadlines.longer(calendar(), Due(part.due_at, part.due_provisional), days)
        part.due_at, part.due_provisional, part.more_days = due.at, due.provisional, part.more_days + days
        part.save(update_fields=["due_at", "due_provisional", "more_days"])


def limits(issue: Issue) -> Deadlines:
    """The periods that hold for this issue: those of the edition it was routed by."""
    return edition(issue.edition).catalogues.deadlines


def calendar() -> WorkingCalendar:
    """The county's calendar as known today; an edition may have added a year since the issue came in."""
    return _calendar(in_force().id, settings.TIME_ZONE)


@lru_cache(maxsize=4)
def _calendar(edition_id: int, zone: str) -> WorkingCalendar:
    return deadlines.calendar_of(edition(edition_id).catalogues.calendar, ZoneInfo(zone))


# ── the merchant ─────────────────────────────────────────────────────────────────────────────────────────────────


_LOCK_STANDING = "SELECT 1 FROM merchants_standing WHERE merchant_id = %s FOR UPDATE"
_TELL_STANDING = """UPDATE merchants_standing SET
    open_issues = (SELECT count(*) FROM issues_issue WHERE merchant_id = %(merchant)s AND closed_at IS NULL),
    last_issue_at = greatest(last_issue_at, %(reported)s), last_visit_at = greatest(last_visit_at, %(visited)s)
WHERE merchant_id = %(merchant)s"""


def tell_standing(merchant_id: int | None, at: datetime, *, reported: bool = False, visited: bool = False) -> None:
    """Count the merchant's open issues anew, under its row's lock: two moves at once would each miss the other's. What
    was committed while this one waited for the lock, the second statement sees and the first would not."""
    if merchant_id is None:
        return
    told = {"merchant": merchant_id, "reported": at if reported else None, "visited": at if visited else None}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_STANDING, [merchant_id])
        cursor.execute(_TELL_STANDING, told)


def tell_standing_of(issue: Issue, before: Before, at: datetime, *, visited: bool = False) -> None:
    """What a move changed for the merchant: a visit, or an issue more or less that is open. Any other move leaves its row, and
    whoever waits for it, alone."""
    former = before.columns["merchant_id"]
    if visited or before.columns["closed_at"] != issue.closed_at or former != issue.merchant_id:
        # of two shops the first made comes first, so that two who correct crosswise do not wait for each other for ever
        for shop in sorted({pk for pk in (former, issue.merchant_id) if isinstance(pk, int)}):
            tell_standing(shop, at, visited=visited and shop == issue.merchant_id)
