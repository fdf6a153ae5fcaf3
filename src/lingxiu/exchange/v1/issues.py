"""Issues out and in: the list, one of them, a find, a move. What may be done, `issues.actions` decides, as for every person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router
from ninja.responses import Status

from lingxiu.accounts.models import Unit, User
from lingxiu.china.identifiers import normalise
from lingxiu.exchange import keys
from lingxiu.exchange.door import Done, Needs, officer_of, once_each, refuse_unknown
from lingxiu.exchange.problems import Fault, Problem, Text, wrong
from lingxiu.exchange.v1.photos import kept_by
from lingxiu.exchange.v1.places import in_china
from lingxiu.exchange.v1.shapes import (
    CaseResultIn,
    FindIn,
    Id,
    InspectionIn,
    IssueOut,
    IssuesAsked,
    IssueWhole,
    LookIn,
    MovedOut,
    MoveIn,
    Number,
    OtherIn,
    ReportNamed,
    Rows,
    cursor_of,
    mark_of,
)
from lingxiu.issues import case_forms, cases, elsewhere, evidence, looking, queries, words
from lingxiu.issues.actions import moving, opening
from lingxiu.issues.filters import Filter
from lingxiu.issues.find_forms import findings
from lingxiu.issues.forms import BEFORE_AND_AFTER
from lingxiu.issues.forms import FIELDS as MADE_BY_PEOPLE
from lingxiu.issues.inspection_rules import Inspecting
from lingxiu.issues.lifecycle import Level, Mark, MoveRefused, State, moves_from
from lingxiu.issues.matching import matching
from lingxiu.issues.models import PEOPLE, Issue, MoveRow, Report, Source
from lingxiu.issues.paging import page
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Brought, SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.rows import Label
from lingxiu.territory.queries import town_names

router = Router(tags=["issues"])
READ = Needs(keys.ISSUES_READ)
WRITE = Needs(keys.ISSUES_WRITE)
FOUND_ELSEWHERE = UUID("b3a4be0c-6a2e-4b0f-9b49-4a4a7a0f2f5d")
"""Name space of the submissions of finds that come with another system's number: one number, one find."""
MARK = re.compile(r"[0-9]{1,17}\.[0-9]{1,17}")
STANDS_ELSEWHERE = frozenset({"state", "person", "nothing", "time", *(mark.value for mark in Mark)})
"""Refusals that come of where the issue stands, not of what was sent: 409, the others 422."""
FIELDS: dict[str, str] = {
    "words": "comment",
    "unit": "to_unit",
    "person_of_unit": "to_person",
    "result": "result",
    "evidence": "photos",
    "form": "form",
    "reading": "reading",
    "answer": "answer",
    "issue": "into",
    "place": "merchant",
    "certificate": "result",
    "inspection": "result",
    "unsigned": "result",
    **dict.fromkeys(
        ("second", "items", "times", "number", "unknown_number", "cap", "checked", "inspection_words"), "inspection"
    ),
    "shop": "merchant",
    "departments": "units",
    "report": "report",
    "until": "until",
    "days": "days",
    "part_due": "part_due",
    "whole": "part_due",
    "case": "case_number",
    "matter": "violation",
}
"""What a refusal names → the field of the request that mends it; any other is the move itself."""


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/issues", response=Rows[IssueOut], auth=READ, summary="Issues")
def list_issues(request: HttpRequest, asked: Query[IssuesAsked]) -> dict[str, Any]:
    """Issues the key's person may open, the newest first, by pages."""
    refuse_unknown(request, IssuesAsked.names())
    wanted = Filter(
        state=str(asked.state), level=asked.level or "", flow=asked.flow or "", source=asked.source or "",
        violation=asked.violation, town=asked.town, merchant=asked.merchant, late=asked.late, since=asked.since,
        until=asked.until, sort="new",
    )  # fmt: skip
    found = matching(wanted, officer_of(request), timezone.now())
    shown = page(found, wanted, _place(asked.cursor), asked.limit)
    return {"items": [_out(issue) for issue in shown.rows], "next": cursor_of(shown.after)}


