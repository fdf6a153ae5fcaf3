"""One issue with all around it: what is wrong and where, who has it and by when, what happened, and what this reader may do now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from lingxiu.accounts.models import User
from lingxiu.files.photos import PhotoRefused
from lingxiu.files.queries import not_on_the_spot
from lingxiu.files.voices import VoiceRefused
from lingxiu.issues import (
    amended,
    brought_again,
    cases,
    disputes,
    elsewhere,
    evidence,
    looking_pages,
    order_asked,
    orders,
    phrases,
    pictures,
    queries,
    reporters,
    resting,
    voices,
    words,
)
from lingxiu.issues.actions import at_once, moving, needs
from lingxiu.issues.actions.at_once import may_put_right
from lingxiu.issues.case_forms import CaseResultForm
from lingxiu.issues.desk import private_notes
from lingxiu.issues.desk_forms import PrivateNoteForm
from lingxiu.issues.find_forms import OtherNumberForm
from lingxiu.issues.forms import BEFORE_AND_AFTER, WITH_PICTURE, MoveForm, PutRightForm
from lingxiu.issues.inspection_pages import card, may_inspect_on
from lingxiu.issues.lifecycle import By, Level, Move, MoveRefused, State, moves_from
from lingxiu.issues.models import Addition, FlowChoice, Issue, MoveRow, Report, Source
from lingxiu.issues.relations import relations
from lingxiu.issues.views import officer, submission_of
from lingxiu.issues.writing import SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.journal.queries import head
from lingxiu.merchants.models import Merchant
from lingxiu.notices import reporters as reporter_texts
from lingxiu.notices.models import ReporterText
from lingxiu.policy.queries import edition
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.policy.schema.violations import Violation
from lingxiu.portal import hands
from lingxiu.privacy.masks import mask_name, mask_phone
from lingxiu.sensing.models import Alarm, Device
from lingxiu.sensing.queries import Mean, hour_means
from lingxiu.sensing.views.forecasts import behind_issue
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses

PRIMARY = (
    Move.REPLY, Move.SETTLE, Move.CONFIRM, Move.DISPATCH, Move.ACCEPT, Move.CLOSE, Move.FEED_BACK, Move.HANDLE,
    Move.CONTRIBUTE,
)  # fmt: skip
"""The move the page offers first, if the reader may make it. Before the first visit of a round, that is the visit."""

HANDED_ON = frozenset({
    Move.DISPATCH, Move.TRANSFER, Move.DECLINE, Move.ESCALATE, Move.RETURN, Move.REWORK, Move.REASSIGN,
})  # fmt: skip
"""Moves after which another has it: the record says who."""

MOST_LOOKED_THROUGH = 500

PARTS = {"now": "portal/issue_now.html", "timeline": "portal/issue_timeline.html"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A move this reader may make, with its form. `on_behalf`: entered for whoever has the issue (代办). `at_once`: accepted,
    visited and fed back in one go. `key`: the letter that opens it, where the page has keys."""

    what: Move
    said: words.Said
    form: MoveForm
    submission: str
    on_behalf: bool = False
    at_once: bool = False
    photo_error: str = ""
    before_error: str = ""
    voice_error: str = ""
    phrases: Sequence[str] = ()
    key: str = ""

    @property
    def id(self) -> str:
        if self.at_once:
            return "put-right"
        return f"move-{self.what.value}{'-for' if self.on_behalf else ''}"

    @property
    def text_message(self) -> str:
        """What a text message tells whoever reported it, word for word; empty where none goes out."""
        about = ReporterText.About.ASKED if self.what is Move.ASK else ReporterText.About.ANSWERED
        return reporter_texts.as_sent(about, self.form.issue.number) if self.form.texted else ""

    @property
    def photo_name(self) -> str:
        return "photo_put_right" if self.at_once else f"photo_{self.what.value}"

    @property
    def before_name(self) -> str:
        """The field of the picture of how it was found, empty where this move takes one picture alone."""
        return f"{self.photo_name}_before" if self.what in BEFORE_AND_AFTER else ""

    @property
    def with_picture(self) -> bool:
        return self.what in WITH_PICTURE

    @property
    def voice_name(self) -> str:
        """The field of a voice note, empty where this move takes none."""
        if self.at_once:
            return "voice_put_right"
        return f"voice_{self.what.value}" if self.what in voices.WITH_VOICE else ""


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of the timeline."""

    row: MoveRow
    said: words.Said
    who: str
    to: str
    result: str
    answers: list[str]
    joined: str
    device: str
    voice: str
    told: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as this reader may see it: its reporter masked, with what they added and how they rated the answer.

    To the grid, only that there is one (domain-2026, law 8).
    """

    report: Report
    who: str = ""
    phone: str = ""
    words: str = ""
    photos: Sequence[str] = ()
    additions: Sequence[Addition] = ()
    rated: bool = False


