"""Merchants out: the public face, or what the key's person may open; and in: a dossier opened or changed, checked as on its page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router
from ninja.responses import Status

from lingxiu.accounts.models import User
from lingxiu.china.pinyin import fold
from lingxiu.exchange import keys
from lingxiu.exchange.door import Done, Needs, officer_of, once_each, refuse_unknown, use_of
from lingxiu.exchange.problems import Fault, Problem, wrong
from lingxiu.exchange.v1.places import in_china
from lingxiu.exchange.v1.shapes import (
    LAST_ID,
    DossierIn,
    Id,
    MerchantChange,
    MerchantIn,
    MerchantOut,
    MerchantsAsked,
    Rows,
    cursor_of,
    mark_of,
)
from lingxiu.merchants.forms import PERSONAL, DossierForm, initial_of
from lingxiu.merchants.models import Merchant, MerchantQuerySet, Source
from lingxiu.merchants.models import Status as TradeStatus
from lingxiu.merchants.views.asking import towns_of

router = Router(tags=["merchants"])
READ = Needs(keys.MERCHANTS_PUBLIC, keys.MERCHANTS_READ)
WRITE = Needs(keys.MERCHANTS_WRITE)
MOST_FEATURES = 20_000
NOT_READ = ("legal_person", "phone", "pinyin", "initials", "search", "sources")


def seen_by(request: HttpRequest) -> MerchantQuerySet:
    """The merchants this key shows: what its person may open, or everybody's public face."""
    if _reads(request):
        return Merchant.objects.visible_to(officer_of(request))
    return Merchant.objects.exclude(status=TradeStatus.CLOSED)


def _reads(request: HttpRequest) -> bool:
    return use_of(request).opens(keys.MERCHANTS_READ)


@router.get("/merchants", response=Rows[MerchantOut], auth=READ, summary="Merchants")
def list_merchants(request: HttpRequest, asked: Query[MerchantsAsked]) -> dict[str, Any]:
    """Merchants, in order of their ids, by pages."""
    refuse_unknown(request, MerchantsAsked.names())
    found = seen_by(request).filter(pk__gt=_after(asked.cursor))
    same = {"town": asked.town, "kind": asked.kind}
    found = found.filter(**{field: value for field, value in same.items() if value})
    if asked.q:
        found = found.filter(search__contains=fold(asked.q))
    rows = list(found.select_related("standing").defer(*NOT_READ).order_by("pk")[: asked.limit + 1])
    more, rows = len(rows) > asked.limit, rows[: asked.limit]
    return {"items": _out(request, rows), "next": cursor_of(f"m{rows[-1].pk}") if more else None}


@router.get("/merchants.geojson", auth=READ, summary="Merchants as GeoJSON")
def merchants_geojson(request: HttpRequest, bbox: str = "") -> HttpResponse:
    """The merchants within `bbox` (west,south,east,north in degrees), all without one, as a FeatureCollection of points."""
    refuse_unknown(request, ["bbox"])
    found = seen_by(request).exclude(status=TradeStatus.CLOSED)
    if bbox:
        west, south, east, north = _box(bbox)
        found = found.filter(lng__gte=west, lng__lte=east, lat__gte=south, lat__lte=north)
    rows = list(found.select_related("standing").defer(*NOT_READ).order_by("pk")[: MOST_FEATURES + 1])
    if len(rows) > MOST_FEATURES:
        raise wrong("bbox", bbox, _("More than 20,000 merchants lie in it: ask for smaller ones."))
    features = [_feature(merchant) for merchant in _out(request, rows)]
    content = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    return HttpResponse(content, content_type="application/geo+json")


@router.get("/merchants/{merchant_id}", response=MerchantOut, auth=READ, summary="A merchant")
def get_merchant(request: HttpRequest, merchant_id: Id) -> dict[str, Any]:
    """One merchant."""
    merchant = seen_by(request).select_related("standing").defer(*NOT_READ).filter(pk=merchant_id).first()
    if merchant is None:
        raise Problem("not-found", _("No merchant of this id is known to this key."))
    return _out(request, [merchant])[0]


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/merchants", response={201: MerchantOut}, auth=WRITE, summary="A new merchant")
def post_merchant(request: HttpRequest, sent: MerchantIn) -> Status[Any]:
    """Open a dossier. A licence number that has one already is refused and named."""
    user = _editor(request)
    return _enter(request, user, sent, DossierForm(_typed(sent, Merchant())), 201)


@router.patch("/merchants/{merchant_id}", response=MerchantOut, auth=WRITE, summary="A change to a merchant")
def patch_merchant(request: HttpRequest, merchant_id: Id, sent: MerchantChange) -> Status[Any]:
    """Change what is sent of a dossier; null empties a field that may be empty."""
    user = _editor(request)
    merchant = Merchant.objects.visible_to(user).filter(pk=merchant_id).first()
    if merchant is None:
        raise Problem("not-found", _("No merchant of this id is known to this key."))
    return _enter(request, user, sent, DossierForm(_typed(sent, merchant), instance=merchant), 200, sent.seen)