@router.get("/issues/{number}", response=IssueWhole, auth=READ, summary="An issue")
def get_issue(request: HttpRequest, number: Number) -> dict[str, Any]:
    """One issue with its moves."""
    user = officer_of(request)
    issue = _seen(number, user)
    moves = issue.moves.select_related("actor_unit").order_by("version")
    return {
        **_out(issue),
        "joined_into": issue.joined_into.number if issue.joined_into else None,
        "other": {"system": issue.other_system, "number": issue.other_number} if issue.other_number else None,
        "case": _case(moves),
        "reports": issue.reports.count(),
        "moves": [_move(row) for row in moves],
        "may": _may(issue, user),
        "evidence": _wanted(issue, timezone.now()),
    }


def _case(moves: Iterable[MoveRow]) -> dict[str, Any] | None:
    case = cases.of_rows(moves)
    if case is None:
        return None
    came = case.result
    result = {"outcome": came.outcome, "day": came.day, "number": came.number} if came else None
    return {"number": case.number, "body": case.body, "day": case.day, "cause": case.cause, "result": result}


def _wanted(issue: Issue, now: datetime) -> dict[str, Any]:
    """What must come with the feedback, by the edition the issue was routed by."""
    row = evidence.violation_of(issue)
    wanted = row.evidence
    return {
        "photo_before": wanted.photo_before,
        "photo_after": wanted.photo_after,
        "form": wanted.form,
        "reading": wanted.reading,
        "questions": [question.model_dump(mode="json") for question in row.questions],
        "readings": [reading.key for reading in evidence.offered(issue, now)] if issue.is_open else [],
    }


def _may(issue: Issue, user: User) -> list[str]:
    """What the key's person may do with it now, in the order of the table."""
    situation = queries.situation(issue)
    own = relations(user.pk, user.authority, situation.held)
    return [what.value for what in moves_from(State(issue.state), Level(issue.level), own, situation.marks)]


def _place(cursor: str) -> dict[str, str]:
    """Where in the list to go on. Raises Problem."""
    if not cursor:
        return {}
    mark = mark_of(cursor)
    if not MARK.fullmatch(mark):
        raise wrong("cursor", cursor, _("Send the `next` of the page before, or none."))
    return {"after": mark}


def _seen(number: str, user: User) -> Issue:
    """The issue, if the key's person may open it. Raises Problem: what one may not see does not exist."""
    rows = Issue.objects.visible_to(user).select_related("merchant", "lead_unit", "joined_into")
    issue = rows.filter(number=number).first()
    if issue is None:
        raise Problem("not-found", _("No issue of this number is known to this key."))
    return issue


def _out(issue: Issue) -> dict[str, Any]:
    tells_place = issue.merchant_id is not None or issue.source not in PEOPLE
    label = _label(issue)
    return {
        "number": issue.number,
        "version": issue.version,
        "state": issue.state,
        "flow": issue.flow,
        "level": issue.level,
        "source": issue.source,
        "violation": issue.violation,
        "what": {"zh": label.zh, "en": label.en},
        "summary": issue.summary if issue.source not in PEOPLE else label.zh,
        "merchant": {"id": issue.merchant.pk, "name": issue.merchant.name} if issue.merchant else None,
        "place": _where(issue),
        "town": issue.town,
        "grid": issue.grid,
        "location": (issue.lng, issue.lat) if tells_place and issue.lng is not None else None,
        "act_at": issue.act_at,
        "reported_at": issue.reported_at,
        "due_at": issue.due_at,
        "step_due_at": issue.step_due_at,
        "due_provisional": issue.due_provisional,
        "held_by": _unit(issue.lead_unit),
        "closed_at": issue.closed_at,
        "result": issue.result or None,
        "found_true": issue.found_true,
    }