@require_safe
def show(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/`; `part=` answers with a piece that changes by itself."""
    user, now = officer(request), timezone.now()
    issue = seen_by(user, number)
    if request.GET.get("part") in PARTS:
        return render(request, PARTS[request.GET["part"]], as_it_stands(request, issue, user, now))
    return _page(request, issue, user, now)


@require_POST
def make_move(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/moves/`: one move. What is refused comes back with what was typed and what is wrong with it."""
    user, now = officer(request), timezone.now()
    issue = seen_by(user, number)
    try:
        what = Move(request.POST.get("move", ""))
        offer = _offer(what, issue, user, request)
    except (ValueError, KeyError):
        return _page(request, issue, user, now, wrong=_("There is no such step."), status=422)
    if not offer.form.is_valid():
        return _page(request, issue, user, now, sent=offer, status=422)
    try:
        _make(request, issue, user, now, offer)
    except (MoveRefused, SomebodyWasFaster, SubmissionReused, PhotoRefused, VoiceRefused, pictures.NotKept,
            _BeforeRefused) as error:  # fmt: skip
        return _refused(request, issue, user, now, offer, error)
    moved = Issue.objects.select_related("merchant", "lead_unit", "lead_person").get(pk=issue.pk)
    messages.success(request, _done(offer, issue, moved))
    if not Issue.objects.visible_to(user).filter(pk=issue.pk).exists():
        return redirect(addresses.issues())  # it went to another's hands, out of this reader's sight
    return redirect(addresses.issue(number))


def _done(offer: Offer, was: Issue, issue: Issue) -> SafeString:
    """What was just done, to which issue, and who has it now if another: the page one comes to may be the list without it."""
    what = evidence.violation_of(issue).label.text(get_language() or "zh-hans")
    shop = issue.merchant.name if issue.merchant else issue.place
    said = format_html(
        _("{made}: {what} · {shop}"), made=words.MOVES[offer.what].made, what=what, shop=_of_the_county(shop)
    )
    if not issue.is_open or (was.lead_unit_id, was.lead_person_id) == (issue.lead_unit_id, issue.lead_person_id):
        return said
    holder = " · ".join(one.name for one in (issue.lead_unit, issue.lead_person) if one)
    return format_html("{} → {}", said, _of_the_county(holder))


def _of_the_county(name: str) -> SafeString:
    """A name, marked as Chinese on a page of another language."""
    return format_html('<span lang="zh">{}</span>', name)


def seen_by(user: User, number: str) -> Issue:
    """The issue, if this reader may open it. Raises Http404: what one may not see does not exist."""
    rows = Issue.objects.visible_to(user).select_related(
        "merchant__standing", "lead_unit", "lead_person", "joined_into", "supervised_by"
    )
    issue = rows.filter(number=number).first()
    if issue is None:
        raise Http404
    return issue


def _offer(what: Move, issue: Issue, user: User, request: HttpRequest) -> Offer:
    """The move that was sent, bound. Raises KeyError for the first move, which nobody sends."""
    if what is Move.FEED_BACK and request.POST.get("at_once") == "1":
        return _at_once(PutRightForm(issue, user, request.POST), str(submission_of(request)))
    on_behalf = request.POST.get("for") == "1" and what in needs.ENTERED_FOR_OTHERS
    form = MoveForm(what, issue, user, request.POST, on_behalf=on_behalf)
    return Offer(what, words.MOVES[what], form, str(submission_of(request)), on_behalf)


def _at_once(form: PutRightForm, submission: str) -> Offer:
    return Offer(Move.FEED_BACK, words.PUT_RIGHT, form, submission, at_once=True)


class _BeforeRefused(Exception):
    """The first of two pictures was not taken in; why is its cause."""


def _make(request: HttpRequest, issue: Issue, user: User, now: datetime, offer: Offer) -> None:
    """Decode the pictures, then make the move, once; they are kept if the move was made."""
    picture = pictures.sent(request, offer.photo_name) if offer.with_picture else None
    found = pictures.sent(request, offer.before_name) if offer.before_name else None
    shop = issue.merchant.name if issue.merchant else issue.place
    place = issue.merchant.address if issue.merchant else ""
    caption = pictures.caption(shop=shop, at=now, place=place, person=user.name)
    photos = pictures.prepare(picture, caption)
    try:
        before = pictures.prepare(found, caption)
    except PhotoRefused as refused:
        raise _BeforeRefused from refused
    voice = voices.sent(request, offer.voice_name) if offer.voice_name else None
    submission, seen = submission_of(request), request.POST.get("seen", "")
    typed = {name: request.POST.get(name, "") for name in offer.form.fields}
    body = {"issue": issue.number, "move": offer.what, "photo": picture and picture.sha256, **typed}
    if voice:
        body["voice"] = voice.sha256
    if found:
        body["before"] = found.sha256
    taken = picture or found
    position = taken.position if taken else (None, None)

    def do() -> dict[str, object]:
        version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else None
        with (
            pictures.keeping(before, at=now, by=user.pk) as earlier,
            pictures.keeping(photos, at=now, by=user.pk) as names,
            voices.keeping(voice, at=now, by=user.pk) as said,
        ):
            if isinstance(offer.form, PutRightForm):
                visit, outcome = offer.form.split(earlier, names, position)
                visit = replace(visit, voice=said)
                row = at_once.put_right(
                    issue.number, actor=user, at=now, visit=visit, outcome=outcome, seen=version, submission=submission
                )
                return {"version": row.version}
            brought = replace(offer.form.brought(names, position, earlier), voice=said)
            row = moving.move(
                issue.number, offer.what, actor=user, at=now, brought=brought, seen=version, submission=submission
            )
        return {"version": row.version}

    once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)


def _refused(
    request: HttpRequest, issue: Issue, user: User, now: datetime, offer: Offer, error: Exception
) -> HttpResponse:
    """The page as it stands now, with the form that was sent and why it was not taken."""
    status, why = 409, ""
    match error:
        case MoveRefused():
            why, status = str(words.refusal(error)), 409 if error.why in ("state", "person") else 422
        case SomebodyWasFaster():
            why = str(words.faster(error))
        case PhotoRefused() | pictures.NotKept():
            wrong, status = pictures.refusal(error)
            offer = replace(offer, photo_error=wrong)
        case _BeforeRefused(__cause__=PhotoRefused() as cause):
            wrong, status = pictures.refusal(cause)
            offer = replace(offer, before_error=wrong)
        case VoiceRefused():
            offer, status = replace(offer, voice_error=voices.refusal(error)), 422
        case _:
            why = _("This form was sent before with other words. Reload the page and send it again.")
    if why:
        offer.form.add_error(None, why)
    return _page(request, seen_by(user, issue.number), user, now, sent=offer, status=status)


@require_POST
def number_elsewhere(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/elsewhere/`: under which number it stands in another system; none takes it away."""
    user, now = officer(request), timezone.now()
    issue = seen_by(user, number)
    form, submission = OtherNumberForm(request.POST, auto_id="elsewhere-%s"), submission_of(request)
    if not form.is_valid():
        return _page(request, issue, user, now, numbered=form, status=422)
    system, other = form.other

    def do() -> dict[str, object]:
        row = elsewhere.note(number, system, other, actor=user, at=now, submission=submission)
        return {"version": row.version}

    try:
        with elsewhere.claimed_once(system, other):
            once(submission, actor=f"user:{user.pk}", body={"issue": number, "other": [system, other]}, at=now, do=do)
    except elsewhere.OtherNumberTaken as taken:
        form.refuse(taken.number)
    except MoveRefused as error:
        form.add_error(None, str(words.refusal(error)))
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
    if form.errors:
        return _page(request, seen_by(user, number), user, now, numbered=form, status=409)
    return redirect(addresses.issue(number))


@require_POST
def case_result(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/case/`: what came of the case that was filed."""
    user, now = officer(request), timezone.now()
    issue = seen_by(user, number)
    if not cases.may_record(issue, user):
        raise PermissionDenied
    form, submission = CaseResultForm(request.POST, auto_id="case-%s"), submission_of(request)
    if not form.is_valid():
        return _page(request, issue, user, now, case_form=form, status=422)

    def do() -> dict[str, object]:
        return {
            "version": cases.record_result(number, form.result(), actor=user, at=now, submission=submission).version
        }

    try:
        body = {"issue": number, **{name: request.POST.get(name, "") for name in form.fields}}
        once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
    except cases.ResultRefused as refused:
        form.refuse(refused)
    except MoveRefused as error:
        form.add_error(None, str(words.refusal(error)))
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
    if form.errors:
        return _page(request, seen_by(user, number), user, now, case_form=form, status=422)
    return redirect(addresses.issue(number))


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(
    request: HttpRequest,
    issue: Issue,
    user: User,
    now: datetime,
    *,
    sent: Offer | None = None,
    numbered: OtherNumberForm | None = None,
    case_form: CaseResultForm | None = None,
    wrong: str = "",
    status: int = 200,
) -> HttpResponse:
    may = what_may_be_done(issue, user, now, sent)
    catalogues = edition(issue.edition).catalogues
    context = {
        **as_it_stands(request, issue, user, now),
        **may,
        "number_form": numbered
        or OtherNumberForm(
            initial={"other_system": issue.other_system, "other_number": issue.other_number}, auto_id="elsewhere-%s"
        ),
        "case_form": case_form
        or (CaseResultForm(auto_id="case-%s") if issue.case_number and cases.may_record(issue, user) else None),
        "wrong": wrong,
        "sent": sent is not None,
        "candidates": _candidates(may["shops"], issue),
        "why": _why(issue, catalogues),
        "devices": Device.objects.filter(merchant=issue.merchant_id) if issue.merchant_id else [],
        "foretold": behind_issue(issue.number, user) if issue.source == Source.FORECAST else (),
        "alarm": Alarm.objects.filter(pk=issue.alarm_id).select_related("device").first() if issue.alarm_id else None,
        "private_notes": private_notes(issue, user),
        "private_form": PrivateNoteForm(),
        "may_dispatch": user.authority.may("issues.dispatch"),
        "may_inspect": user.authority.may("issues.inspect"),
        "inspected": card(issue.merchant, user, now) if issue.merchant else None,
        "inspect_url": f"{addresses.issue(issue.number)}inspection/" if may_inspect_on(user, issue) else "",
        "next": _next(issue, user),
        "look": looking_pages.card(issue, user, now),
        "instructs": order_asked.is_leader(user.authority),
        "enters_orders": orders.is_county(user),
        "instructions": order_asked.orders_about(user, issue=issue.pk),
        "pulse": str(head()),
    }
    return render(request, "portal/issue.html", context, status=status)


def what_may_be_done(issue: Issue, user: User, now: datetime, sent: Offer | None = None) -> dict[str, Any]:
    """The moves this reader may make, the one to make next apart from the others, and what their forms propose. `sent`: the
    form that was not taken."""
    offers = _with_phrases(_offers(issue, user), issue, user, now)
    if sent:
        (sent,) = _with_phrases([sent], issue, user, now)
    short = (
        _with_phrases([_at_once(PutRightForm(issue, user), "")], issue, user, now) if may_put_right(issue, user) else []
    )
    first = sent or _primary(offers, issue)
    return {
        "first": first,
        "others": [offer for offer in [*short, *offers] if first is None or offer.id != first.id],
        "may_number": any(offer.what is Move.NOTE for offer in offers),
        "suggestions": queries.suggestions(issue, user) if any(offer.what is Move.JOIN for offer in offers) else [],
        "shops": queries.shops_nearby(issue, user) if issue.merchant_id is None and offers else [],
        "shop": issue.merchant.name if issue.merchant else issue.place,
    }


def _next(issue: Issue, user: User) -> str:
    """The number of the issue to go on with: of those where the ball is with this person, the one due after this one, or,
    once this one has left their hands, the first; empty if there is no other."""
    rows = queries.mine(user).order_by("step_due_at", "pk").values_list("number", flat=True)[:MOST_LOOKED_THROUGH]
    held = list(rows)
    after = held[held.index(issue.number) + 1 :] if issue.number in held else []
    return next((number for number in [*after, *held] if number != issue.number), "")


def _with_phrases(offers: list[Offer], issue: Issue, user: User, now: datetime) -> list[Offer]:
    """The offers, each with the words its form has to tap."""
    said = {offer.id: Move.HANDLE if offer.at_once else offer.what for offer in offers}
    found = phrases.offers([*said.values()], issue, user, get_language() or "zh-hans", now)
    return [replace(offer, phrases=found.get(said[offer.id], ())) for offer in offers]


def as_it_stands(request: HttpRequest, issue: Issue, user: User, now: datetime) -> dict[str, Any]:
    """What changes while the page is open: state, holder, clocks, reports, timeline."""
    catalogues = edition(issue.edition).catalogues
    violation = catalogues.violation(issue.violation)
    reminders = {rule.id: rule.label for rule in catalogues.escalation}
    rests = {row.id: row for row in catalogues.deadlines.suspending}
    parts = queries.parts(issue) if issue.flow == FlowChoice.JOINT else []
    names = disputes.names_of(parts)
    happened, reports = (
        [_line(row, catalogues, violation, names) for row in queries.timeline(issue, user)],
        _reports(issue, user),
    )
    return {
        "issue": issue,
        "call_reporters": any(row.phone for row in reports) and reporters.callable_by(user, issue),
        **_to_check(issue, happened),
        "violation": violation,
        "steps": words.steps(State(issue.state)),
        "late": resting.is_late(issue, now),
        "ball": queries.ball(issue),
        "parts": parts,
        "disputes": disputes.disputes(parts, [line.row for line in happened]),
        "rest": rests.get(issue.suspended_for),
        "warned": [(reminders.get(row.rule), row) for row in issue.reminders.order_by("passed_at", "id")],
        "town": town_names().get(issue.town, ""),
        "happened": happened,
        "case": cases.of_rows(line.row for line in happened),
        "calls": hands.calls([issue], user, now)[issue.pk] if issue.is_open else [],
        "way": hands.way_to(issue, request.headers.get("User-Agent", "")),
        "for_wechat": hands.for_wechat(issue, violation),
        "picture": hands.latest_picture(line.row for line in happened),
        "other_system": elsewhere.system_name(issue.other_system, get_language() or "zh-hans"),
        "reports": reports,
        "album": _from_the_album(happened, reports),
        "now": now,
    }


def _from_the_album(happened: list[Happened], reports: list[Reported]) -> set[str]:
    """Which of the pictures shown were not taken on the spot, by their names."""
    shown = [photo for line in happened for photo in line.row.photos]
    shown += [
        photo for row in reports for photo in (*row.photos, *(one for more in row.additions for one in more.photos))
    ]
    return not_on_the_spot(shown)


def _offers(issue: Issue, user: User) -> list[Offer]:
    """Every move the table gives this reader, and what a dispatcher may enter for whoever has the issue."""
    state, level, situation = State(issue.state), Level(issue.level), queries.situation(issue)
    own = relations(user.pk, user.authority, situation.held)
    made = [(what, False) for what in moves_from(state, level, own, situation.marks)]
    if By.DISPATCHER in own and By.ASSIGNEE not in own:
        given = moves_from(state, level, frozenset({By.ASSIGNEE}), situation.marks)
        made += [(what, True) for what in given if what in needs.ENTERED_FOR_OTHERS]
    offers = []
    for what, on_behalf in made:
        form = MoveForm(what, issue, user, on_behalf=on_behalf)
        if form.has_nothing_to_choose:
            continue
        offers.append(Offer(what, words.MOVES[what], form, "", on_behalf))
    return offers


def _primary(offers: Iterable[Offer], issue: Issue) -> Offer | None:
    """The one thing to do next, if it is this reader's to do."""
    own = {offer.what: offer for offer in offers if not offer.on_behalf}
    order = list(PRIMARY)
    if issue.state == State.HANDLING and not queries.this_round(issue).filter(move=Move.HANDLE).exists():
        order.insert(0, Move.HANDLE)
    return next((own[what] for what in order if what in own), None)


def _to_check(issue: Issue, happened: list[Happened]) -> dict[str, object]:
    """What whoever checks must look at: the feedback, and the pictures of this round."""
    if issue.state != State.RECHECK:
        return {}
    since = next((n for n, line in enumerate(happened) if line.row.move == Move.REOPEN), len(happened))
    round_ = happened[:since]
    worked = [line for line in round_ if line.row.move in (Move.HANDLE, Move.FEED_BACK)]
    return {
        "fed_back": next(line for line in round_ if line.row.move == Move.FEED_BACK),
        "visits": [line for line in reversed(worked) if line.row.move == Move.HANDLE and line.row.words],
        "evidence": [photo for line in reversed(worked) for photo in line.row.photos],
        "found_so": [photo for line in worked for photo in line.row.data.get("before", ())],
    }


def _line(row: MoveRow, catalogues: Catalogues, violation: Violation, names: Mapping[int, str]) -> Happened:
    actor, language = row.actor.name if row.actor else str(_outsider(row)), get_language() or "zh-hans"
    who = _("%(who)s for %(other)s") % {"who": actor, "other": row.on_behalf_of.name} if row.on_behalf_of else actor
    handed = row.to_unit if row.move in HANDED_ON else None
    to = " · ".join(one.name for one in (handed, row.to_person if handed else None) if one)
    return Happened(
        row=row,
        said=words.made(row),
        who=f"{row.actor_unit.name} · {who}" if row.actor_unit else who,
        to=to,
        result=row.get_result_display() if row.result else "",
        answers=list(dict.fromkeys(row.data.get("answers", {}).values())),
        joined=row.data.get("joined") or row.data.get("into") or row.data.get("from") or "",
        device=row.data.get("device", ""),
        voice=row.data.get("voice", ""),
        told=[
            *evidence.told_lines(violation, row.data, language),
            *cases.told_lines(row.data),
            *amended.told_lines(row.data, catalogues, language),
            *brought_again.told_lines(row.data),
            *disputes.told_lines(row, names),
        ],
    )


def _outsider(row: MoveRow) -> str | Promise:
    """Who made a move that nobody with an account made."""
    if row.move == Move.ADD or row.data.get("by") == "reporter":
        return gettext_lazy("the reporter")
    if row.move != Move.REPORT:
        return words.SYSTEM
    return gettext_lazy("a device") if "device" in row.data else gettext_lazy("the public")


def _reports(issue: Issue, user: User) -> list[Reported]:
    """People's reports. Who may not read them is told when they came and how they were answered."""
    rows = issue.reports.order_by("reported_at").prefetch_related("additions")
    readable = set(Report.objects.visible_to(user).filter(issue=issue).values_list("pk", flat=True))
    return [_read(row) if row.pk in readable else Reported(row) for row in rows]


def _read(row: Report) -> Reported:
    return Reported(
        row,
        mask_name(row.reporter_name),
        mask_phone(row.reporter_phone),
        row.words,
        row.photos,
        list(row.additions.all()),
        rated=row.stars is not None,
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A shop the issue may be about, and what its device measured in the hour it was so: ten-minute means, mg/m³."""

    merchant: Merchant
    means: list[Mean]

    @property
    def highest(self) -> float | None:
        return max((mean.value for mean in self.means), default=None)


def _candidates(shops: list[Merchant], issue: Issue) -> list[Candidate]:
    means = hour_means([shop.pk for shop in shops], issue.act_at) if shops else {}
    return [Candidate(shop, means.get(shop.pk, [])) for shop in shops]


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule of routing that was tried, in words."""

    label: Label | None
    rule: str
    fits: bool
    condition: str | Promise
    wanted: str
    found: str


CONDITIONS: dict[str, str | Promise] = {
    "source": gettext_lazy("source"),
    "violation": gettext_lazy("what is wrong"),
    "violation_kind": gettext_lazy("lead or finding"),
    "severity_at_least": gettext_lazy("severity at least"),
    "merchant_known": gettext_lazy("merchant known"),
    "town_known": gettext_lazy("town known"),
    "grid_known": gettext_lazy("grid known"),
    "earlier_in_90_days_at_least": gettext_lazy("earlier ones in 90 days at least"),
    "towns_at_once_at_least": gettext_lazy("towns at once at least"),
    "towns": gettext_lazy("town"),
    "merchant_kinds": gettext_lazy("kind of shop"),
    "near_key_place": gettext_lazy("near a key place"),
    "hours": gettext_lazy("hour of the day"),
}


def _why(issue: Issue, catalogues: Catalogues) -> list[Tried]:
    """Why it went where it went: each rule that was tried, and the condition that failed."""
    labels = {rule.id: rule.label for rule in catalogues.routing}
    return [
        Tried(
            label=labels.get(row["rule"]),
            rule=row["rule"],
            fits=not row["failed"],
            condition=CONDITIONS.get(row["failed"], row["failed"]),
            wanted=_value(row["failed"], row["wanted"]),
            found=_value(row["failed"], row["found"]),
        )
        for row in issue.routing_why.get("tried", [])
    ]


def _value(condition: str, text: str) -> str:
    """A value of the trace in the reader's language; ids and numbers stay as they are."""
    known: dict[str, str | Promise] = {"yes": _("yes"), "no": _("no"), "lead": _("lead"), "finding": _("finding")}
    if condition == "source":
        known = dict(Source.choices)
    return ", ".join(str(known.get(part, part)) for part in text.split(", "))
