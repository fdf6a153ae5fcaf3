"""Pages of the list, and an officer's find. Thin: parse, authorise, call, render."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.files.photos import PhotoRefused
from lingxiu.files.voices import VoiceRefused
from lingxiu.issues import elsewhere, pictures, queries, resting, signing, voices
from lingxiu.issues.actions import opening
from lingxiu.issues.export import MOST_ROWS, write_sheet
from lingxiu.issues.filter_choices import more_choices
from lingxiu.issues.filters import Filter
from lingxiu.issues.find_forms import FindForm
from lingxiu.issues.holders import holder, stood_in_for
from lingxiu.issues.kept import SavedView
from lingxiu.issues.keys import KEYS
from lingxiu.issues.lifecycle import State
from lingxiu.issues.lookback.models import Listing
from lingxiu.issues.lookback.queries import listed
from lingxiu.issues.matching import matching, within
from lingxiu.issues.models import FlowChoice, Issue, LevelChoice, Source, StateChoice
from lingxiu.issues.order_today import waiting
from lingxiu.issues.paging import listing
from lingxiu.issues.words import MOVES
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.journal.queries import head
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.roles import Sight
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses

View = Callable[..., HttpResponse]
SHOWN_CHARACTERS = 40
NUMBER = re.compile(r"[0-9]{13}")
MOST_VIEWS_SHOWN = 100
LIST_TONES = {"red": "success", "black": "warning"}


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
    shown, count = listing(wanted, user, now, request.GET)
    counts = queries.counts(user, now, within(wanted.view, user))
    part = request.GET.get("part") == "list"
    here = {key: request.GET[key] for key in ("after", "before") if key in request.GET}
    context = {
        "wanted": wanted,
        "page": shown,
        "rows": _with_own_parts(rows_of(shown.rows, now), shown.rows, wanted, user, now),
        "ticks": user.authority.may("issues.dispatch"),
        "morning": user.authority.may("issues.dispatch") or user.authority.may("issues.supervise"),
        "total": count,
        "counts": counts,
        "orders": waiting(user, timezone.localdate(now)) if wanted.view != "all" else None,
        "to_sign": signing.counted(user) if wanted.view != "all" else 0,
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
    chosen = {"chosen": _chosen(request.GET.get("issue", ""))}
    return render(request, "issues/list.html", {**context, **_choices(wanted, user), **kept, **chosen})


def _chosen(asked: str) -> str:
    """The number of the issue to be shown beside the list, if it is one; who may see it, its own page knows."""
    return asked if NUMBER.fullmatch(asked) else ""


def rows_of(issues: list[Issue], now: datetime) -> list[dict[str, object]]:
    """The rows of a page as plain values: words looked up once, times written once; a template spends longer on both.

    Which of the shops stand on the red or the black list, and which holders stand in for somebody, is one query each for all.
    """
    language = get_language() or "zh-hans"
    violations = {row.id: row.label for row in in_force().catalogues.violations}
    states = {value: str(label) for value, label in StateChoice.choices}
    stand = listed({row.merchant_id for row in issues if row.merchant_id}, timezone.localdate(now))
    away = stood_in_for(issues)
    stopping = resting.stopping()
    colours = {value: (str(label), LIST_TONES[value]) for value, label in Listing.Colour.choices}
    return [
        {
            "number": issue.number,
            "version": issue.version,
            "what": violations[issue.violation].text(language) if issue.violation in violations else issue.violation,
            "summary": _beside(issue.summary, violations.get(issue.violation)),
            "where": issue.merchant.name if issue.merchant else issue.place,
            "listed": colours.get(stand.get(issue.merchant_id or 0, "")),
            "state": issue.state,
            "state_word": states[issue.state],
            "other": issue.other_number,
            "holder": holder(issue, away),
            "late": issue.closed_at is None and issue.step_due_at < now and issue.suspended_for not in stopping,
            "provisional": issue.due_provisional,
            "reported": _time(issue.reported_at),
            "rests": f"{timezone.localtime(issue.suspended_until):%Y-%m-%d}"
            if issue.suspended_until and issue.suspended_for in stopping
            else "",
            "due": _time(issue.step_due_at) if issue.closed_at is None else None,
            "ended": _time(issue.closed_at) if issue.closed_at else None,
        }
        for issue in issues
    ]


def _with_own_parts(
    rows: list[dict[str, object]], issues: list[Issue], wanted: Filter, user: User, now: datetime
) -> list[dict[str, object]]:
    """The rows, each due when the reader's own part is, where their unit works along; in the order of what is due, if asked."""
    own = queries.own_parts(issues, user)
    if not own:
        return rows
    shown = []
    for row, issue in zip(rows, issues, strict=True):
        part, due = own.get(issue.pk), issue.step_due_at
        if part is not None:
            due = part.due_at
            row |= {
                "due": _time(due),
                "late": due < now and not row["rests"],
                "provisional": part.due_provisional,
                "own_part": True,
            }
        shown.append((due, row))
    return [row for _due, row in (sorted(shown, key=lambda one: one[0]) if wanted.by_due else shown)]


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
        "received": f"?{plain.but(state='waiting')}",
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
        "csv": f"/issues/export.csv?{wanted.but()}",
        "geojson": f"/issues/export.geojson?{wanted.but()}",
        "sheet": f"/issues/sheet/?{wanted.but()}",
        "keep": f"/issues/views/?{wanted.but()}",
        "all": f"/issues/bulk/?{wanted.but()}&all=1",
    }