def _where(issue: Issue) -> str | None:
    """The merchant's address, or where an officer or a device said it is; never where a reporter said they are."""
    if issue.merchant is not None:
        return issue.merchant.address
    return issue.place if issue.source not in PEOPLE else None


def _label(issue: Issue) -> Label:
    """What is wrong, by the edition in force, else by the one it was routed by."""
    now = {row.id: row.label for row in in_force().catalogues.violations}
    return now.get(issue.violation) or edition(issue.edition).catalogues.violation(issue.violation).label


def _unit(unit: Unit | None) -> dict[str, str] | None:
    return {"code": unit.code, "name": unit.name} if unit else None


def _move(row: MoveRow) -> dict[str, Any]:
    return {
        "version": row.version,
        "move": row.move,
        "at": row.at,
        "by": _unit(row.actor_unit),
        "from_state": row.from_state,
        "to_state": row.to_state,
        "to_level": row.to_level,
        "result": row.result or None,
    }


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/issues", response={200: IssueOut, 201: IssueOut}, auth=WRITE, summary="A find")
def post_issue(request: HttpRequest, sent: FindIn) -> Status[Any]:
    """Something an officer found, entered by their other system. With that system's number (`other`) it is entered once: the
    same again answers 200 with the same issue; with another find, or where an open issue goes by the number, it is refused."""
    user, now = officer_of(request), timezone.now()
    if not user.authority.may("issues.find"):
        raise Problem("not-permitted", _("Finds are for officers: the key acts for somebody who may not enter them."))

    def do() -> Done:
        found = _found(sent, user, now)
        submission = uuid5(FOUND_ELSEWHERE, "\n".join(found.other)) if sent.other else None
        before = MoveRow.objects.filter(submission=submission).exists() if submission else False
        with elsewhere.claimed_once(*found.other):
            issue = opening.report(found, at=now, submission=submission)
        if before:
            _refuse_another(found, issue)
        return Done(200 if before else 201, IssueOut(**_out(issue)).model_dump(mode="json"))

    try:
        done = once_each(request, sent.model_dump(mode="json"), do)
    except elsewhere.OtherNumberTaken as taken:
        raise _stands_already(taken.other_number, taken.number) from taken
    except SubmissionReused as reused:
        raise _stands_already(sent.other.number if sent.other else "", "") from reused
    return Status(done.status, done.body)


def _refuse_another(found: opening.Found, issue: Issue) -> None:
    """The find that came with this number, if it is the same once more. Raises Problem."""
    kept = (issue.violation, issue.act_at, issue.merchant_id, issue.summary)
    said = (found.violation, found.act_at, found.merchant and found.merchant.pk, found.summary)
    if kept != said:
        raise _stands_already(found.other[1], issue.number)


def _stands_already(other: str, number: str) -> Problem:
    told = _("It stands with issue %(number)s.") % {"number": number} if number else _("Somebody else brought it.")
    mend = _("Send what you sent the first time, or a new number for something new.")
    return Problem("said-otherwise", told, (Fault("other.number", other, mend),))


def _found(sent: FindIn, user: User, now: datetime) -> opening.Found:
    """What was found. Raises Problem."""
    if why := opening.not_then(sent.act_at, now):
        raise wrong("act_at", sent.act_at.isoformat(), str(words.FOUND_WHEN[why]) % {"days": opening.found_within()})
    violation = next((row for row in findings(sent.act_at) if row.id == sent.violation), None)
    if violation is None:
        raise wrong("violation", sent.violation, _("Name a finding of the catalogue that holds on the day of the act."))
    other = _elsewhere(sent.other) if sent.other else ("", "")
    if sent.town and sent.town not in town_names():
        raise wrong("town", sent.town, _("Name a town of the county by its code."))
    lng, lat = in_china(sent.location)
    merchant = _shop(sent.merchant, user) or _licensed(sent.licence_no, user)
    if not (merchant or sent.place or sent.location):
        raise wrong("place", "", _("Say where it is: a merchant, a place in words, or a position."))
    source = Source.GRID_MEMBER if user.authority.grids else Source.OFFICER
    return opening.Found(
        source, violation.id, sent.words or violation.label.zh, sent.act_at, merchant, sent.place,
        sent.town or _own_area(user), lng, lat, found_by=user, photos=kept_by(user, sent.photos), other=other,
    )  # fmt: skip


