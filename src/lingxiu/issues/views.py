"""Pages of the list, an officer's find, and what the public sends and sees. Thin: parse, authorise, call, render."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.accounts.sessions import network_address
from lingxiu.files.photos import PhotoRefused
from lingxiu.issues import actions, pictures, queries
from lingxiu.issues.export import MOST_ROWS, write_sheet
from lingxiu.issues.filters import Filter, matching, page, total, within
from lingxiu.issues.forms import FindForm, ReportForm
from lingxiu.issues.kept import SavedView
from lingxiu.issues.lifecycle import State
from lingxiu.issues.limits import MOST_BYTES, TooManyPosts, count_post
from lingxiu.issues.models import FlowChoice, Issue, LevelChoice, Report, Source, StateChoice
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.journal.queries import head
from lingxiu.merchants.models import Code, Merchant
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.schema import Label, Sight
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses

View = Callable[..., HttpResponse]
SHOWN_CHARACTERS = 40
MOST_VIEWS_SHOWN = 100


def officer(request: HttpRequest) -> User:
    """Who asks, if they are an officer who sees issues; for all others these pages do not exist. Raises Http404."""
    user = request.user
    if not isinstance(user, User) or not user.authority.is_officer or user.authority.farthest("issues") is Sight.NONE:
        raise Http404
    return user


def submission_of(request: HttpRequest) -> uuid.UUID:
    """The UUID the form was sent with; a new one where none of ours came."""
    try:
        return uuid.UUID(request.POST.get("submission", ""))
    except ValueError:
        return uuid.uuid4()


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def issue_list(request: HttpRequest) -> HttpResponse:
    """`/issues/`: mine, my unit's, all; filtered, searched, by pages; `part=list` answers with the live part alone."""
    user, now = officer(request), timezone.now()
    views = _views(user)
    wanted = Filter.read(request.GET, default_view=views[0])
    found = matching(wanted, user, now)
    shown = page(found, wanted, request.GET)
    counts = queries.counts(user, now, within(wanted.view, user))
    part = request.GET.get("part") == "list"
    here = {key: request.GET[key] for key in ("after", "before") if key in request.GET}
    context = {
        "wanted": wanted,
        "page": shown,
        "rows": rows_of(shown.rows, now),
        "ticks": user.authority.may("issues.dispatch"),
        "total": total(found),
        "counts": counts,
        "links": _links(wanted),
        "tabs": _tabs(wanted, views, counts.open),
        "towns": _towns(user),
        "handles": user.authority.may("issues.handle"),
        "now": now,
        "live": urlencode({**wanted.query, **here, "part": "list"}),
        "pulse": "" if part else str(head()),
    }
    if part:
        return render(request, "issues/list_part.html", context)
    kept = {"saved_views": SavedView.objects.visible_to(user).select_related("shared_with")[:MOST_VIEWS_SHOWN]}
    return render(request, "issues/list.html", {**context, **_choices(wanted, user), **kept})


def rows_of(issues: list[Issue], now: datetime) -> list[dict[str, object]]:
    """The rows of a page as plain values: words looked up once, times written once; a template spends longer on both."""
    language = get_language() or "zh-hans"
    violations = {row.id: row.label for row in in_force().catalogues.violations}
    states = {value: str(label) for value, label in StateChoice.choices}
    return [
        {
            "number": issue.number,
            "version": issue.version,
            "what": violations[issue.violation].text(language) if issue.violation in violations else issue.violation,
            "summary": _beside(issue.summary, violations.get(issue.violation)),
            "where": issue.merchant.name if issue.merchant else issue.place,
            "state": issue.state,
            "state_word": states[issue.state],
            "holder": " · ".join(one.name for one in (issue.lead_unit, issue.lead_person) if one),
            "late": issue.closed_at is None and issue.step_due_at < now,
            "provisional": issue.due_provisional,
            "reported": _time(issue.reported_at),
            "due": _time(issue.step_due_at) if issue.closed_at is None else None,
            "ended": _time(issue.closed_at) if issue.closed_at else None,
        }
        for issue in issues
    ]


