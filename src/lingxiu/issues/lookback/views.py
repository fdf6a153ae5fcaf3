"""Pages of looking back: the figures, their documents, exports of the list, key places, red and black lists. Thin."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Case, When
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lingxiu.accounts.models import User
from lingxiu.issues.filters import Filter
from lingxiu.issues.lookback import actions, comparison, docx, queries, words
from lingxiu.issues.lookback.asking import Asked, area_name, grids_of
from lingxiu.issues.lookback.exports import write_csv, write_geojson
from lingxiu.issues.lookback.figures import Period, period_around
from lingxiu.issues.lookback.forms import ListingForm, PlaceForm, PlacesFileForm
from lingxiu.issues.lookback.models import KeyPlace, Listing
from lingxiu.issues.matching import matching
from lingxiu.issues.queries import shops_called
from lingxiu.issues.routing_pages import sees_rules
from lingxiu.issues.views import officer
from lingxiu.merchants.models import Merchant
from lingxiu.policy.schema.roles import Sight
from lingxiu.territory import drawn
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses
from lingxiu.ui.locator import Frame

MOST_DAYS = 400

# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def lookback(request: HttpRequest) -> HttpResponse:
    """`/issues/lookback/`: the figures of a period (this month, if none is asked for) within an area."""
    user, now = officer(request), timezone.now()
    asked = Asked.read(request.GET, timezone.localdate(now))
    context = {
        "asked": asked,
        "board": _board(asked, user, now),
        "tabs": _kinds(asked, timezone.localdate(now)),
        "before": f"?{asked.within(asked.period.before())}",
        "after": f"?{asked.within(asked.period.after())}" if asked.period.until < timezone.localdate(now) else "",
        "towns": _towns(user),
        "grids": grids_of(asked.area.town or _own_town(user)),
        "reports": _reports(asked),
        "map": f"/issues/lookback/map/?{asked.query}",
        "units": f"/issues/lookback/units/?{asked.query}",
        "exported": _exported(asked) if user.authority.may("issues.export") else "",
        "sees_rules": sees_rules(user),
    }
    return render(request, "issues/lookback.html", context)


@require_safe
def units(request: HttpRequest) -> HttpResponse:
    """`/issues/lookback/units/`: departments and towns side by side, in a period and in the one before."""
    user, now = officer(request), timezone.now()
    today = timezone.localdate(now)
    asked = Asked.read(request.GET, today)
    context = {
        "asked": asked,
        "area": area_name(asked, user),
        "period": words.period_words(asked.period),
        "earlier": words.period_words(asked.period.before()),
        "tables": comparison.tables(comparison.compare(asked.period, asked.area, user, now)),
        "tabs": _kinds(asked, today),
        "before": f"?{asked.within(asked.period.before())}",
        "after": f"?{asked.within(asked.period.after())}" if asked.period.until < today else "",
        "back": f"/issues/lookback/?{asked.query}",
        "notice": f"/issues/lookback/report.docx?kind=notice&{asked.query}",
    }
    return render(request, "issues/lookback_units.html", context)


def _board(asked: Asked, user: User, now: datetime) -> words.Board:
    return words.board(queries.count(asked.period, asked.area, user, now), area_name(asked, user), now)


def _kinds(asked: Asked, today: object) -> list[dict[str, object]]:
    """Day, week, month, quarter around the same days, and any two dates."""
    names = {
        "day": _("One day"), "week": _("Week"), "month": _("Month"), "quarter": _("Quarter"), "days": _("Any dates"),
    }  # fmt: skip
    period = asked.period
    return [
        {"label": label, "url": f"?{asked.within(_as(kind, period))}", "active": kind == period.kind, "count": None}
        for kind, label in names.items()
    ]


def _as(kind: str, period: Period) -> Period:
    """The period of another kind that begins where this one does."""
    return Period("days", period.since, period.until) if kind == "days" else period_around(kind, period.since)


def _exported(asked: Asked) -> str:
    """The query of what came in in the period: the list's own exports take it."""
    return asked.area.but(since=asked.period.since, until=asked.period.until)