def _elsewhere(other: OtherIn) -> tuple[str, str]:
    """System and number, as they are kept. Raises Problem."""
    if other.system not in {row.id for row in in_force().catalogues.systems}:
        raise wrong("other.system", other.system, _("Name a system of the county's catalogue."))
    return other.system, elsewhere.plain(other.number)


def _own_area(user: User) -> str:
    """Where a find lies if nothing else says: the one grid, or the one town, its finder works in."""
    grids, towns = user.authority.grids, user.authority.towns
    return next(iter(grids if len(grids) == 1 else towns if len(towns) == 1 else ()), "")


def _shop(merchant: Id | None, user: User) -> Merchant | None:
    """Raises Problem."""
    if merchant is None:
        return None
    found = Merchant.objects.visible_to(user).filter(pk=merchant).first()
    if found is None:
        raise wrong("merchant", merchant, _("No merchant of this id is known to this key."))
    return found


def _licensed(licence_no: str, user: User) -> Merchant | None:
    """Raises Problem."""
    if not licence_no:
        return None
    found = Merchant.objects.visible_to(user).filter(licence_no__in={licence_no, normalise(licence_no)}).first()
    if found is None:
        raise wrong("licence_no", licence_no, _("No such merchant is known: leave it out and say the place in words."))
    return found


@router.post("/issues/{number}/moves", response={201: MovedOut}, auth=WRITE, summary="A move")
def post_move(request: HttpRequest, number: Number, sent: MoveIn) -> Status[Any]:
    """Make a move with an issue, as the key's person, by the same table as everybody."""
    user, now = officer_of(request), timezone.now()
    issue = _seen(number, user)
    if sent.move not in MADE_BY_PEOPLE:
        raise wrong("move", sent.move.value, _("Nobody makes this move by hand."))

    def do() -> Done:
        brought = _brought(sent, issue, user, now)
        return _made(number, moving.move(number, sent.move, actor=user, at=now, brought=brought, seen=sent.seen))

    try:
        done = once_each(request, {"number": number, **sent.model_dump(mode="json")}, do)
    except MoveRefused as refused:
        raise _refused(refused, sent) from refused
    except SomebodyWasFaster as faster:
        fault = Fault("seen", sent.seen, _("Read the issue again, then decide."))
        raise Problem("moved-on", str(words.faster(faster)), (fault,)) from faster
    return Status(done.status, done.body)


@router.post("/issues/{number}/other", response={201: MovedOut}, auth=WRITE, summary="Its number elsewhere")
def post_other(request: HttpRequest, number: Number, sent: OtherIn) -> Status[Any]:
    """Write down the number the issue goes by in another system, so that nothing is reported twice."""
    user, now = officer_of(request), timezone.now()
    _seen(number, user)
    system, other = _elsewhere(sent)

    def do() -> Done:
        return _made(number, elsewhere.note(number, system, other, actor=user, at=now))

    try:
        done = once_each(request, {"number": number, **sent.model_dump(mode="json")}, do)
    except elsewhere.OtherNumberTaken as taken:
        told = _("It stands with issue %(number)s.") % {"number": taken.number}
        fault = Fault("number", other, _("Look at that issue: join the two, or send the number that is this one's."))
        raise Problem("said-otherwise", told, (fault,)) from taken
    except MoveRefused as refused:
        raise _refused_note(refused, number) from refused
    return Status(done.status, done.body)