def _beside(summary: str, what: Label | None) -> str:
    """What is said of an issue, unless that is what is wrong once more; cut to fit a row."""
    if what is not None and summary == what.zh:
        return ""
    return summary if len(summary) <= SHOWN_CHARACTERS else f"{summary[:SHOWN_CHARACTERS]}…"


def _time(at: datetime) -> dict[str, str]:
    """A time for machines and for people, in the county."""
    local = timezone.localtime(at)
    return {"iso": local.isoformat(), "text": f"{local:%Y-%m-%d %H:%M}"}


def _views(user: User) -> list[str]:
    """The views of this reader, the first being where they start."""
    authority = user.authority
    if authority.may("issues.handle"):
        return ["mine", "unit", "all"]
    if authority.may("issues.dispatch"):
        return ["unit", "mine", "all"]
    return ["all"]


def _tabs(wanted: Filter, views: list[str], count: int) -> list[dict[str, object]]:
    """Mine, my unit's, all. A view that holds open issues only is counted; what is shown of all, the pager says."""
    words = {"mine": _("With me"), "unit": _("My unit's"), "all": _("All")}
    order = [view for view in ("mine", "unit", "all") if view in views]
    return [
        {
            "label": words[view],
            "url": f"?view={view}",
            "active": view == wanted.view,
            "count": count if view == wanted.view != "all" else None,
        }
        for view in order
    ]


def _links(wanted: Filter) -> dict[str, str]:
    """Where each count of the list leads."""
    plain = Filter(view=wanted.view)
    return {
        "received": f"?{plain.but(state=State.RECEIVED)}",
        "recheck": f"?{plain.but(state=State.RECHECK)}",
        "handling": f"?{plain.but(state=State.HANDLING)}",
        "dispatched": f"?{plain.but(state=State.DISPATCHED)}",
        "due_today": f"?{plain.but(due_today=True)}",
        "late": f"?{plain.but(late=True)}",
        "open": f"?{plain.but(state='open')}",
        "reset": f"?{plain.but(sort=wanted.sort)}",
        "here": wanted.but(),
        "new": f"?{wanted.but(sort='new')}",
        "due": f"?{wanted.but(sort='due')}",
        "export": f"/issues/export.xlsx?{wanted.but()}",
        "sheet": f"/issues/sheet.xlsx?{wanted.but()}",
        "keep": f"/issues/views/?{wanted.but()}",
        "all": f"/issues/bulk/?{wanted.but()}&all=1",
    }


def _towns(user: User) -> dict[str, str]:
    """Towns to filter by, for those who see more than one."""
    return town_names() if user.authority.farthest("issues") in (Sight.COUNTY, Sight.UNIT) else {}


def _choices(wanted: Filter, user: User) -> dict[str, object]:
    shop = Merchant.objects.visible_to(user).filter(pk=wanted.merchant).first() if wanted.merchant else None
    return {
        "states": [("open", _("not ended yet")), *StateChoice.choices, ("ended", _("ended"))],
        "levels": LevelChoice.choices,
        "flows": FlowChoice.choices,
        "sources": Source.choices,
        "violations": in_force().catalogues.violations,
        "shop": shop,
        "may": {verb: user.authority.may(f"issues.{verb}") for verb in ("find", "record_report", "export")},
        "most_rows": MOST_ROWS,
    }


@require_safe
def export(request: HttpRequest) -> FileResponse:
    """`/issues/export.xlsx`: what the same filter shows, as a sheet."""
    user, now = officer(request), timezone.now()
    if not user.authority.may("issues.export"):
        raise PermissionDenied
    wanted = Filter.read(request.GET)
    sheet = write_sheet(matching(wanted, user, now), now)
    name = f"issues-{timezone.localtime(now):%Y%m%d-%H%M}.xlsx"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return FileResponse(sheet, as_attachment=True, filename=name, content_type=kind)