def _reports(asked: Asked) -> list[dict[str, str]]:
    """The documents of what is shown: the week's and the month's where the period is one, the notice of any."""
    kinds = {"week": _("Weekly report"), "month": _("Monthly report"), "notice": _("Notice")}
    fitting = [kind for kind in kinds if kind in (asked.period.kind, "notice")]
    return [
        {"label": kinds[kind], "url": f"/issues/lookback/report.docx?kind={kind}&{asked.query}"} for kind in fitting
    ]


def _towns(user: User) -> dict[str, str]:
    """Towns to choose from, for those who see more than one."""
    return town_names() if user.authority.farthest("issues") in (Sight.COUNTY, Sight.UNIT) else {}


def _own_town(user: User) -> str:
    """The one town of somebody who sees a town: its grids are there to choose from."""
    towns = user.authority.towns if user.authority.farthest("issues") is Sight.TOWN else frozenset()
    return next(iter(towns)) if len(towns) == 1 else ""


@require_safe
def over_time(request: HttpRequest) -> HttpResponse:
    """`/issues/lookback/map/`: what came in in the period, where, and on which of its days it was open."""
    user, now = officer(request), timezone.now()
    today = timezone.localdate(now)
    asked = Asked.read(request.GET, today)
    period = asked.period
    if period.days > MOST_DAYS:
        period = Period("days", period.until - timedelta(days=MOST_DAYS - 1), period.until)
    found, whole = queries.spots(period, asked.area, user, now)
    days = [str(period.since + timedelta(days=n)) for n in range(period.days)]
    on = _day_of(request.GET.get("on", ""), period, today)
    county = drawn.county()
    context = {
        "asked": asked,
        "area": area_name(asked, user),
        "period": words.period_words(period),
        "land": county.towns if county else (),
        "names": county.names if county else (),
        "spots": _drawn(found, county.frame, on if "on" in request.GET else None) if county else "",
        "placed": len(found) if county else 0,
        "days": json.dumps(days),
        "on": on,
        "last": len(days) - 1,
        "chosen": days[on],
        "whole": whole,
    }
    return render(request, "issues/lookback_map.html", context)


def _day_of(asked: str, period: Period, today: date) -> int:
    """Which day of the period: the one asked for, or the last that has come."""
    if asked.isascii() and asked.isdigit() and len(asked) < 5 and int(asked) < period.days:
        return int(asked)
    return max(0, min((today - period.since).days, period.days - 1))


_SPOT = (
    '<a href="{url}" class="tone-{tone}" data-from="{first}" data-to="{last}"{hidden} aria-label="{number}">'
    '<circle cx="{x:.1f}" cy="{y:.1f}" r="0.9"/></a>\n'
)


def _drawn(spots: list[queries.Spot], fitted: Frame, on: int | None) -> SafeString:
    """The spots in the frame; without script those of the day `on` alone show. Three thousand of them are no work for a
    template. Numbers and codes of ours, nobody's words."""
    drawn = []
    for one in spots:
        x, y = fitted.point(one.lng, one.lat)
        hidden = " hidden" if on is not None and not one.first <= on <= one.last else ""
        url = addresses.issue(one.number)
        drawn.append(
            _SPOT.format(
                url=url, tone=one.tone, first=one.first, last=one.last, hidden=hidden, number=one.number, x=x, y=y
            )
        )
    return mark_safe("".join(drawn))  # noqa: S308  # digits and our own codes


@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """`/issues/lookback/report.docx?kind=week|month|notice&…`: the same figures as the page of the same query."""
    user, now = officer(request), timezone.now()
    kind = request.GET.get("kind", "week")
    if kind not in docx.TITLES:
        raise Http404
    asked = Asked.read({"period": kind, **request.GET.dict()}, timezone.localdate(now))
    try:
        beside = [] if kind == "week" else comparison.tables(comparison.compare(asked.period, asked.area, user, now))
        document = docx.write(kind, _board(asked, user, now), beside)
    except docx.TemplateRefused as refused:
        return render(
            request, "issues/lookback_template.html", {"name": refused.path.name, "why": refused.why}, status=500
        )
    return _attached(
        HttpResponse(document, content_type=docx.DOCX), f"{docx.TITLES[kind]} {words.period_words(asked.period)}.docx"
    )