@router.post("/issues/{number}/case-result", response={201: MovedOut}, auth=WRITE, summary="What came of its case")
def post_case_result(request: HttpRequest, number: Number, sent: CaseResultIn) -> Status[Any]:
    """Write down what came of the case an issue went on as. A later one takes its place; both stay in the record."""
    user, now = officer_of(request), timezone.now()
    _seen(number, user)
    result = cases.CaseResult(sent.outcome, sent.day, sent.number, sent.comment)

    def do() -> Done:
        return _made(number, cases.record_result(number, result, actor=user, at=now))

    try:
        done = once_each(request, {"number": number, **sent.model_dump(mode="json")}, do)
    except cases.ResultRefused as refused:
        raise wrong("day", sent.day.isoformat(), case_forms.REFUSALS[refused.why]) from refused
    except MoveRefused as refused:
        raise _refused_note(refused, number) from refused
    return Status(done.status, done.body)


@router.post("/issues/{number}/looks", response={201: MovedOut}, auth=WRITE, summary="A look for its re-check")
def post_look(request: HttpRequest, number: Number, sent: LookIn) -> Status[Any]:
    """Have the shop show it, or a colleague look, before it is closed; or tell what was seen."""
    user, now = officer_of(request), timezone.now()
    _seen(number, user)

    def do() -> Done:
        return _made(number, _look(number, sent, user, now))

    try:
        done = once_each(request, {"number": number, **sent.model_dump(mode="json")}, do)
    except MoveRefused as refused:
        field = {"words": "comment", "evidence": "photos", "to_send": "person"}.get(refused.why)
        if field is None:
            raise _refused_note(refused, number) from refused
        raise wrong(field, getattr(sent, field), words.refusal(refused)) from refused
    return Status(done.status, done.body)


def _look(number: str, sent: LookIn, user: User, now: datetime) -> MoveRow:
    """Raises: MoveRefused, Problem for a name that is none."""
    by: dict[str, Any] = {"actor": user, "at": now, "submission": uuid4()}
    if sent.do == "shop":
        return looking.ask_shop(number, sent.comment, **by)
    if sent.do == "send":
        person = _person_called("person", sent.person)
        if person is None:
            raise wrong("person", sent.person, NOBODY_CALLED_SO)
        return looking.send(number, person, sent.comment, **by)
    lng, lat = in_china(sent.location)
    return looking.saw(number, Brought(words=sent.comment, photos=kept_by(user, sent.photos), lng=lng, lat=lat), **by)


def _made(number: str, row: MoveRow) -> Done:
    return Done(
        201, {"number": number, "version": row.version, "move": row.move, "state": row.to_state, "level": row.to_level}
    )


def _refused_note(refused: MoveRefused, number: str) -> Problem:
    why = words.refusal(refused)
    kind = "moved-on" if refused.why in STANDS_ELSEWHERE else "refused"
    return Problem(kind, why, (Fault("number", number, why),))


def _brought(sent: MoveIn, issue: Issue, user: User, now: datetime) -> Brought:
    """What comes with the move. Raises Problem for a name that is none."""
    report = _report(issue, "report", sent.report) if sent.report else None
    lng, lat = in_china(sent.location)
    return Brought(
        words=sent.comment,
        unit=_unit_called("to_unit", sent.to_unit),
        person=_person_called("to_person", sent.to_person),
        result=sent.result,
        answer=sent.answer,
        into=sent.into,
        inspection=_inspecting(sent.inspection) if sent.inspection else None,
        on_behalf_of=_person_called("on_behalf_of", sent.on_behalf_of),
        merchant=_shop(sent.merchant, user),
        lng=lng,
        lat=lat,
        answers={_report(issue, "answers", one).pk: one.answer for one in sent.answers},
        units=tuple(unit for code in sent.units if (unit := _unit_called("units", code))),
        report=report.pk if report else None,
        until=sent.until,
        reason=sent.reason,
        days=sent.days,
        part_due=sent.part_due,
        upheld=sent.upheld,
        interim=sent.interim,
        violation=sent.violation,
        case_number=sent.case_number,
        case_body=_filing_body(sent, issue, user),
        case_on=_not_to_come("case_on", sent.case_on, now),
        case_cause=sent.case_cause,
        mentioned=tuple(person for name in sent.mentioned if (person := _person_called("mentioned", name))),
        photos=(*(before := kept_by(user, _of_a_visit(sent))), *kept_by(user, sent.photos)),
        before=before,
        told=_told(sent, issue),
        reading=_reading(sent, issue, now),
        measured=sent.measured,
    )