def _editor(request: HttpRequest) -> User:
    user = officer_of(request)
    if not user.authority.may("merchants.edit"):
        raise Problem("not-permitted", _("The key acts for somebody who may not change dossiers."))
    return user


def _typed(sent: DossierIn, merchant: Merchant) -> dict[str, Any]:
    """The dossier as its form would be sent: what is stored, and over it what came. Raises Problem."""
    said = sent.model_dump(exclude_unset=True, exclude={"seen"})
    if "location" in said:
        said["lng"], said["lat"] = in_china(said.pop("location"))
    if said.get("in_built_up", True) is None:  # it is the one or the other
        raise wrong("in_built_up", None, _("Send true or false."))
    typed = {**initial_of(merchant), **said}
    if "reference_stoves" in said and "scale" not in said:
        typed["scale"] = ""  # it follows from them
    return {name: value for name, value in typed.items() if value is not None}


def _enter(
    request: HttpRequest, user: User, sent: DossierIn, form: DossierForm, status: int, seen: datetime | None = None
) -> Status[Any]:
    """Write it down once. Raises Problem for whatever the page would have refused."""
    now, towns = timezone.now(), towns_of(user)

    def do() -> Done:
        # The form checks what it is given; its own transaction comes with what it writes.
        entered = (
            form.is_valid()
            and form.enter(source=Source.OTHER_SYSTEM, at=now, by=user.pk, towns=towns, seen_at=seen) is not None
        )
        if not entered:
            raise _refused(form, sent)
        row = Merchant.objects.select_related("standing").defer(*NOT_READ).get(pk=form.merchant.pk)
        out = MerchantOut(**{**_public(row), **_inside(row)}).model_dump(mode="json")
        return Done(status, out)

    done = once_each(request, sent.model_dump(mode="json", exclude_unset=True), do)
    return Status(done.status, done.body)


def _refused(form: DossierForm, sent: DossierIn) -> Problem:
    """What the form says of each field, with what was sent there; a person's name and number are not sent back."""
    said = sent.model_dump(mode="json", exclude=set(PERSONAL))
    faults = [
        Fault(name, said.get(name), str(message))
        for field, messages in form.errors.items()
        for name in [{"lng": "location", "lat": "location", "__all__": "seen"}.get(field, field)]
        for message in messages
    ]
    if NON_FIELD_ERRORS in form.errors:
        return Problem("changed-meanwhile", _("Read the merchant again, then decide."), tuple(faults))
    return Problem("invalid", _("See which field, and mend it."), tuple(faults))


def _after(cursor: str) -> int:
    if not cursor:
        return 0
    mark = mark_of(cursor)
    number = mark[1:]
    if not (mark.startswith("m") and number.isascii() and number.isdigit()) or int(number) > LAST_ID:
        raise wrong("cursor", cursor, _("Send the `next` of the page before, or none."))
    return int(number)


def _box(text: str) -> tuple[float, float, float, float]:
    """West, south, east, north. Raises Problem."""
    mend = _("Send west,south,east,north in WGS84 degrees, such as 120.8,30.8,121.0,31.0.")
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise wrong("bbox", text, mend) from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise wrong("bbox", text, mend)
    return west, south, east, north


def _out(request: HttpRequest, merchants: Iterable[Merchant]) -> list[dict[str, Any]]:
    whole = _reads(request)
    return [{**_public(merchant), **(_inside(merchant) if whole else {})} for merchant in merchants]


def _public(merchant: Merchant) -> dict[str, Any]:
    standing = getattr(merchant, "standing", None)
    return {
        "id": merchant.pk,
        "name": merchant.name,
        "kind": merchant.kind,
        "status": merchant.status,
        "address": merchant.address,
        "licence_no": merchant.licence_no,
        "location": (merchant.lng, merchant.lat),
        "fume_level": standing and standing.fume_level,
        "stars": standing and standing.stars,
    }


def _inside(merchant: Merchant) -> dict[str, Any]:
    """What officers know besides; nothing of persons."""
    standing = getattr(merchant, "standing", None)
    return {
        "town": merchant.town,
        "grid": merchant.grid,
        "uscc": merchant.uscc,
        "scale": merchant.scale,
        "reference_stoves": merchant.reference_stoves,
        "in_built_up": merchant.in_built_up,
        "open_issues": standing and standing.open_issues,
        "open_alarms": standing and standing.open_alarms,
        "device_state": standing and standing.device_state,
        "last_visit_at": standing and standing.last_visit_at,
        "updated_at": merchant.updated_at,
    }


def _feature(merchant: dict[str, Any]) -> dict[str, Any]:
    """A point; what it says of itself is what the list says, written here because thousands go out at once."""
    said = {name: _plain(value) for name, value in merchant.items() if name not in ("id", "location")}
    point = {"type": "Point", "coordinates": merchant["location"]}
    return {"type": "Feature", "id": merchant["id"], "geometry": point, "properties": said}


def _plain(value: Any) -> Any:
    return timezone.localtime(value).isoformat(timespec="seconds") if isinstance(value, datetime) else value
