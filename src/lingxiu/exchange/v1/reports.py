"""Reports of other systems, by their own number: brought once, asked for as often as they like."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Router
from ninja.responses import Status

from lingxiu.accounts.models import User
from lingxiu.china.identifiers import normalise
from lingxiu.exchange import keys
from lingxiu.exchange.door import Done, Needs, once_each, use_of, user_of
from lingxiu.exchange.problems import Fault, Problem, wrong
from lingxiu.exchange.receiving import SOURCES, SaidOtherwise, Wrong, receive, source_of
from lingxiu.exchange.v1.shapes import ReportChange, ReportIn, ReportOut
from lingxiu.issues.actions.reports import Said
from lingxiu.issues.brought_again import Again, bring_again, last_words
from lingxiu.issues.models import Report
from lingxiu.merchants.models import Merchant
from lingxiu.ui import addresses

router = Router(tags=["reports"])
ANY_SOURCE = Needs(*(f"{keys.REPORTS}{source}" for source in SOURCES))


@router.post("/reports", response={200: ReportOut, 201: ReportOut}, auth=ANY_SOURCE, summary="A report")
def post_report(request: HttpRequest, sent: ReportIn) -> Status[Any]:
    """Bring a report. The same again answers 200 with the same report; with other words it is refused."""
    user = user_of(request)
    _refuse_source(request, sent.source)
    if not user.authority.may("issues.record_report"):
        raise Problem("not-permitted", _("The key acts for somebody who may not enter what people report."))

    def do() -> Done:
        report, new = receive(_said(sent, user), at=timezone.now(), by=user)
        if not new and sent.due_at not in (None, report.due_at):
            raise SaidOtherwise("due_at", sent.due_at and sent.due_at.isoformat(), report)
        return Done(201 if new else 200, ReportOut(**_out(report)).model_dump(mode="json"))

    try:
        done = once_each(request, sent.model_dump(mode="json"), do)
    except Wrong as error:
        raise wrong(error.field, error.value, error.mend) from error
    except SaidOtherwise as error:
        mend = _("Send what you sent the first time, a change by PATCH, or a new number for something new.")
        raise Problem(
            "said-otherwise",
            _("It stands with issue %(number)s.") % {"number": error.kept.issue.number},
            (Fault(error.field, error.value, mend),),
        ) from error
    return Status(done.status, done.body)


@router.get("/reports/{source}/{own_number}", response=ReportOut, auth=ANY_SOURCE, summary="What became of a report")
def get_report(request: HttpRequest, source: str, own_number: str) -> dict[str, Any]:
    """Its state, its answer, by when it is due."""
    _refuse_source(request, source)
    return _out(_readable(user_of(request), source, own_number))


@router.patch("/reports/{source}/{own_number}", response=ReportOut, auth=ANY_SOURCE, summary="A report says otherwise")
def patch_report(request: HttpRequest, source: str, own_number: str, sent: ReportChange) -> Status[Any]:
    """Another due time, other words: the due time is the report's own from now on, the new words stand beside the old, and
    whoever has the issue is told. Of a report that was answered nothing is changed: 409."""
    _refuse_source(request, source)
    user, now = user_of(request), timezone.now()
    if not user.authority.may("issues.record_report"):
        raise Problem("not-permitted", _("The key acts for somebody who may not enter what people report."))

    def do() -> Done:
        report = _readable(user, source, own_number)
        said = Again(sent.words or last_words(report), sent.due_at)
        if bring_again(report, said, at=now, by=user).answered:
            told = _("It was answered already.")
            raise Problem("moved-on", told, (Fault("own_number", own_number, _("Bring it anew, with a new number.")),))
        report.refresh_from_db()
        return Done(200, ReportOut(**_out(report)).model_dump(mode="json"))

    done = once_each(request, {"source": source, "own_number": own_number, **sent.model_dump(mode="json")}, do)
    return Status(done.status, done.body)


def _readable(user: User, source: str, own_number: str) -> Report:
    """The report of this number, if this person may read it or brought it. Raises Problem."""
    readable = Report.objects.visible_to(user).filter(source=source, own_number=own_number).values("pk")
    rows = Report.objects.select_related("issue").filter(source=source, own_number=own_number)
    report = None
    if own_number and "\0" not in own_number:
        report = rows.filter(Q(recorded_by=user) | Q(pk__in=readable)).first()
    if report is None:
        raise Problem("not-found", _("No report of this number is known to this key."))
    return report


def _refuse_source(request: HttpRequest, source: str) -> None:
    """A key speaks for the sources it was given. Raises Problem."""
    use = use_of(request)
    if source not in SOURCES:
        raise wrong("source", source, _("Name one of the sources that people report by."))
    if not use.opens(f"{keys.REPORTS}{source}"):
        needed = f"{keys.REPORTS}{source}"
        raise Problem("scope-missing", _("It would need the scope %(scope)s.") % {"scope": needed})


def _said(sent: ReportIn, user: User) -> Said:
    """Raises Problem."""
    lng, lat = sent.location or (None, None)
    return Said(
        source=source_of(sent.source), violation=sent.violation, words=sent.words, seen_at=sent.seen_at,
        merchant=_merchant(sent, user), place=sent.place, town=sent.town, lng=lng, lat=lat, name=sent.name,
        phone=sent.phone, own_number=sent.own_number, due_at=sent.due_at, kind=sent.kind,
    )  # fmt: skip


def _merchant(sent: ReportIn, user: User) -> Merchant | None:
    """The merchant named by id, else by licence number. Raises Problem."""
    seen = Merchant.objects.visible_to(user)
    if sent.merchant is not None:
        found = seen.filter(pk=sent.merchant).first()
        field, said = "merchant", sent.merchant
    elif sent.licence_no:
        spelled = {sent.licence_no, normalise(sent.licence_no)}
        found = seen.filter(licence_no__in=spelled).first()
        field, said = "licence_no", sent.licence_no  # type: ignore[assignment]  # one is a number, one a text
    else:
        return None
    if found is None:
        raise wrong(field, said, _("No such merchant is known: leave it out and say the place in words."))
    return found


def _out(report: Report) -> dict[str, Any]:
    return {
        "source": report.source,
        "own_number": report.own_number,
        "number": report.issue.number,
        "state": report.issue.state,
        "received_at": report.reported_at,
        "due_at": report.due_at,
        "due_provisional": report.due_provisional,
        "answer": report.answer or None,
        "answered_at": report.answered_at,
        "found_true": report.issue.found_true,
        "follow": f"{settings.BASE_URL}{addresses.report(report.token)}",
    }