# ── an officer's find ────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def new_find(request: HttpRequest) -> HttpResponse:
    """`/issues/new/`: what is wrong, a picture, sent. The shop comes with the address, or is searched for."""
    user, now = officer(request), timezone.now()
    if not user.authority.may("issues.find"):
        raise PermissionDenied
    merchant = _chosen_merchant(request, user)
    form = FindForm(request.POST or None, at=now, merchant=merchant)
    context: dict[str, Any] = {"form": form, "merchant": merchant, "submission": submission_of(request), "user": user}
    if request.method != "POST":
        return render(request, "issues/new.html", {**context, **_shop_search(request, user)})
    if not form.is_valid():
        return render(request, "issues/new.html", context, status=422)
    try:
        number = _keep_find(request, form, merchant, user, context["submission"], now)
    except (PhotoRefused, pictures.NotKept) as refused:
        why, status = pictures.refusal(refused)
        return render(request, "issues/new.html", {**context, "photo_error": why}, status=status)
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
        return render(request, "issues/new.html", context, status=409)
    return redirect(addresses.issue(number))


def _keep_find(
    request: HttpRequest, form: FindForm, merchant: Merchant | None, user: User, submission: uuid.UUID, now: datetime
) -> str:
    """Decode the picture, then make the issue, once. Returns its number. Raises PhotoRefused, NotKept, SubmissionReused."""
    said, place = form.cleaned_data, form.cleaned_data.get("place", "")
    picture = pictures.sent(request, "photo")
    shop = merchant.name if merchant else place
    photos = pictures.prepare(picture, pictures.caption(shop=shop, at=now, person=user.name))
    lng, lat = picture.position if picture else (None, None)
    body = {**said, "merchant": merchant and merchant.pk, "photo": picture and picture.sha256}

    def do() -> dict[str, object]:
        with pictures.keeping(photos, at=now, by=user.pk) as names:
            found = actions.Found(
                Source.GRID_MEMBER if user.authority.grids else Source.OFFICER, said["violation"],
                said["words"] or in_force().catalogues.violation(said["violation"]).label.zh, now, merchant, place,
                _own_area(user), lng, lat, found_by=user, photos=names,
            )  # fmt: skip
            return {"number": actions.report(found, at=now, submission=submission).number}

    result, _first = once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
    return str(result["number"])


def _chosen_merchant(request: HttpRequest, user: User) -> Merchant | None:
    chosen = request.POST.get("merchant") or request.GET.get("merchant") or ""
    if not chosen:
        return None
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) <= 18):
        raise Http404
    return get_object_or_404(Merchant.objects.visible_to(user).select_related("standing"), pk=int(chosen))


def _shop_search(request: HttpRequest, user: User) -> dict[str, object]:
    asked = " ".join(request.GET.get("q", "").split())[:60]
    return {"q": asked, "shops": queries.shops_called(asked, user) if asked else []}


def _own_area(user: User) -> str:
    """Where somebody's finds lie if neither a shop nor a position says: the one grid, or the one town, they work in."""
    grids, towns = user.authority.grids, user.authority.towns
    return next(iter(grids if len(grids) == 1 else towns if len(towns) == 1 else ()), "")


# ── the public ───────────────────────────────────────────────────────────────────────────────────────────────────


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


@_within_size
@require_http_methods(["GET", "HEAD", "POST"])
def complain(request: HttpRequest) -> HttpResponse:
    """`/complain/`: about a place whose shop is not known. Officers who take calls enter them here too, with a shop if known."""
    user = request.user if isinstance(request.user, User) else None
    recorder = user if user and user.authority.may("issues.record_report") else None
    merchant = _chosen_merchant(request, recorder) if recorder else None
    return _take_report(request, merchant, recorder, request.path)


@_within_size
@require_http_methods(["GET", "HEAD", "POST"])
def complain_about(request: HttpRequest, token: str) -> HttpResponse:
    """`/m/<token>/complain/`: about the shop whose code was scanned."""
    code = Code.objects.select_related("merchant").filter(token=token).first()
    if code is None:
        raise Http404
    if code.revoked_at is not None:
        return redirect(addresses.code(token))
    return _take_report(request, code.merchant, None, request.path)


