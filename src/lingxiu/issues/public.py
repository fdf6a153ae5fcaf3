"""What people outside send and see: a complaint by a code or by a place, what became of it, and what they say to that.

Thin: count, parse, call, render. Never shows an officer's name or words, the shop's side, or anything of another reporter.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from lingxiu.accounts.models import User
from lingxiu.accounts.sessions import network_address
from lingxiu.files.photos import PhotoRefused
from lingxiu.issues import outside, pictures, queries, reporters, words
from lingxiu.issues.actions import reports
from lingxiu.issues.lifecycle import Move, MoveRefused, State
from lingxiu.issues.limits import MOST_BYTES, TooManyPosts, count_post
from lingxiu.issues.models import Issue, Report
from lingxiu.issues.report_forms import AddForm, AgainForm, LostForm, RateForm, ReportForm
from lingxiu.issues.views import View, chosen_merchant, shop_search, submission_of
from lingxiu.issues.writing import SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.merchants.models import Code, Merchant
from lingxiu.policy.queries import edition, in_force
from lingxiu.ui import addresses

Text = str | Promise


def _within_size(view: View) -> View:
    """Refuse what is too large before any of it is read. CSRF protection reads the form, so it stands inside."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
            return render(request, "issues/too_large.html", {"megabytes": MOST_BYTES // 1024 // 1024}, status=413)
        return protected(request, *args, **kwargs)

    return checked


def _too_many() -> str:
    return _("Very many reports came from your network today. Try again tomorrow, or call 12345.")


def _sent_before() -> str:
    return _("This form was sent before with other words. Reload the page and send it again.")


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


@_within_size
@require_http_methods(["GET", "HEAD", "POST"])
def complain(request: HttpRequest) -> HttpResponse:
    """`/complain/`: about a place whose shop is not known. Officers who take calls enter them here too, with a shop if known."""
    user = request.user if isinstance(request.user, User) else None
    recorder = user if user and user.authority.may("issues.record_report") else None
    merchant = chosen_merchant(request, recorder) if recorder else None
    return _take_report(request, merchant, recorder)


@_within_size
@require_http_methods(["GET", "HEAD", "POST"])
def complain_about(request: HttpRequest, token: str) -> HttpResponse:
    """`/m/<token>/complain/`: about the shop whose code was scanned."""
    code = Code.objects.select_related("merchant").filter(token=token).first()
    if code is None:
        raise Http404
    if code.revoked_at is not None:
        return redirect(addresses.code(token))
    return _take_report(request, code.merchant, None)


def _take_report(request: HttpRequest, merchant: Merchant | None, recorder: User | None) -> HttpResponse:
    now = timezone.now()
    texts = reporters.texts_are_sent()
    form = ReportForm(request.POST or None, at=now, merchant=merchant, recording=recorder is not None, texts=texts)
    context: dict[str, Any] = {
        "form": form,
        "merchant": merchant,
        "recording": recorder is not None,
        "submission": submission_of(request),
        "here": request.path,
    }
    if request.method != "POST":
        search = shop_search(request, recorder) if recorder and merchant is None else {}
        return render(request, "issues/complain.html", {**context, **search})
    if not form.is_valid():
        return render(request, "issues/complain.html", context, status=422)
    try:
        if recorder and (alike := _not_chosen_yet(form, merchant, recorder, now)):
            return render(request, "issues/complain.html", {**context, "alike": alike}, status=422)
        kept = _keep_report(request, form, merchant, recorder, context["submission"], now)
    except _REFUSED as error:
        return _report_refused(request, context, form, error)
    return redirect(addresses.issue(kept["number"]) if recorder else addresses.report(kept["token"]))


_REFUSED = (
    PhotoRefused, pictures.NotKept, TooManyPosts, SubmissionReused, reports.OwnNumberKnown, MoveRefused, SomebodyWasFaster
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alike:
    """An open issue a call may be about as well, as the officer who enters it is shown it."""

    issue: Issue
    what: str


def _not_chosen_yet(form: ReportForm, merchant: Merchant | None, recorder: User, now: datetime) -> list[Alike]:
    """What it may belong to, unless the officer has said: nothing is made before they have. Raises OwnNumberKnown."""
    said = _said(form, merchant, ())
    reports.refuse_known(said)
    if form.cleaned_data["same"]:
        return []
    area = said.town or (merchant.town if merchant else "")
    about = queries.About(said.violation, merchant.pk if merchant else None, area, said.place, now)
    found = queries.alike(about, recorder)
    language = get_language() or "zh-hans"
    labels = {row.id: row.label.text(language) for row in in_force().catalogues.violations}
    return [Alike(issue, labels.get(issue.violation, issue.violation)) for issue in found]


def _keep_report(
    request: HttpRequest,
    form: ReportForm,
    merchant: Merchant | None,
    recorder: User | None,
    submission: uuid.UUID,
    now: datetime,
) -> dict[str, str]:
    """Count it, decode its picture, then keep both, once. What is refused was counted: a refusal costs us as much.

    Raises: _REFUSED.
    """
    if recorder is None:
        count_post(network_address(request), now)
    by = recorder.pk if recorder else None
    picture = pictures.sent(request, "photo")
    shop = merchant.name if merchant else form.cleaned_data["place"]
    photos = pictures.prepare(picture, pictures.caption(shop=shop, at=now))
    body = {**form.cleaned_data, "merchant": merchant and merchant.pk, "photo": picture and picture.sha256}
    same = form.cleaned_data.get("same", "")

    def do() -> dict[str, object]:
        with pictures.keeping(photos, at=now, by=by) as names:
            row = reports.take_report(
                _said(form, merchant, names),
                at=now,
                recorded_by=recorder,
                submission=submission,
                into="" if same == form.NEW else same,
            )
            return {"token": row.token, "number": row.issue.number}

    result, _first = once(submission, actor=f"user:{by}" if recorder else "public", body=body, at=now, do=do)
    return result


def _report_refused(request: HttpRequest, context: dict[str, Any], form: ReportForm, error: Exception) -> HttpResponse:
    status = 422
    match error:
        case PhotoRefused() | pictures.NotKept():
            context["photo_error"], status = pictures.refusal(error)
        case TooManyPosts():
            status = 429
            form.add_error(None, _too_many())
        case reports.OwnNumberKnown():
            form.add_error("own_number", _("This number was entered before, with issue %s.") % error.number)
        case MoveRefused() | SomebodyWasFaster():
            status = 409
            form.add_error(None, _("That issue has moved on or ended meanwhile. Send it once more to choose again."))
        case _:
            status = 409
            form.add_error(None, _sent_before())
    return render(request, "issues/complain.html", context, status=status)


def _said(form: ReportForm, merchant: Merchant | None, photos: tuple[str, ...]) -> reports.Said:
    data = form.cleaned_data
    label = in_force().catalogues.violation(data["violation"]).label.zh
    return reports.Said(
        source=data.get("source", "public"),
        violation=data["violation"],
        words=data["words"] or label,
        seen_at=data["seen_at"],
        merchant=merchant,
        place=data.get("place", ""),
        town=data.get("town", ""),
        lng=data.get("lng"),
        lat=data.get("lat"),
        name=data.get("name", ""),
        phone=data["phone"],
        own_number=data.get("own_number", ""),
        photos=photos,
    )


# ── the address was lost ──


@require_http_methods(["GET", "HEAD", "POST"])
def find_report(request: HttpRequest) -> HttpResponse:
    """`/complain/find/`: number and phone, for who lost the address of their report. It comes by text message alone, and what is
    said here is the same whether there is such a report or not; where no texts are sent, what else there is to do."""
    now, form = timezone.now(), LostForm(request.POST or None)
    if not reporters.texts_are_sent():
        return render(request, "issues/find_report.html", {"no_texts": True})
    if request.method != "POST":
        return render(request, "issues/find_report.html", {"form": form})
    if not form.is_valid():
        return render(request, "issues/find_report.html", {"form": form}, status=422)
    try:
        count_post(network_address(request), now)
    except TooManyPosts:
        form.add_error(None, _too_many())
        return render(request, "issues/find_report.html", {"form": form}, status=429)
    reporters.ask_for_address(form.cleaned_data["number"], form.cleaned_data["phone"], at=now)
    return render(request, "issues/find_report.html", {"form": None})


# ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────


@_within_size
@require_http_methods(["GET", "HEAD", "POST"])
def fate(request: HttpRequest, token: str) -> HttpResponse:
    """`/r/<token>`: what became of my report, in plain words, and what I have to say to it."""
    report = get_object_or_404(Report.objects.select_related("issue", "merchant"), token=token)
    now = timezone.now()
    if request.method != "POST":
        return _show_fate(request, report, now)
    saying = SAYINGS.get(request.POST.get("what", ""))
    if saying is None:
        return _show_fate(request, report, now, status=422)
    form = saying.form(request.POST)
    if not form.is_valid():
        return _show_fate(request, report, now, sent={saying.what: form}, status=422)
    try:
        _keep_saying(request, report, saying, form, now)
    except _UNSAID as error:
        return _saying_refused(request, report, saying, form, now, error)
    return redirect(addresses.report(token))


Say = Callable[[Report, dict[str, Any], tuple[str, ...], datetime, uuid.UUID], object]


@dataclass(frozen=True, slots=True)
class Saying:
    """One thing a reporter can do on the page of their report: its form, and the verb."""

    what: str
    form: type[forms.Form]
    do: Say


SAYINGS: dict[str, Saying] = {
    saying.what: saying
    for saying in (
        Saying(
            "add", AddForm,
            lambda report, said, photos, at, submission: reporters.add(
                report, said["words"], at=at, photos=photos, submission=submission
            ),
        ),
        Saying(
            "rate", RateForm,
            lambda report, said, photos, at, submission: reporters.rate(report, said["stars"], said["words"], at=at),
        ),
        Saying(
            "reopen", AgainForm,
            lambda report, said, photos, at, submission: reporters.reopen(
                report, said["words"], at=at, submission=submission
            ),
        ),
    )
}  # fmt: skip

_UNSAID = (
    PhotoRefused, pictures.NotKept, TooManyPosts, SubmissionReused, MoveRefused, SomebodyWasFaster,
    reporters.TooManyAdditions, reporters.NotAnsweredYet,
)  # fmt: skip


def _keep_saying(request: HttpRequest, report: Report, saying: Saying, form: forms.Form, now: datetime) -> None:
    """Count it, decode its picture, then do it, once. Raises: _UNSAID."""
    count_post(network_address(request), now)
    picture = pictures.sent(request, "photo") if saying.what == "add" else None
    shop = report.merchant.name if report.merchant else report.place
    photos = pictures.prepare(picture, pictures.caption(shop=shop, at=now))
    submission = submission_of(request)
    body = {"what": saying.what, **form.cleaned_data, "photo": picture and picture.sha256}

    def do() -> dict[str, object]:
        with pictures.keeping(photos, at=now, by=None) as names:
            saying.do(report, form.cleaned_data, names, now, submission)
        return {}

    once(submission, actor=f"report:{report.pk}", body=body, at=now, do=do)


def _saying_refused(
    request: HttpRequest, report: Report, saying: Saying, form: forms.Form, now: datetime, error: Exception
) -> HttpResponse:
    status, photo_error, why = 409, "", ""
    match error:
        case PhotoRefused() | pictures.NotKept():
            photo_error, status = pictures.refusal(error)
        case TooManyPosts():
            why, status = _too_many(), 429
        case reporters.TooManyAdditions():
            why = _("You have added very often. Call 12345 if there is more to say.")
        case MoveRefused() if error.why == "time":
            why = str(words.refusal(error))
        case SubmissionReused():
            why = _sent_before()
        case _:
            why = _("Your report has moved on meanwhile. Look what is new above, then go on.")
    if why:
        form.add_error(None, why)
    report.refresh_from_db()
    return _show_fate(request, report, now, sent={saying.what: form}, photo_error=photo_error, status=status)


def _show_fate(
    request: HttpRequest,
    report: Report,
    now: datetime,
    *,
    sent: dict[str, forms.Form] | None = None,
    photo_error: str = "",
    status: int = 200,
) -> HttpResponse:
    issue: Issue = report.issue
    sent = sent or {}
    additions = list(report.additions.all())
    context = {
        "report": report,
        "issue": issue,
        "what": edition(issue.edition).catalogues.violation(issue.violation).label,
        "steps": _plain_steps(report),
        "happened": _told(report),
        "additions": additions,
        "add": sent.get("add") or _offered(AddForm(), issue.is_open and len(additions) < reporters.MOST_ADDITIONS),
        "rate": sent.get("rate") or _offered(_rating(report), report.answered_at is not None and not issue.is_open),
        "reopen": sent.get("reopen") or _offered(AgainForm(), reporters.may_reopen(report, now)),
        "sent": next(iter(sent), ""),
        "reopen_until": reporters.reopen_until(report),
        "photo_error": photo_error,
        "texted": reporters.written_to([report]),
        "address": request.build_absolute_uri(addresses.report(report.token)),
    }
    response = render(request, "issues/fate.html", context, status=status)
    response["X-Robots-Tag"] = "noindex"
    response["Cache-Control"] = "no-store"
    return response


def _offered(form: forms.Form, is_so: bool) -> forms.Form | None:
    return form if is_so else None


def _rating(report: Report) -> RateForm:
    return RateForm(initial={"stars": report.stars, "words": report.rating_words})


def _plain_steps(report: Report) -> list[dict[str, object]]:
    """Received, looked into, answered: all that somebody outside needs to know of our states."""
    issue = report.issue
    looked_into = issue.state in (State.DISPATCHED, State.HANDLING, State.RECHECK)
    at = 2 if report.answered_at and not issue.is_open else 1 if looked_into else 0
    names = [_("Received"), _("Being looked into"), _("Answered")]
    return [
        {"label": label, "state": "done" if n < at or at == 2 else "now" if n == at else "todo"}
        for n, label in enumerate(names)
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """A step as somebody outside is told of it."""

    at: datetime
    words: Text
    icon: str
    tone: str
    said: str = ""


def _told(report: Report) -> list[Told]:
    """Step by step, the newest first."""
    rows = report.issue.moves.filter(at__gte=report.reported_at).order_by("version").values_list("move", "at", "data")
    told = [Told(report.reported_at, _("We have received your report"), "flag", "received")]
    for move, at, data in rows:
        plain = outside.told(Move(move), data, report.pk)
        if plain:
            said = data.get("answers", {}).get(str(report.pk), "") if move == Move.ANSWER else ""
            told.append(Told(at, *plain, said=said))
    return told[::-1]
