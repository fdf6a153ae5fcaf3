"""An issue beside the list: what it is, where, at what shop, what happened, and what this reader may do with it.

A fragment for a wide screen; the whole of it is the issue's page, whose forms these are. Queries only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.issues.keys import KEYS
from lingxiu.issues.lookback.models import Listing
from lingxiu.issues.lookback.queries import listed
from lingxiu.issues.models import Issue
from lingxiu.issues.queries import of_merchant
from lingxiu.issues.views import LIST_TONES, officer
from lingxiu.merchants.models import Merchant, Visit
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.portal.issue import Offer, as_it_stands, seen_by, what_may_be_done
from lingxiu.portal.merchant import violation_labels
from lingxiu.territory import drawn

OTHERS_SHOWN = 4
VISITS_SHOWN = 3
CLOSE_BY = 15
"""The zoom at which the map shows a street."""


@require_safe
def show(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/pane/`."""
    user, now = officer(request), timezone.now()
    issue = seen_by(user, number)
    may = what_may_be_done(issue, user, now)
    first, *others = _with_keys([may["first"], *may["others"]])
    context = {
        **as_it_stands(request, issue, user, now),
        **may,
        "first": first,
        "others": others,
        "spot": _spot(issue),
        "known": _known(issue.merchant, issue, user, now) if issue.merchant else None,
    }
    return render(request, "portal/issue_pane.html", context)


def _with_keys(offers: Iterable[Offer | None]) -> list[Offer | None]:
    """Each with its letter: the move's, given to the first that makes it."""
    free = dict(KEYS)
    found: list[Offer | None] = []
    for offer in offers:
        plain = offer is not None and not offer.at_once
        found.append(replace(offer, key=free.pop(offer.what, "")) if offer is not None and plain else offer)
    return found


@dataclass(frozen=True, slots=True)
class Spot:
    """Where it is: WGS84 degrees, the towns as one path, the dot in their frame, and the map there."""

    lng: float
    lat: float
    url: str
    outline: str = ""
    x: float | None = None
    y: float | None = None


def _spot(issue: Issue) -> Spot | None:
    """Its own position, or else its shop's."""
    shop = issue.merchant
    at = [(issue.lng, issue.lat), (shop.lng, shop.lat) if shop else (None, None)]
    lng, lat = next(((lng, lat) for lng, lat in at if lng is not None and lat is not None), (None, None))
    if lng is None or lat is None:
        return None
    asked = {"at": f"{lng:.5f},{lat:.5f},{CLOSE_BY}", **({"id": str(shop.pk)} if shop else {})}
    url, county = f"/map/?{urlencode(asked, safe=',')}", drawn.county()
    if county is None:
        return Spot(lng, lat, url)
    x, y = county.frame.point(lng, lat)
    return Spot(lng, lat, url, "".join(county.towns), x, y)


def _known(shop: Merchant, issue: Issue, user: User, now: datetime) -> dict[str, Any]:
    """What is known of the shop: its other issues, what is open first; its last visits, for whoever may open its dossier; and
    whether it stands on a list."""
    others = of_merchant(shop, user).exclude(pk=issue.pk)
    newest = others.order_by(F("closed_at").desc(nulls_first=True), "-reported_at", "-id")[:OTHERS_SHOWN]
    wrong: dict[str, Label] = violation_labels(in_force().catalogues)
    opened = Merchant.objects.visible_to(user).filter(pk=shop.pk)
    visits = Visit.objects.filter(merchant__in=opened).select_related("by").order_by("-at", "-id")
    colour = listed([shop.pk], timezone.localdate(now)).get(shop.pk)
    return {
        "issues": [(wrong.get(other.violation), other) for other in newest],
        "visits": visits[:VISITS_SHOWN],
        "listed": (Listing.Colour(colour).label, LIST_TONES[colour]) if colour else None,
    }
