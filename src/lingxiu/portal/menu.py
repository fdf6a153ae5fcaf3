"""The menu of the base template: what this reader may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.issues.order_asked import is_leader
from lingxiu.policy.schema.roles import Sight


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu; `icon` names a symbol of the sprite."""

    url: str
    label: str | Promise
    icon: str
    active: bool = False


def goes_out(authority: Authority) -> bool:
    """Whether somebody works at the door, with the round in their hand."""
    return authority.may("issues.handle") or authority.may("merchants.visit")


WITH_NUMBERS = (Sight.COUNTY, Sight.TOWN, Sight.UNIT)
_ENTRIES: list[tuple[str, str | Promise, str, Callable[[Authority], bool]]] = [
    ("/", _("Today"), "home", lambda a: a.farthest("issues") in WITH_NUMBERS),
    ("/issues/asked/", _("What I asked"), "message-up", is_leader),
    ("/collect/", _("My round"), "route", goes_out),
    ("/issues/", _("Issues"), "list", lambda a: a.is_officer and a.farthest("issues") != Sight.NONE),
    ("/map/", _("Map"), "map", lambda a: a.is_officer),
    ("/merchants/", _("Merchants"), "store", lambda a: a.is_officer),
    ("/sensing/", _("Devices"), "sensor", lambda a: a.is_officer),
    ("/issues/law/", _("Law book"), "book", lambda a: a.is_officer and a.farthest("issues") != Sight.NONE),
    (
        "/issues/lookback/",
        _("Looking back"),
        "chart-line",
        lambda a: a.is_officer and a.farthest("issues") != Sight.NONE,
    ),
    ("/exchange/12345/", _("12345 orders"), "phone", lambda a: a.may("issues.record_report")),
    ("/shop/", _("My shop"), "store", lambda a: bool(a.merchant_ids)),
]


def menu(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `menu`, for signed-in readers."""
    authority: Authority = getattr(request.user, "authority", NOBODY) if hasattr(request, "user") else NOBODY
    shown = [(url, text, icon) for url, text, icon, to in _ENTRIES if to(authority)]
    around = [
        url for url, _text, _icon in shown if url == request.path or (url != "/" and request.path.startswith(url))
    ]
    here = max(around, key=len, default="")
    return {"menu": [Entry(url, text, icon, url == here) for url, text, icon in shown]}