def _filing_body(sent: MoveIn, issue: Issue, user: User) -> Unit | None:
    """Raises Problem for a unit that files no cases of this issue."""
    if not sent.case_body:
        return None
    found = next((unit for unit in cases.bodies(issue, user) if unit.code == sent.case_body), None)
    if found is None:
        raise wrong("case_body", sent.case_body, _("Name a department, or the team of the issue's town, by its code."))
    return found


def _not_to_come(field: str, day: date | None, now: datetime) -> date | None:
    """Raises Problem."""
    if day is not None and day > timezone.localdate(now):
        raise wrong(field, day.isoformat(), case_forms.REFUSALS["future"])
    return day


def _of_a_visit(sent: MoveIn) -> list[str]:
    """Raises Problem."""
    if sent.before and sent.move not in BEFORE_AND_AFTER:
        raise wrong("before", sent.before, _("Pictures of before come with handle and feed_back alone."))
    return sent.before


def _told(sent: MoveIn, issue: Issue) -> dict[str, str | float]:
    """The answers to the violation's questions. Raises Problem."""
    try:
        return evidence.answers(evidence.violation_of(issue), sent.form)
    except evidence.WrongAnswer as error:
        mend = _(
            "Answer the questions the issue's evidence lists: a choice's id, a number, words, or a day as 2026-03-05."
        )
        raise wrong(f"form.{error.question}", sent.form[error.question], mend) from error


def _reading(sent: MoveIn, issue: Issue, now: datetime) -> evidence.Reading | None:
    """Raises Problem."""
    if not sent.reading:
        return None
    found = evidence.reading_called(sent.reading, issue, now)
    if found is None:
        raise wrong(
            "reading",
            sent.reading,
            _("The shop has no monitor that said anything in this hour: name another, or say what was measured."),
        )
    return found


def _inspecting(sent: InspectionIn) -> Inspecting:
    """Raises Problem for a second officer nobody is."""
    second = _person_called("inspection.second_officer", sent.second_officer)
    return Inspecting(
        second.pk if second else None, tuple(sent.items), sent.started_at, sent.ended_at, sent.why, sent.number, sent.outcome
    )  # fmt: skip


NOBODY_CALLED_SO = _("Nobody here is called so: units by their code, people by their user name.")


def _unit_called(field: str, code: str) -> Unit | None:
    """None where nothing was said. Raises Problem."""
    found = Unit.objects.filter(code=code).first() if code else None
    if code and found is None:
        raise wrong(field, code, NOBODY_CALLED_SO)
    return found


def _person_called(field: str, name: str) -> User | None:
    """None where nothing was said. Raises Problem."""
    found = User.objects.filter(username=name).first() if name else None
    if name and found is None:
        raise wrong(field, name, NOBODY_CALLED_SO)
    return found


def _report(issue: Issue, field: str, named: ReportNamed) -> Report:
    """The issue's report of that number. Raises Problem."""
    found = issue.reports.filter(source=named.source, own_number=named.own_number).first()
    if found is None:
        raise wrong(field, named.own_number, _("No report of this number stands with the issue."))
    return found


def _refused(refused: MoveRefused, sent: MoveIn) -> Problem:
    said: Mapping[str, Any] = sent.model_dump(mode="json")
    why: Text = words.refusal(refused)
    field = FIELDS.get(refused.why, "move")
    kind = "moved-on" if refused.why in STANDS_ELSEWHERE else "refused"
    return Problem(kind, why, (Fault(field, said.get(field), why),))
