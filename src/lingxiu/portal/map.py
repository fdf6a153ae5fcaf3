"""一张图: the page of the map and what it draws. Every layer is served once per state of the data (ETag)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.queries import head
from lingxiu.merchants.models import Merchant
from lingxiu.merchants.queries import map_rows
from lingxiu.policy.queries import in_force
from lingxiu.sensing import noted
from lingxiu.sensing.models import Alarm
from lingxiu.sensing.muting import is_muted
from lingxiu.sensing.telling import part_of_storm
from lingxiu.territory import geojson
from lingxiu.territory.queries import town_names

STATES = {"online": "online", "offline": "dark", "maintenance": "maintenance", "none": None}
LISTED = 200


@require_safe
def show_map(request: HttpRequest) -> HttpResponse:
    """The page: canvas, filters, legend, and the list that stands where there is no WebGL 2."""
    user = _officer(request)
    kinds = in_force().catalogues.kinds.merchants
    language = get_language() or "zh-hans"
    context = {
        "config": _config(),
        "towns": [{"code": code, "name": name} for code, name in town_names().items()],
        "kinds": [{"id": kind.id, "label": kind.label.text(language)} for kind in kinds],
        "merchants": Merchant.objects.visible_to(user).select_related("standing").order_by("town", "name")[:LISTED],
        "pulse": str(head()),
    }
    return render(request, "portal/map.html", context)


@require_safe
def merchants_geojson(request: HttpRequest) -> HttpResponse:
    """All merchants this reader may open, as points."""
    features = [
        _point(
            row.lng,
            row.lat,
            id=row.id,
            name=row.name,
            search=row.search,
            kind=row.kind,
            town=row.town,
            fume_level=row.fume_level,
            stars=row.stars,
            open_issues=row.open_issues,
            device_state=STATES[row.device_state],
            alarms=row.open_alarms,
        )
        for row in map_rows(_officer(request))
    ]
    return _answer(request, _collection(features))


@require_safe
def alarms_geojson(request: HttpRequest) -> HttpResponse:
    """The open alarms this reader may see, where their merchants are."""
    labels = {rule.id: rule.label.text(get_language() or "zh-hans") for rule in in_force().catalogues.alarms.rules}
    alarms = Alarm.objects.visible_to(_officer(request)).filter(cleared_at=None).select_related("device__merchant")
    marked = alarms.annotate(muted=is_muted(timezone.now()), stormy=part_of_storm())
    features = [
        _point(
            alarm.device.merchant.lng,
            alarm.device.merchant.lat,
            id=alarm.device.merchant_id,
            code=alarm.code,
            label=labels.get(alarm.code, alarm.code),
            raised_at=alarm.raised_at.isoformat(),
            mark="storm" if alarm.stormy else "muted" if alarm.muted else "open",  # type: ignore[attr-defined]  # annotated
        )
        for alarm in marked
    ]
    return _answer(request, _collection(features))


@require_safe
def areas_geojson(request: HttpRequest) -> HttpResponse:
    """County, towns, communities and grids."""
    return _served(request, lambda: geojson.areas(("county", "town", "community", "grid")))


@require_safe
def ground_geojson(request: HttpRequest) -> HttpResponse:
    """Roads and water under the map."""
    return _served(request, geojson.ground)


@require_safe
def merchant_card(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """The card that opens at a click: a fragment."""
    user = _officer(request)
    merchant = get_object_or_404(Merchant.objects.visible_to(user).select_related("standing"), pk=merchant_id)
    kinds = {row.id: row.label for row in in_force().catalogues.kinds.merchants}
    alarms = list(Alarm.objects.filter(device__merchant=merchant, cleared_at=None))
    devices = {alarm.device_id for alarm in alarms}
    mutes, storms = noted.mutes_of(devices, timezone.now()), noted.storms_of(devices)
    labels = {rule.id: rule.label for rule in in_force().catalogues.alarms.rules}
    context = {
        "merchant": merchant,
        "standing": merchant.standing,
        "kind": kinds.get(merchant.kind),
        "alarms": [
            (labels[alarm.code], noted.mute_among(mutes[alarm.device_id], alarm.code))
            for alarm in alarms
            if alarm.code in labels
        ],
        "storm": next(iter(storms.values()), None),
    }
    return render(request, "portal/map_card.html", context)


def _officer(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User) or not user.authority.is_officer:
        raise Http404
    return user


def _config() -> dict[str, Any]:
    return {
        "worker_url": static("built/map-worker.js"),
        "merchants_url": "/map/merchants.geojson",
        "areas_url": "/map/areas.geojson",
        "ground_url": "/map/ground.geojson",
        "alarms_url": "/map/alarms.geojson",
        "card_url": "/map/card/0/",
        "bounds": geojson.bounds() or (73.0, 18.0, 135.0, 53.0),
    }


def _point(lng: float, lat: float, **properties: object) -> dict[str, object]:
    geometry = {"type": "Point", "coordinates": [round(lng, 6), round(lat, 6)]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _collection(features: list[dict[str, object]]) -> geojson.Served:
    collection = {"type": "FeatureCollection", "features": features}
    body = json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()
    return geojson.Served(body, hashlib.sha256(body).hexdigest()[:20])


def _served(request: HttpRequest, make: Callable[[], geojson.Served]) -> HttpResponse:
    _officer(request)
    return _answer(request, make())


def _answer(request: HttpRequest, served: geojson.Served) -> HttpResponse:
    etag = f'"{served.etag}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(served.body, content_type="application/geo+json", headers=headers)