def _attached(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return response


# ── exports of the list ──────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def export_csv(request: HttpRequest) -> StreamingHttpResponse:
    """`/issues/export.csv`: what the filter shows, for any spreadsheet."""
    user, now = _exporter(request), timezone.now()
    rows = write_csv(matching(Filter.read(request.GET), user, now), now)
    return _streamed(rows, "text/csv; charset=utf-8", f"issues-{timezone.localtime(now):%Y%m%d-%H%M}.csv")


@require_safe
def export_geojson(request: HttpRequest) -> StreamingHttpResponse:
    """`/issues/export.geojson`: what the filter shows, for a GIS."""
    user, now = _exporter(request), timezone.now()
    pieces = write_geojson(matching(Filter.read(request.GET), user, now))
    return _streamed(pieces, "application/geo+json", f"issues-{timezone.localtime(now):%Y%m%d-%H%M}.geojson")


def _exporter(request: HttpRequest) -> User:
    user = officer(request)
    if not user.authority.may("issues.export"):
        raise PermissionDenied
    return user


def _streamed(pieces: object, kind: str, name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=kind)  # type: ignore[arg-type]  # an iterator of texts
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# ── key places ───────────────────────────────────────────────────────────────────────────────────────────────────


def keeps_places(user: User) -> bool:
    """The county's office keeps the key places."""
    return any(post.unit_kind == "county_office" for post in user.authority.posts_that_may("issues.dispatch"))


@require_http_methods(["GET", "HEAD", "POST"])
def places(request: HttpRequest) -> HttpResponse:
    """`/issues/lookback/places/`: the list, and, for the county's office, one more of it or a file of them."""
    user, now = officer(request), timezone.now()
    form, file_form = PlaceForm(), PlacesFileForm()
    status = 200
    if request.method == "POST":
        if not keeps_places(user):
            raise PermissionDenied
        if "file" in request.FILES:
            file_form = PlacesFileForm(request.POST, request.FILES)
            done = file_form.is_valid() and _import(request, file_form, user, now)
        else:
            form = PlaceForm(request.POST)
            done = form.is_valid() and _add(form, user, now)
        if done:
            return redirect("/issues/lookback/places/")
        status = 422
    context = {"places": KeyPlace.objects.in_use(), "form": form, "file_form": file_form, "keeps": keeps_places(user)}
    return render(request, "issues/lookback_places.html", context, status=status)


def _add(form: PlaceForm, user: User, now: datetime) -> bool:
    try:
        actions.add_place(actions.Place(**form.cleaned_data), by=user, at=now)
    except actions.KnownAlready:
        form.add_error("name", _("A place of that kind and name is on the list."))
        return False
    return True


def _import(request: HttpRequest, form: PlacesFileForm, user: User, now: datetime) -> bool:
    try:
        found = actions.read_geojson(form.cleaned_data["file"].read(), radius_m=200)
    except actions.ImportRefused as refused:
        form.add_error("file", _("Not read, nothing was added: %(why)s") % {"why": refused.why})
        return False
    added, known = actions.import_places(found, by=user, at=now)
    messages.success(
        request, _("%(added)s places were added, %(known)s were there already.") % {"added": added, "known": known}
    )
    return True


def _own(name: str) -> SafeString:
    """A name, marked as what it is on a page of another language."""
    return format_html('<span lang="zh">{}</span>', name)


@require_POST
def remove_place(request: HttpRequest, place_id: int) -> HttpResponse:
    """`/issues/lookback/places/<place_id>/remove/`: off the list."""
    user = officer(request)
    if not keeps_places(user):
        raise PermissionDenied
    place = get_object_or_404(KeyPlace, pk=place_id)
    actions.remove_place(place, by=user, at=timezone.now())
    messages.success(request, format_html(_("«{name}» was taken off the list."), name=_own(place.name)))
    return redirect("/issues/lookback/places/")


# ── the red and the black list ───────────────────────────────────────────────────────────────────────────────────


def may_propose(user: User) -> bool:
    """Who dispatches, and who inspects."""
    return user.authority.may("issues.dispatch") or user.authority.may("issues.inspect")


def may_approve(user: User) -> bool:
    """Leaders and the county's office; never what they proposed themselves."""
    return user.authority.may("issues.supervise")


LISTINGS_A_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def listings(request: HttpRequest) -> HttpResponse:
    """`/issues/lookback/listings/`: both lists as far as the reader sees merchants, what waits for a decision first, and a
    proposal."""
    user, now = officer(request), timezone.now()
    merchant = _chosen(request, user)
    form, status = ListingForm(request.POST or None), 200
    if request.method == "POST":
        if not may_propose(user):
            raise PermissionDenied
        if merchant is not None and form.is_valid() and _propose(form, merchant, user, now):
            return redirect("/issues/lookback/listings/")
        status = 422
    asked = " ".join(request.GET.get("q", "").split())[:60]
    seen = Listing.objects.filter(merchant__in=Merchant.objects.visible_to(user))
    waits_first = Case(When(approved_at=None, ended_at=None, then=0), When(ended_at=None, then=1), default=2)
    found = seen.select_related("merchant", "proposed_by", "approved_by", "ended_by")
    page = Paginator(found.order_by(waits_first, "-proposed_at", "-pk"), LISTINGS_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "rows": [_listing_row(row, user, now) for row in page],
        "page": page,
        "form": form,
        "merchant": merchant,
        "q": asked,
        "shops": shops_called(asked, user) if asked else [],
        "may_propose": may_propose(user),
    }
    return render(request, "issues/lookback_listings.html", context, status=status)


def _listing_row(row: Listing, user: User, now: datetime) -> dict[str, object]:
    """A listing with how it stands and what this reader may do about it."""
    today = timezone.localdate(now)
    state = (
        "ended" if row.ended_at else "waiting" if not row.approved_at else "over" if row.until < today else "in_force"
    )
    open_to = row.ended_at is None and may_approve(user)
    return {
        "row": row,
        "state": state,
        "may_approve": open_to and state == "waiting" and row.proposed_by_id != user.pk and row.until >= today,
        "may_end": open_to,
        "may_note": row.ended_at is None and (may_propose(user) or may_approve(user)),
    }


def _chosen(request: HttpRequest, user: User) -> Merchant | None:
    """The merchant the address or the form names, if this person sees it. Raises: Http404."""
    chosen = request.POST.get("merchant") or request.GET.get("merchant") or ""
    if not chosen:
        return None
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) <= 18):
        raise Http404
    return get_object_or_404(Merchant.objects.visible_to(user), pk=int(chosen))