def _take_report(request: HttpRequest, merchant: Merchant | None, recorder: User | None, here: str) -> HttpResponse:
    now = timezone.now()
    submission = submission_of(request)
    form = ReportForm(request.POST or None, at=now, merchant=merchant, recording=recorder is not None)
    context = {
        "form": form,
        "merchant": merchant,
        "recording": recorder is not None,
        "submission": submission,
        "here": here,
    }
    if request.method != "POST":
        search = _shop_search(request, recorder) if recorder and merchant is None else {}
        return render(request, "issues/complain.html", {**context, **search})
    if not form.is_valid():
        return render(request, "issues/complain.html", context, status=422)
    try:
        kept = _keep_report(request, form, merchant, recorder, submission, now)
    except (PhotoRefused, pictures.NotKept, TooManyPosts, SubmissionReused, actions.OwnNumberKnown) as error:
        return _report_refused(request, context, form, error)
    return redirect(addresses.issue(kept["number"]) if recorder else addresses.report(kept["token"]))


def _keep_report(
    request: HttpRequest,
    form: ReportForm,
    merchant: Merchant | None,
    recorder: User | None,
    submission: uuid.UUID,
    now: datetime,
) -> dict[str, str]:
    """Count it, decode its picture, then keep both, once. What is refused was counted: a refusal costs us as much.

    Raises PhotoRefused, NotKept, TooManyPosts, SubmissionReused, OwnNumberKnown.
    """
    if recorder is None:
        count_post(network_address(request), now)
    by = recorder.pk if recorder else None
    picture = pictures.sent(request, "photo")
    shop = merchant.name if merchant else form.cleaned_data["place"]
    photos = pictures.prepare(picture, pictures.caption(shop=shop, at=now))
    body = {**form.cleaned_data, "merchant": merchant and merchant.pk, "photo": picture and picture.sha256}

    def do() -> dict[str, object]:
        with pictures.keeping(photos, at=now, by=by) as names:
            said = _said(form, merchant, names)
            row = actions.take_report(said, at=now, recorded_by=recorder, submission=submission)
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
            form.add_error(
                None, _("Very many reports came from your network today. Try again tomorrow, or call 12345.")
            )
        case actions.OwnNumberKnown():
            form.add_error("own_number", _("This number was entered before, with issue %s.") % error.number)
        case _:
            status = 409
            form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
    return render(request, "issues/complain.html", context, status=status)


def _said(form: ReportForm, merchant: Merchant | None, photos: tuple[str, ...]) -> actions.Said:
    data = form.cleaned_data
    label = in_force().catalogues.violation(data["violation"]).label.zh
    return actions.Said(
        source=data.get("source", "public"),
        violation=data["violation"],
        words=data["words"] or label,
        seen_at=data["seen_at"],
        merchant=merchant,
        place=data.get("place", ""),
        town=data.get("town", ""),
        name=data.get("name", ""),
        phone=data["phone"],
        own_number=data.get("own_number", ""),
        photos=photos,
    )


@require_safe
def fate(request: HttpRequest, token: str) -> HttpResponse:
    """`/r/<token>`: what became of my report, in plain words; no officer's name, no other reporter."""
    report = get_object_or_404(Report.objects.select_related("issue", "merchant"), token=token)
    issue: Issue = report.issue
    context = {
        "report": report,
        "what": edition(issue.edition).catalogues.violation(issue.violation).label,
        "steps": _plain_steps(report),
        "address": request.build_absolute_uri(addresses.report(token)),
    }
    response = render(request, "issues/fate.html", context)
    response["X-Robots-Tag"] = "noindex"
    response["Cache-Control"] = "no-store"
    return response


def _plain_steps(report: Report) -> list[dict[str, object]]:
    """Received, looked into, answered: all that somebody outside needs to know of our states."""
    issue = report.issue
    looked_into = issue.state in (State.DISPATCHED, State.HANDLING, State.RECHECK)
    at = 2 if report.answered_at and not issue.is_open else 1 if looked_into else 0
    words = [_("Received"), _("Being looked into"), _("Answered")]
    return [
        {"label": label, "state": "done" if n < at or at == 2 else "now" if n == at else "todo"}
        for n, label in enumerate(words)
    ]