def _towns(user: User) -> dict[str, str]:
    """Towns to filter by, for those who see more than one."""
    return town_names() if user.authority.farthest("issues") in (Sight.COUNTY, Sight.UNIT) else {}


def _choices(wanted: Filter, user: User) -> dict[str, object]:
    shop = Merchant.objects.visible_to(user).filter(pk=wanted.merchant).first() if wanted.merchant else None
    return {
        "states": [
            ("open", _("not ended yet")),
            ("waiting", _("with nobody yet")),
            *StateChoice.choices,
            ("ended", _("ended")),
        ],
        "levels": LevelChoice.choices,
        "flows": FlowChoice.choices,
        "sources": Source.choices,
        "violations": in_force().catalogues.violations,
        "shop": shop,
        "may": {verb: user.authority.may(f"issues.{verb}") for verb in ("find", "record_report", "export")},
        "most_rows": MOST_ROWS,
        "keys": [(key, MOVES[move].button) for move, key in KEYS.items()],
        **more_choices(wanted, user),
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
    merchant = chosen_merchant(request, user)
    kind = request.GET.get("violation", "")[:30]  # tapped on the page the reader came from
    form = FindForm(request.POST or None, at=now, merchant=merchant, initial={"violation": kind})
    context: dict[str, Any] = {
        "form": form, "merchant": merchant, "kind": kind, "submission": submission_of(request), "user": user,
        "open_here": _open_here(merchant, kind, user, now) if merchant else [],
    }  # fmt: skip
    if request.method != "POST":
        return render(request, "issues/new.html", {**context, **shop_search(request, user)})
    if not form.is_valid():
        return render(request, "issues/new.html", context, status=422)
    if open_there := _open_there(request, form, user, now):
        return render(request, "issues/new.html", {**context, "open_there": open_there}, status=422)
    try:
        number = _keep_find(request, form, merchant, user, context["submission"], now)
    except (PhotoRefused, pictures.NotKept) as refused:
        why, status = pictures.refusal(refused)
        return render(request, "issues/new.html", {**context, "photo_error": why}, status=status)
    except VoiceRefused as refused:
        return render(request, "issues/new.html", {**context, "voice_error": voices.refusal(refused)}, status=422)
    except elsewhere.OtherNumberTaken as taken:
        form.refuse(taken.number)
        return render(request, "issues/new.html", context, status=409)
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
        return render(request, "issues/new.html", context, status=409)
    return redirect(addresses.issue(number))


def _open_there(request: HttpRequest, form: FindForm, user: User, now: datetime) -> list[tuple[Issue, str]]:
    """Of a find without a shop, what is open at its place or near its picture, unless the officer has looked at that already."""
    if "place" not in form.fields or form.cleaned_data["same"] == FindForm.NEW:
        return []
    said = form.cleaned_data
    picture = pictures.sent(request, "photo")
    lng, lat = picture.position if picture else (None, None)
    town = _own_area(user)[: opening.TOWN_DIGITS]
    about = queries.About(said["violation"], None, town, said["place"], now, lng, lat)
    return _with_words([one for one in queries.alike(about, user) if one.violation == said["violation"]])


def _open_here(merchant: Merchant, kind: str, user: User, now: datetime) -> list[tuple[Issue, str]]:
    """What is open at this shop already, and of this kind nearby, with what it is: it may be the same that is to be entered."""
    about = queries.About(kind, merchant.pk, merchant.town, "", now, merchant.lng, merchant.lat)
    return _with_words(
        [one for one in queries.alike(about, user) if one.merchant_id == merchant.pk or one.violation == kind]
    )


def _with_words(found: list[Issue]) -> list[tuple[Issue, str]]:
    """Each with what it is."""
    language = get_language() or "zh-hans"
    labels = {row.id: row.label.text(language) for row in in_force().catalogues.violations}
    return [(one, labels.get(one.violation, one.violation)) for one in found]


def _keep_find(
    request: HttpRequest, form: FindForm, merchant: Merchant | None, user: User, submission: uuid.UUID, now: datetime
) -> str:
    """Decode the picture, then make the issue, once. Returns its number. Raises PhotoRefused, NotKept, VoiceRefused,
    SubmissionReused, OtherNumberTaken."""
    said, place = form.cleaned_data, form.cleaned_data.get("place", "")
    picture = pictures.sent(request, "photo")
    shop = merchant.name if merchant else place
    photos = pictures.prepare(
        picture, pictures.caption(shop=shop, at=now, place=merchant.address if merchant else "", person=user.name)
    )
    voice = voices.sent(request, "voice")
    lng, lat = picture.position if picture else (None, None)
    body = {**said, "merchant": merchant and merchant.pk, "photo": picture and picture.sha256}
    if voice:
        body["voice"] = voice.sha256

    def do() -> dict[str, object]:
        with pictures.keeping(photos, at=now, by=user.pk) as names, voices.keeping(voice, at=now, by=user.pk) as spoken:
            found = opening.Found(
                Source.GRID_MEMBER if user.authority.grids else Source.OFFICER, said["violation"],
                said["words"] or in_force().catalogues.violation(said["violation"]).label.zh, form.act_at, merchant, place,
                _own_area(user), lng, lat, found_by=user, photos=names, voice=spoken, other=form.other,
            )  # fmt: skip
            return {"number": opening.report(found, at=now, submission=submission).number}

    with elsewhere.claimed_once(*form.other):
        result, _first = once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
    return str(result["number"])


def chosen_merchant(request: HttpRequest, user: User) -> Merchant | None:
    """The shop the address or the form names, if this officer sees it. Raises Http404."""
    chosen = request.POST.get("merchant") or request.GET.get("merchant") or ""
    if not chosen:
        return None
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) <= 18):
        raise Http404
    return get_object_or_404(Merchant.objects.visible_to(user).select_related("standing"), pk=int(chosen))


def shop_search(request: HttpRequest, user: User) -> dict[str, object]:
    """What was searched for by `?q=`, and the shops found."""
    asked = " ".join(request.GET.get("q", "").split())[:60]
    return {"q": asked, "shops": queries.shops_called(asked, user) if asked else []}


def _own_area(user: User) -> str:
    """Where somebody's finds lie if neither a shop nor a position says: the one grid, or the one town, they work in."""
    grids, towns = user.authority.grids, user.authority.towns
    return next(iter(grids if len(grids) == 1 else towns if len(towns) == 1 else ()), "")