def _propose(form: ListingForm, merchant: Merchant, user: User, now: datetime) -> bool:
    try:
        actions.propose(merchant, by=user, at=now, **form.cleaned_data)
    except actions.KnownAlready:
        form.add_error("colour", _("This merchant stands on that list already, or is proposed for it."))
        return False
    return True


@require_POST
def decide(request: HttpRequest, listing_id: int) -> HttpResponse:
    """`/issues/lookback/listings/<listing_id>/`: approve, end (with a reason), or note the merchant's objection."""
    user, now = officer(request), timezone.now()
    if not (may_approve(user) or may_propose(user)):
        raise PermissionDenied
    visible = Listing.objects.filter(merchant__in=Merchant.objects.visible_to(user))
    listing = get_object_or_404(visible.select_related("merchant"), pk=listing_id)
    said = " ".join(request.POST.get("words", "").split())[:1000]
    try:
        _decide(request.POST.get("do", ""), listing, said, user, now)
    except actions.OwnProposal:
        messages.error(request, _("Whoever proposed it may not approve it: a second person does."))
    except actions.NotWaiting:
        messages.error(request, _("Somebody decided about it in the meantime."))
    except ValueError:
        messages.error(request, _("Write a few words: the next one who reads it must understand why."))
    return redirect("/issues/lookback/listings/")


def _decide(what: str, listing: Listing, said: str, user: User, now: datetime) -> None:
    """Raises: OwnProposal, NotWaiting, PermissionDenied; ValueError where words are missing."""
    match what:
        case "approve" if may_approve(user):
            actions.approve(listing, by=user, at=now)
        case "end" if may_approve(user):
            actions.end(listing, why=_wanted(said), by=user, at=now)
        case "object":
            actions.note_objection(listing, _wanted(said), by=user, at=now)
        case "approve" | "end":
            raise PermissionDenied
        case _:
            raise ValueError(what)


def _wanted(said: str) -> str:
    if not said:
        raise ValueError("no words")
    return said
