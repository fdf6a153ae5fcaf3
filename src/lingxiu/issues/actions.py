"""一清单's verbs: something is reported, somebody moves it on, clocks are set again. One transaction each, times passed in.

What may be done is in `lifecycle.MOVES`, where it goes in `routing`, by when in `deadlines`; what is written, in `writing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.china.calendar import END_OF_DAY
from lingxiu.issues import deadlines, elsewhere, evidence, inspections, queries, writing
from lingxiu.issues.holding import LEVEL_OF, dispatchers_unit, handles_at, routed_unit, stand_in, units_to_give
from lingxiu.issues.inspection_rules import InspectionRefused
from lingxiu.issues.lifecycle import (
    CERTIFIED_ONLY,
    FOUND_TRUE,
    MOVES,
    By,
    Level,
    Move,
    MoveRefused,
    Needs,
    Result,
    State,
    check,
    level_after,
    shows_enough,
)
from lingxiu.issues.lookback.queries import near_key_place
from lingxiu.issues.models import Assignment, FlowChoice, Issue, MoveRow, Report, Source
from lingxiu.issues.numbering import next_number
from lingxiu.issues.relations import Held, is_assignee, parts_of, relations
from lingxiu.issues.routing import Facts, Routed, route
from lingxiu.issues.writing import NOTHING, Before, Brought, SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused, record
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import InForce, edition, in_force
from lingxiu.policy.schema import ReportSource, Routing, Violation
from lingxiu.territory.queries import locate

EARLIER = timedelta(days=90)
ALARMS = UUID("6f0a4a53-1d0b-4d58-9c3b-6f1f3f6f5c11")
"""Name space of the submissions of alarms: the same alarm always has the same UUID, however often it is told."""
TRIES = 5
TOWN_DIGITS = 9  # of a town's statistical code; a grid's begins with it
LAST_DAYS = timedelta(days=7)
A_DAY = timedelta(days=1)


class OwnNumberKnown(Exception):
    """This 12345 number was entered before. `number`: the issue it stands with."""

    def __init__(self, own_number: str, number: str) -> None:
        super().__init__(f"{own_number} was already entered, with issue {number}")
        self.own_number, self.number = own_number, number


# ── reporting ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, before it has a number. `act_at` is when it was so; positions are WGS84 degrees.

    `area`: the code of a town or grid, where neither the merchant nor a position tells. `other`: the system and number it
    stands under elsewhere.
    """

    source: Source
    violation: str
    summary: str
    act_at: datetime
    merchant: Merchant | None = None
    place: str = ""
    area: str = ""
    lng: float | None = None
    lat: float | None = None
    found_by: User | None = None
    alarm_id: int | None = None
    photos: tuple[str, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    synthetic: bool = False
    other: tuple[str, str] = ("", "")


def report(found: Found, *, at: datetime, submission: UUID | None = None, held_back: bool = False) -> Issue:
    """Make an issue of what was found: number, route, clocks, first move; and send it on at once where the rule says so.

    A forecast's issue starts as predicted, and goes nowhere before a person has confirmed it.

    Args:
        held_back: leave it with the dispatcher whatever the rule says (people's reports are judged by a person).
    Raises: KeyError for a violation no catalogue has; SubmissionReused; elsewhere.OtherNumberTaken.
    """
    with transaction.atomic():
        if submission and (known := _made_before(submission, Move.REPORT, found.found_by)):
            return known.issue
        if taken := elsewhere.holder_of(*found.other):
            raise elsewhere.OtherNumberTaken(found.other[1], taken)
        issue, routed = _draft(found, at)
        issue.state = State.PREDICTED if found.source is Source.FORECAST else State.RECEIVED
        writing.open_with(issue, dispatchers_unit(Level(issue.level), issue.town), at)
        brought = Brought(words=found.summary, photos=found.photos, lng=found.lng, lat=found.lat)
        data = {**found.data, "rule": routed.rule.id}
        writing.write(issue, Move.REPORT, found.found_by, at, brought=brought, submission=submission, data=data)
        writing.tell_standing(issue.merchant_id, at, reported=True)
        if routed.rule.dispatch == "at_once" and not held_back and issue.state == State.RECEIVED:
            _dispatch_at_once(issue, routed.rule, at)
    return issue


def report_alarm(
    *, device_mn: str, merchant_id: int, alarm_id: int, violation_id: str, act_at: datetime, summary: str, at: datetime
) -> str:
    """A device's alarm: joins the open issue of the same merchant and violation, else opens one. Told twice, it counts once.

    Returns: the issue's number.
    """
    data: dict[str, object] = {"alarm": alarm_id, "device": device_mn}
    merchant = Merchant.objects.get(pk=merchant_id)
    found = Found(Source.ALARM, violation_id, summary, act_at, merchant, alarm_id=alarm_id, data=data)
    for _ in range(TRIES - 1):
        # Two alarms of one merchant at once: a unique index lets one issue be opened; the other try then finds it.
        try:
            return _take_alarm(found, at)
        except (IntegrityError, SomebodyWasFaster):
            continue
    return _take_alarm(found, at)


def _take_alarm(found: Found, at: datetime) -> str:
    submission = uuid5(ALARMS, str(found.alarm_id))
    with transaction.atomic():
        known = MoveRow.objects.select_related("issue").filter(submission=submission).first()
        if known is not None:
            return known.issue.number
        same = Issue.objects.open().filter(merchant=found.merchant, violation=found.violation, source=Source.ALARM)
        issue = same.select_for_update().order_by("id").first()
        if issue is None:
            return report(found, at=at, submission=submission).number
        before, brought = Before.of(issue), Brought(words=found.summary)
        at = writing.claim(issue, at)
        writing.write(
            issue, Move.NOTE, None, at, before=before, brought=brought, submission=submission, data=found.data
        )
    return issue.number


@dataclass(frozen=True, slots=True)
class Said:
    """What a person reported, called in or wrote to 12345. Name and phone are theirs to give or not."""

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
    due = deadlines.answer_due(writing.calendar(), writing.limits(issue), said.source, at)
    row = Report.objects.create(
        issue=issue, source=said.source, own_number=said.own_number, merchant=said.merchant, words=said.words,
        place=said.place, lng=said.lng, lat=said.lat, seen_at=said.seen_at, reported_at=at, reporter_name=said.name,
        reporter_phone=said.phone, photos=list(said.photos), due_at=due.at, due_provisional=due.provisional,
        recorded_by=recorded_by, submission=submission,
    )  # fmt: skip
    writing.use_photos(said.photos, "report", row.pk)
    if into:
        _tell_of_joined(issue, row, at)
    actor = recorded_by.pk if recorded_by else None
    record("report.taken", "report", row.pk, at=at, actor_id=actor, scope=writing.scope_of_report(issue))
    return row


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


def _draft(found: Found, at: datetime) -> tuple[Issue, Routed]:
    """The issue as it comes in, held by nobody yet, and the rule that routes it."""
    policy = in_force()
    violation = policy.catalogues.violation(found.violation)
    town, grid, lng, lat = _where(found)
    near = lng is not None and lat is not None and near_key_place(lng, lat)
    routed = _routed(policy, violation, found, town, grid, near, at)
    issue = Issue(
        number=next_number(at), state=State.RECEIVED, flow=_flow(routed, violation), level=routed.rule.level,
        source=found.source, violation=violation.id, violation_kind=violation.kind, severity=violation.severity,
        responsible=violation.responsible, merchant=found.merchant, town=town, grid=grid, lng=lng, lat=lat,
        place=found.place or (found.merchant.address if found.merchant else ""), summary=found.summary[:200],
        act_at=found.act_at, reported_at=at, found_by=found.found_by, alarm_id=found.alarm_id, clock_from=at,
        edition=policy.id, routing_rule=routed.rule.id, moved_at=at,
        routing_why={"tried": list(routed.tried), "facts": asdict(routed.facts)},
        synthetic=found.synthetic or bool(found.merchant and found.merchant.synthetic),
        other_system=found.other[0], other_number=found.other[1],
    )  # fmt: skip
    return issue, routed


def _flow(routed: Routed, violation: Violation) -> str:
    """Joint if either the rule or the violation wants several bodies."""
    return "joint" if "joint" in (routed.rule.flow, violation.flow) else "quick"


def _where(found: Found) -> tuple[str, str, float | None, float | None]:
    """Town, grid and position: the merchant's, else those of the place, else what was said."""
    if found.merchant is not None:
        return found.merchant.town, found.merchant.grid, found.merchant.lng, found.merchant.lat
    if found.lng is None or found.lat is None:
        return found.area[:TOWN_DIGITS], found.area if len(found.area) > TOWN_DIGITS else "", None, None
    place = locate(found.lng, found.lat)
    return place.town, place.grid, found.lng, found.lat


def _routed(
    policy: InForce, violation: Violation, found: Found, town: str, grid: str, near: bool, at: datetime
) -> Routed:
    act_at = timezone.localtime(found.act_at)
    facts = Facts(
        source=found.source,
        violation=violation.id,
        violation_kind=violation.kind,
        severity=violation.severity,
        merchant_known=found.merchant is not None,
        town_known=bool(town),
        grid_known=bool(grid),
        earlier_in_90_days=_earlier(found, at),
        towns_at_once=_towns_at_once(found.violation, town, at),
        town=town,
        merchant_kind=found.merchant.kind if found.merchant else "",
        hour=act_at.hour,
        near_key_place=near,
    )
    return route(policy.catalogues.routing, facts, act_at.date())


def _towns_at_once(violation: str, town: str, at: datetime) -> int:
    """In how many towns this was reported within a day, this one included."""
    others = Issue.objects.filter(violation=violation, reported_at__gt=at - A_DAY, reported_at__lte=at)
    towns = set(others.exclude(town="").order_by().values_list("town", flat=True).distinct())
    return len(towns | ({town} if town else set())) or 1


def _earlier(found: Found, at: datetime) -> int:
    if found.merchant is None:
        return 0
    same = Issue.objects.filter(merchant=found.merchant, violation=found.violation)
    return same.filter(reported_at__gte=at - EARLIER).exclude(state=State.DISMISSED).count()


def _dispatch_at_once(issue: Issue, rule: Routing, at: datetime) -> None:
    """The system's own move. Who found it in their own unit is given it; without such a unit the dispatcher keeps it."""
    unit = routed_unit(rule.to, town=issue.town, grid=issue.grid, responsible=issue.responsible)
    if unit is None:
        return
    finder = issue.found_by if issue.found_by and handles_at(issue.found_by, unit) else None
    before = Before.of(issue)
    at = writing.claim(issue, at)
    writing.let_go(issue, done=True, at=at)
    writing.hand_over(issue, State.DISPATCHED, unit, finder, accepted=False, at=at)
    writing.keep(issue, before)
    writing.write(issue, Move.DISPATCH, None, at, before=before, data={"rule": rule.id})


# ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────────


def move(
    number: str,
    what: Move,
    *,
    actor: User,
    at: datetime,
    brought: Brought = NOTHING,
    seen: int | None = None,
    submission: UUID | None = None,
) -> MoveRow:
    """Make one move. All moves that people make come through here.

    Args:
        seen: the version the actor looked at. A note made since does not matter, anything else does.
    Raises: MoveRefused, SomebodyWasFaster, SubmissionReused, Issue.DoesNotExist.
    """
    with transaction.atomic():
        if submission and (known := _made_before(submission, what, actor)):
            return known
        if what is Move.JOIN:
            _lock_both(number, brought.into)
        if what is Move.REOPEN:
            lock_to_reopen(number)
        issue = Issue.objects.defer("routing_why").get(number=number)
        _refuse_stale(issue, what, seen)
        to = _checked(issue, what, actor, brought)
        before = Before.of(issue)
        at = writing.claim(issue, at)
        _know_the_merchant(issue, what, brought)
        data = _EFFECTS[what](issue, to, actor, brought, at)
        writing.keep(issue, before)
        row = writing.write(issue, what, actor, at, before=before, brought=brought, submission=submission, data=data)
        _inspect(issue, row, what, brought, actor)
        writing.tell_standing_of(issue, before, at, visited=what is Move.HANDLE)
        if what is Move.CONFIRM:
            _send_on_confirmed(issue, at)
    return row


def _send_on_confirmed(issue: Issue, at: datetime) -> None:
    """A forecast somebody believes goes where its rule sends such issues."""
    rules = {rule.id: rule for rule in edition(issue.edition).catalogues.routing}
    if rules[issue.routing_rule].dispatch == "at_once":
        _dispatch_at_once(issue, rules[issue.routing_rule], at)


def move_by_itself(
    issue: Issue,
    what: Move,
    *,
    at: datetime,
    brought: Brought = NOTHING,
    data: Mapping[str, object] | None = None,
    submission: UUID | None = None,
) -> MoveRow:
    """A move nobody with an account makes: time ran out, a rest is over, somebody went, a reporter wants it reopened.

    The issue is locked by this transaction, and who asks for it was checked.
    Raises: MoveRefused where the table has no such move for an issue that stands like this.
    """
    rule, marks = MOVES[what], queries.situation(issue).marks
    to = check(what, State(issue.state), rule.by, rule.needs, level=Level(issue.level), marks=marks)
    before = Before.of(issue)
    at = writing.claim(issue, at)
    made = {**_EFFECTS[what](issue, to, None, brought, at), **(data or {})}
    writing.keep(issue, before)
    row = writing.write(issue, what, None, at, before=before, brought=brought, submission=submission, data=made)
    writing.tell_standing_of(issue, before, at)
    return row


def _made_before(submission: UUID, what: Move, actor: User | None) -> MoveRow | None:
    """The move this very submission made before. Raises SubmissionReused if that was another move, or another's."""
    row = MoveRow.objects.filter(submission=submission).first()
    if row is not None and (row.move != what or row.actor_id != (actor.pk if actor else None)):
        raise SubmissionReused(submission)
    return row


def _lock_both(number: str, other: str) -> None:
    """Always in the same order, so that two who join the same two issues crosswise do not wait for each other for ever."""
    list(Issue.objects.select_for_update().filter(number__in=[number, other]).order_by("pk"))


def lock_to_reopen(number: str) -> None:
    """The issue and the one it was joined to, in that same order: its reports come back from there."""
    other = Issue.objects.filter(joined__number=number).values("pk")
    list(Issue.objects.select_for_update().filter(Q(number=number) | Q(pk__in=other)).order_by("pk"))


def _refuse_stale(issue: Issue, what: Move, seen: int | None) -> None:
    if seen is None or seen == issue.version or what is Move.NOTE:
        return
    since = issue.moves.filter(version__gt=seen).exclude(move=Move.NOTE).select_related("actor")
    if (last := since.order_by("-version").first()) is not None:
        raise SomebodyWasFaster(issue.number, last)


def _checked(issue: Issue, what: Move, actor: User, brought: Brought) -> State:
    """The state the move leads to. Raises MoveRefused."""
    state, doer, situation = State(issue.state), brought.on_behalf_of or actor, queries.situation(issue)
    met = frozenset(need for need in MOVES[what].needs if _MET[need](issue, actor, brought))
    own = _relations(situation.held, what, actor, brought.on_behalf_of)
    to = check(what, state, own, met, level=Level(issue.level), marks=situation.marks)
    if brought.inspection or brought.result in CERTIFIED_ONLY:
        _refuse_uncertified(issue, what, doer, brought)
    return to


def _refuse_uncertified(issue: Issue, what: Move, doer: User, brought: Brought) -> None:
    """检查笔录 and 责令改正 come from certified officers of a body that has a part in it (国办发〔2024〕54号), and an order to
    correct only after an inspection. Raises MoveRefused."""
    state = State(issue.state)
    if inspections.post_for(doer, issue) is None:
        raise MoveRefused(what, state, "certificate")
    if brought.inspection and what not in INSPECTING:
        raise MoveRefused(what, state, "nothing")
    if brought.result in CERTIFIED_ONLY and not inspections.made_on(issue):
        raise MoveRefused(what, state, "inspection")


INSPECTING = frozenset({Move.HANDLE, Move.NOTE})
"""What an inspection is recorded with: by whoever has the issue, or, beside them, by another body that has a part in it."""


def _inspect(issue: Issue, row: MoveRow, what: Move, brought: Brought, actor: User) -> None:
    """The inspection the move tells of. Raises MoveRefused."""
    if brought.inspection is None:
        return
    try:
        inspections.inspect_on(issue, row, brought.inspection, officer=brought.on_behalf_of or actor)
    except InspectionRefused as error:
        raise MoveRefused(what, State(issue.state), error.why) from error


ENTERED_FOR_OTHERS = frozenset({Move.ACCEPT, Move.HANDLE, Move.FEED_BACK})
"""代办: what was phoned in, the dispatcher enters, in the name of whoever did it."""


def _relations(held: Held, what: Move, actor: User, doer: User | None) -> frozenset[By]:
    own = relations(actor.pk, actor.authority, held)
    if doer is None:
        return own
    if what not in ENTERED_FOR_OTHERS or By.DISPATCHER not in own or not is_assignee(doer.pk, doer.authority, held):
        return frozenset()
    return frozenset({By.ASSIGNEE})


def _has_unit(issue: Issue, actor: User, brought: Brought) -> bool:
    unit, person = brought.unit, brought.person
    if unit is None or (unit.pk, person and person.pk) == (issue.lead_unit_id, issue.lead_person_id):
        return False
    if person is not None and not handles_at(person, unit):
        return False
    return units_to_give(Level(issue.level), issue.town).filter(pk=unit.pk).exists()


def _has_evidence(issue: Issue, actor: User, brought: Brought) -> bool:
    wanted = edition(issue.edition).catalogues.violation(issue.violation).evidence
    if brought.result is None or not (wanted.photo_before or wanted.photo_after):
        return True
    seen = queries.pictures(issue, fed_back=len(brought.photos))
    return shows_enough(seen, before_wanted=wanted.photo_before, after_wanted=wanted.photo_after, result=brought.result)


def _has_form(issue: Issue, actor: User, brought: Brought) -> bool:
    wanted = edition(issue.edition).catalogues.violation(issue.violation)
    return brought.result is None or not evidence.unanswered(wanted, brought.told, brought.result)


def _has_reading(issue: Issue, actor: User, brought: Brought) -> bool:
    wanted = edition(issue.edition).catalogues.violation(issue.violation)
    if brought.result is None or not evidence.wants_reading(wanted, brought.result):
        return True
    return brought.reading is not None or bool(brought.measured.strip())


def _has_answer(issue: Issue, actor: User, brought: Brought) -> bool:
    reports = issue.reports.values_list("pk", flat=True)
    return bool(brought.answer.strip()) or all(brought.answers.get(pk, "").strip() for pk in reports)


def _has_issue(issue: Issue, actor: User, brought: Brought) -> bool:
    others = Issue.objects.visible_to(actor).open().exclude(pk=issue.pk)
    return bool(brought.into) and others.filter(number=brought.into).exists()


_MET: dict[Needs, Callable[[Issue, User, Brought], bool]] = {
    Needs.WORDS: lambda issue, actor, brought: bool(brought.words.strip()),
    Needs.UNIT: _has_unit,
    Needs.RESULT: lambda issue, actor, brought: brought.result in FOUND_TRUE,
    Needs.EVIDENCE: _has_evidence,
    Needs.FORM: _has_form,
    Needs.READING: _has_reading,
    Needs.ANSWER: _has_answer,
    Needs.ISSUE: _has_issue,
    Needs.PERSON: lambda issue, actor, brought: _is_colleague(issue, brought.person),
    Needs.DEPARTMENTS: lambda issue, actor, brought: bool(brought.units),
    Needs.REPORT: lambda issue, actor, brought: issue.reports.filter(pk=brought.report or 0).exists(),
    Needs.UNTIL: lambda issue, actor, brought: brought.until is not None and bool(brought.reason),
    Needs.DAYS: lambda issue, actor, brought: bool(brought.days and brought.days > 0),
    Needs.CASE: lambda issue, actor, brought: bool(brought.case_number.strip()),
}


def _is_colleague(issue: Issue, person: User | None) -> bool:
    """Whether somebody else of the unit that has it may handle it."""
    if person is None or issue.lead_unit is None or person.pk == issue.lead_person_id or not person.is_active:
        return False
    return handles_at(person, issue.lead_unit)


Data = dict[str, object]
Effect = Callable[[Issue, State, User | None, Brought, datetime], Data]
"""What a move does to a claimed issue and its assignments. Returns what the move's row keeps beside its columns."""


def _to_dispatcher(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    done = (issue.state, to) in {(State.PREDICTED, State.RECEIVED), (State.HANDLING, State.RECHECK)}
    writing.let_go(issue, done=done, at=at)
    writing.hand_over(issue, to, dispatchers_unit(Level(issue.level), issue.town), at=at)
    return {}


def _to_other_level(what: Move) -> Effect:
    def effect(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
        state = State(issue.state)
        after = level_after(what, state, Level(issue.level))
        if after is not Level.COUNTY and not issue.town:
            raise MoveRefused(what, state, "place")
        issue.level = after
        return _to_dispatcher(issue, to, actor, brought, at)

    return effect


def _to_unit(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    assert brought.unit is not None  # Needs.UNIT
    writing.let_go(issue, done=issue.state == State.RECEIVED, at=at)
    issue.level = LEVEL_OF[brought.unit.kind]
    # Who leads has no part beside it.
    writing.open_parts(issue).filter(unit=brought.unit).update(state=Assignment.State.GIVEN_UP, ended_at=at)
    writing.hand_over(issue, to, brought.unit, brought.person, accepted=False, at=at)
    return {}


def _take(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    doer = brought.on_behalf_of or actor
    assert doer is not None  # nothing is accepted by itself
    writing.accept(issue, to, doer)
    return {}


def _visit(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    return {"act": "inspection" if brought.inspection else "visit"}


def _feed_back(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    assert brought.result is not None  # Needs.RESULT
    issue.result, issue.found_true = brought.result, FOUND_TRUE[brought.result]
    return {"found_true": issue.found_true, **_evidence(brought), **_to_dispatcher(issue, to, actor, brought, at)}


def _evidence(brought: Brought) -> Data:
    """What the move keeps of the form and of the reading: later readings, or corrected ones, change nothing in it."""
    kept: Data = {"form": dict(brought.told), "measured": brought.measured.strip()}
    kept["reading"] = brought.reading.kept if brought.reading else None
    return {name: value for name, value in kept.items() if value}


def _send_back(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """To whoever fed it back, if they still work there; else to their unit."""
    handled = issue.assignments.filter(part=Assignment.Part.LEAD, step=State.HANDLING, state=Assignment.State.DONE)
    last = handled.select_related("unit", "person").latest("ended_at", "id")
    person = last.person if last.person and handles_at(last.person, last.unit) else None
    writing.let_go(issue, done=True, at=at)
    writing.hand_over(issue, to, last.unit, person, at=at)
    return {}


def _close(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    writing.end(issue, to, at)
    return _answer(issue, brought, at)


def _answer(issue: Issue, brought: Brought, at: datetime) -> Data:
    """Tell everybody who reported it. The move keeps what was said, also when a later answer takes its place."""
    said: dict[str, str] = {}
    for row in issue.reports.order_by("pk"):
        row.answer, row.answered_at = brought.answers.get(row.pk, "").strip() or brought.answer.strip(), at
        row.save(update_fields=["answer", "answered_at"])
        said[str(row.pk)] = row.answer
        record("report.answered", "report", row.pk, at=at, scope=writing.scope_of_report(issue))
    return {"answers": said} if said else {}


def _join(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """The reports go over to the other issue, which owes them their answers now; this one ends."""
    other = Issue.objects.select_for_update().get(number=brought.into)
    if not other.is_open:
        raise MoveRefused(Move.JOIN, State(issue.state), "issue")
    moved = list(issue.reports.order_by("pk").values_list("pk", flat=True))
    Report.objects.filter(pk__in=moved).update(issue=other)
    before = Before.of(other)
    noted_at = writing.claim(other, at)  # the other's clock may be ahead of this one's
    writing.write(other, Move.NOTE, actor, noted_at, before=before, data={"joined": issue.number, "reports": moved})
    issue.joined_into, issue.result = other, Result.JOINED
    writing.end(issue, to, at)
    return {"into": other.number, "reports": moved}


def _reopen(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Back to the dispatcher with new clocks; the reports that were joined to another issue come back from it."""
    same = Issue.objects.open().filter(merchant=issue.merchant_id, violation=issue.violation, source=Source.ALARM)
    if issue.source == Source.ALARM and same.exists():
        raise MoveRefused(Move.REOPEN, State(issue.state), "issue")
    data: Data = {}
    if issue.joined_into_id is not None:
        joined = issue.moves.filter(move=Move.JOIN).latest("version")
        _take_back(issue, joined.data["reports"], actor, at)
        data["from"] = joined.data["into"]
    issue.joined_into, issue.result, issue.found_true = None, "", None
    if issue.other_number and elsewhere.holder_of(issue.other_system, issue.other_number):
        issue.other_system, issue.other_number = "", ""  # another issue goes by it now
    issue.closed_at, issue.clock_from, issue.more_days, issue.extensions = None, at, 0, 0
    writing.hand_over(issue, to, dispatchers_unit(Level(issue.level), issue.town), at=at)
    return data


def _take_back(issue: Issue, joined: list[int], actor: User | None, at: datetime) -> None:
    """Those of these reports that are still with the other issue come back from it. Its record says so, and whoever is about
    to move it with them is told."""
    other = Issue.objects.select_for_update().get(pk=issue.joined_into_id or 0)
    back = list(other.reports.filter(pk__in=joined).order_by("pk").values_list("pk", flat=True))
    if not back:
        return
    before = Before.of(other)
    at = writing.claim(other, at)
    Report.objects.filter(pk__in=back).update(issue=issue)
    writing.write(other, Move.NOTE, actor, at, before=before, data={"into": issue.number, "reports": back})


def _nothing(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    return {}


def _note(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    mentioned: Data = {"mentioned": [person.pk for person in brought.mentioned]} if brought.mentioned else {}
    return {**mentioned, "act": "inspection"} if brought.inspection else mentioned


def _decline(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Back to whoever transferred it: the one who had the lead before."""
    former = (
        issue.assignments.filter(part=Assignment.Part.LEAD, ended_at__isnull=False).select_related("unit", "person")
    ).latest("id")
    still = former.person if former.person and handles_at(former.person, former.unit) else None
    writing.let_go(issue, done=False, at=at)
    issue.level = LEVEL_OF[former.unit.kind]
    writing.hand_over(issue, to, former.unit, still, accepted=False, at=at)
    return {}


def _reassign(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """To a colleague, or to whoever stands in for them; the clock runs on."""
    assert issue.lead_unit is not None  # it is with somebody
    former = issue.lead_person
    person, away = stand_in(brought.person, issue.lead_unit, at)
    if actor is None and former is not None and away is None:
        away = former  # the system covers whoever is away or has left
    lead = writing.open_lead(issue)
    lead.person = issue.lead_person = person
    lead.deputy_for = away if person != away else None
    lead.save(update_fields=["person", "deputy_for"])
    return {"former": former.pk if former else None}


def _split(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """One report becomes an issue of its own, with its dispatcher; joining it again undoes this."""
    row = issue.reports.select_related("merchant").get(pk=brought.report or 0)
    found = Found(
        Source(row.source), issue.violation, issue.summary, row.seen_at, row.merchant, row.place,
        issue.grid or issue.town, row.lng, row.lat, data={"split_from": issue.number, "reports": [row.pk]},
    )  # fmt: skip
    new = report(found, at=at, held_back=True)
    Report.objects.filter(pk=row.pk).update(issue=new)
    return {"split_into": new.number, "reports": [row.pk]}


# the joint flow


def _involve(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Departments, or the town's team, work along. Who leads, or has an open part, is not asked twice. Raises MoveRefused."""
    taken = _taking_part(issue)
    allowed = set(units_to_give(Level.COUNTY, issue.town).values_list("pk", flat=True))
    units = [unit for unit in brought.units if unit.pk in allowed - taken]
    if not units:
        raise MoveRefused(Move.INVOLVE, State(issue.state), Needs.DEPARTMENTS.value)
    for unit in units:
        writing.give_part(issue, unit, at)
    issue.flow = FlowChoice.JOINT
    return {"units": [unit.pk for unit in units]}


def _taking_part(issue: Issue) -> set[int | None]:
    """Units that lead, or have an open part, already."""
    return {issue.lead_unit_id, *writing.open_parts(issue).values_list("unit_id", flat=True)}


def _end_parts(outcome: Assignment.Outcome) -> Effect:
    def effect(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
        assert actor is not None  # no part ends by itself
        own = parts_of(actor.pk, actor.authority, queries.situation(issue).held)
        writing.open_parts(issue).filter(unit_id__in=own).update(
            state=Assignment.State.DONE, ended_at=at, outcome=outcome, words=brought.words.strip(), person=actor
        )
        return {"units": sorted(own), "outcome": outcome.value}

    return effect


def _settle(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """The county has read both sides: whoever objected does its part all the same, with a new due time, or is released."""
    rows = list(writing.objections(issue).select_related("unit"))
    outcome = Assignment.Outcome.UPHELD if brought.upheld else Assignment.Outcome.RELEASED
    writing.objections(issue).update(outcome=outcome)
    units = {row.unit_id: row.unit for row in rows}
    if brought.upheld:
        taken = _taking_part(issue)
        for unit in (unit for pk, unit in units.items() if pk not in taken):
            writing.give_part(issue, unit, at)
    return {"units": list(units), "outcome": outcome.value}


def _release(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    parts = writing.open_parts(issue).filter(unit__in=brought.units)
    units = list(parts.values_list("unit_id", flat=True))
    if not units:
        raise MoveRefused(Move.RELEASE, State(issue.state), Needs.DEPARTMENTS.value)
    parts.update(
        state=Assignment.State.GIVEN_UP, ended_at=at, outcome=Assignment.Outcome.RELEASED, words=brought.words.strip()
    )
    return {"units": units}


# time


def _suspend(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """It rests until the end of a day. Raises MoveRefused for a date that has passed or lies further than policy lets it."""
    assert brought.until is not None  # Needs.UNTIL
    state = State(issue.state)
    try:
        reason = writing.limits(issue).suspend_reason(brought.reason)
    except KeyError as error:
        raise MoveRefused(Move.SUSPEND, state, Needs.UNTIL.value) from error
    rests = (brought.until - timezone.localtime(at).date()).days
    if rests < 1:
        raise MoveRefused(Move.SUSPEND, state, Needs.UNTIL.value)
    if rests > reason.longest_days:
        raise MoveRefused(Move.SUSPEND, state, "long")
    issue.suspended_at, issue.suspended_for = at, reason.id
    issue.suspended_until = datetime.combine(brought.until, END_OF_DAY, timezone.get_current_timezone())
    return {"until": brought.until.isoformat(), "reason": reason.id, "suspended": True}


def _resume(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Work goes on. Where the reason stopped the clocks, the working days that passed are added to them."""
    assert issue.suspended_at is not None  # Mark.SUSPENDED
    reason = writing.limits(issue).suspend_reason(issue.suspended_for)
    days = deadlines.working_days_between(writing.calendar(), issue.suspended_at, at) if reason.pauses else 0
    issue.suspended_at, issue.suspended_until, issue.suspended_for = None, None, ""
    writing.lengthen(issue, days)
    return {"days": days, "suspended": False}


def _ask_for_time(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    assert brought.days is not None  # Needs.DAYS
    if brought.days > writing.limits(issue).extending.working_days:
        raise MoveRefused(Move.EXTEND, State(issue.state), "long")
    issue.extension_asked_days = brought.days
    return {"days": brought.days}


def _grant(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """As many days as were asked for, or fewer."""
    asked = issue.extension_asked_days or 0
    days = min(asked, brought.days or asked)
    issue.extension_asked_days, issue.extensions = None, issue.extensions + 1
    writing.lengthen(issue, days)
    return {"days": days}


def _refuse_time(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    issue.extension_asked_days = None
    return {}


# a leader's eye


def _supervise(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    due = deadlines.due(writing.calendar(), at, writing.limits(issue).supervise)
    issue.supervised_at, issue.supervised_due_at, issue.supervised_by = at, due.at, actor
    return {"due": due.at.isoformat()}


def _report_up(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    asked_by = issue.supervised_by_id
    issue.supervised_at, issue.supervised_due_at, issue.supervised_by = None, None, None
    return {"asked_by": asked_by}


# those it concerns


def _ask(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """Ask whoever reported it for more: one of them, or all."""
    asked = issue.reports.filter(pk=brought.report) if brought.report else issue.reports.all()
    pks = list(asked.order_by("pk").values_list("pk", flat=True))
    asked.update(asked=brought.words.strip(), asked_at=at)
    return {"reports": pks}


def _file_case(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """It goes on as a case of enforcement; here it ends, found true."""
    issue.case_number = brought.case_number.strip()
    issue.result, issue.found_true = Result.CASE_FILED, True
    writing.end(issue, to, at)
    return {**_answer(issue, brought, at), "case": issue.case_number, "found_true": True}


_EFFECTS: dict[Move, Effect] = {
    Move.CONFIRM: _to_dispatcher,
    Move.DISPATCH: _to_unit,
    Move.ACCEPT: _take,
    Move.HANDLE: _visit,
    Move.TRANSFER: _to_unit,
    Move.ESCALATE: _to_other_level(Move.ESCALATE),
    Move.RETURN: _to_other_level(Move.RETURN),
    Move.FEED_BACK: _feed_back,
    Move.REWORK: _send_back,
    Move.CLOSE: _close,
    Move.DISMISS: _close,
    Move.REOPEN: _reopen,
    Move.JOIN: _join,
    Move.NOTE: _note,
    Move.DECLINE: _decline,
    Move.REASSIGN: _reassign,
    Move.SPLIT: _split,
    Move.INVOLVE: _involve,
    Move.CONTRIBUTE: _end_parts(Assignment.Outcome.CONTRIBUTED),
    Move.OBJECT: _end_parts(Assignment.Outcome.OBJECTED),
    Move.SETTLE: _settle,
    Move.RELEASE: _release,
    Move.SUSPEND: _suspend,
    Move.RESUME: _resume,
    Move.EXTEND: _ask_for_time,
    Move.GRANT: _grant,
    Move.REFUSE: _refuse_time,
    Move.SUPERVISE: _supervise,
    Move.REPORT_UP: _report_up,
    Move.CORRECT: _nothing,
    Move.ASK: _ask,
    Move.FILE_CASE: _file_case,
}
"""What only a reporter does (ADD, and REOPEN for them) has verbs of its own: they have no account."""


def _know_the_merchant(issue: Issue, what: Move, brought: Brought) -> None:
    """Somebody found out which shop it is. What was known already is not overwritten."""
    shop = brought.merchant
    if shop is None or issue.merchant_id is not None or what not in (Move.DISPATCH, Move.HANDLE, Move.FEED_BACK):
        return
    issue.merchant, issue.town, issue.grid, issue.lng, issue.lat = shop, shop.town, shop.grid, shop.lng, shop.lat


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def recompute_deadlines(year: int, *, at: datetime) -> int:
    """Set the open clocks again that reach into `year`, whose holidays are published now. May run twice.

    A year's notice may also move the last days of the year before, so clocks that end there are looked at as well.
    Returns: how many issues and reports are due at another time, or for certain, than before.
    """
    begins = datetime(year, 1, 1, tzinfo=timezone.get_current_timezone()) - LAST_DAYS
    issues = Issue.objects.open().filter(due_at__gte=begins)
    reports = Report.objects.filter(due_at__gte=begins, answered_at=None)
    changed = sum(_set_again(pk, at) for pk in list(issues.order_by("pk").values_list("pk", flat=True)))
    return changed + sum(_set_answer_again(row) for row in reports.select_related("issue").order_by("pk"))


def _set_again(pk: int, at: datetime) -> bool:
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(pk=pk)
        lead = issue.assignments.filter(part=Assignment.Part.LEAD, ended_at=None).first()
        if lead is None:
            return False
        before = Before.of(issue)
        calendar = writing.calendar()
        step = deadlines.step_due(calendar, writing.limits(issue), State(lead.step), Level(issue.level), lead.given_at)
        step = deadlines.longer(calendar, step, lead.more_days)
        writing.show_clocks(issue, writing.whole_due(issue), step)
        if Before.of(issue) == before:
            return False
        lead.due_at, lead.due_provisional = step.at, step.provisional
        lead.save(update_fields=["due_at", "due_provisional"])
        writing.keep(issue, before)
        record("issue.due_again", "issue", issue.number, at=at, scope=writing.scope_of(issue))
    return True


def _set_answer_again(row: Report) -> bool:
    limits = writing.limits(row.issue)
    due = deadlines.answer_due(writing.calendar(), limits, cast("ReportSource", row.source), row.reported_at)
    if (due.at, due.provisional) == (row.due_at, row.due_provisional):
        return False
    return bool(Report.objects.filter(pk=row.pk).update(due_at=due.at, due_provisional=due.provisional))
