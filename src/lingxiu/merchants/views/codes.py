"""A merchant's code, and sheets of labels to print."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from lingxiu.accounts.models import Unit, User
from lingxiu.journal.actions import Json
from lingxiu.merchants import actions, labels, queries
from lingxiu.merchants.forms import ReissueForm
from lingxiu.merchants.models import Code, Merchant
from lingxiu.merchants.views.asking import merchant_of, reader_who_may, towns_of, write_once
from lingxiu.merchants.views.listing import read_wanted
from lingxiu.policy.schema.roles import Sight
from lingxiu.territory.models import Area, AreaKind
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses

NARROWED = ("q", "kind", "scale", "level", "device", "issues", "status")  # what the list was filtered by
MOST_LABELS = 960  # forty sheets: some ten seconds of drawing


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """`/merchants/<id>/code/`: print the code that is valid, or replace it, with the reason."""
    user = reader_who_may(request, "merchants.print_codes")
    merchant = merchant_of(user, merchant_id)
    form = ReissueForm(request.POST or None)
    if request.method == "POST" and form.is_valid():

        def do(at: datetime) -> Json:
            return {"code": actions.reissue_code(merchant, why=form.cleaned_data["why"], at=at, by=user.pk).pk}

        if write_once(request, user, do) is not None:
            messages.success(
                request, _("The new code is made; the old one now says that it was replaced. Print it and put it up.")
            )
            return redirect(request.path)
    valid = merchant.codes.filter(revoked_at=None).first()
    url = settings.BASE_URL + addresses.code(valid.token) if valid else ""
    context = {
        "merchant": merchant,
        "form": form,
        "code": valid,
        "url": url,
        "drawn": labels.qr(url).svg_data_uri(scale=5, border=4) if valid else "",
        "sheets": _sheet_words(),
        "earlier": merchant.codes.exclude(revoked_at=None).order_by("-revoked_at"),
    }
    return render(request, "merchants/code.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def print_labels(request: HttpRequest) -> HttpResponse:
    """`/merchants/labels/`: choose by town and grid, by what the list was filtered to, or one merchant; POST draws the sheets."""
    user = reader_who_may(request, "merchants.print_codes")
    asked = request.POST if request.method == "POST" else request.GET
    sheet = labels.SHEETS.get(asked.get("sheet", ""), labels.SHEETS["labels"])
    chosen = _chosen_codes(user, asked)
    start = _start(asked.get("start", ""), sheet)
    if request.method == "POST" and chosen.exists():
        codes = list(chosen[:MOST_LABELS])
        drawn = labels.pdf(
            (labels.label_of(code, settings.BASE_URL) for code in codes), sheet, county=_county(), start=start
        )
        actions.note_printed(codes, at=timezone.now(), by=user.pk)
        response = HttpResponse(drawn, content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="labels-{timezone.localtime():%Y%m%d-%H%M}.pdf"'
        return response
    count = chosen.count()
    context = {
        "asked": {key: asked.get(key, "") for key in ("town", "grid", "merchant", "fresh")},
        "narrowed": {key: asked[key] for key in NARROWED if asked.get(key)},
        "merchant": Merchant.objects.visible_to(user).filter(pk=_number(asked.get("merchant", ""))).first(),
        "sheet": sheet,
        "sheets": _sheet_words(),
        "start": start,
        "count": count,
        "pages": -(-(min(count, MOST_LABELS) + start - 1) // sheet.labels) if count else 0,
        "too_many": count > MOST_LABELS,
        "most": MOST_LABELS,
        "towns": town_names() if user.authority.farthest("merchants") == Sight.COUNTY else {},
        "grids": _grids(user, read_wanted(asked).town),
    }
    return render(request, "merchants/labels.html", context, status=422 if request.method == "POST" else 200)


def _chosen_codes(user: User, asked: QueryDict) -> QuerySet[Code]:
    """The valid codes of the merchants asked for, grid by grid: as somebody walks who puts them up."""
    by_phone = user.authority.may("merchants.see_personal_data")
    merchants = queries.find(Merchant.objects.visible_to(user), read_wanted(asked), by_phone=by_phone)
    if asked.get("merchant"):
        merchants = merchants.filter(pk=_number(asked.get("merchant", "")))
    codes = Code.objects.filter(revoked_at=None, merchant__in=merchants).select_related("merchant")
    codes = codes.filter(printed_at=None) if asked.get("fresh") else codes
    return codes.order_by("merchant__grid", "merchant__initials", "merchant_id")


def _number(text: str) -> int:
    """The number that was typed; 0, which nothing has, where none was."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def _start(text: str, sheet: labels.Sheet) -> int:
    number = _number(text) or 1
    return number if number <= sheet.labels else 1


def _sheet_words() -> list[tuple[str, str, int]]:
    """The sheets there are, in words, with how many labels each has."""
    words = {
        "labels": _("Stickers: 24 on A4, 63.5 × 33.9 mm"),
        "door": _("Door signs: 4 on A4, A6, to be cut"),
    }
    return [(sheet.id, words[sheet.id], sheet.labels) for sheet in labels.SHEETS.values()]


def _grids(user: User, town: str) -> list[Unit]:
    """The grids of a town, to choose from."""
    towns = [town] if town else list(towns_of(user) or ())
    return list(Unit.objects.filter(kind="grid", active=True, town__in=towns).order_by("code"))


def _county() -> str:
    return Area.objects.filter(kind=AreaKind.COUNTY).values_list("name", flat=True).first() or ""
