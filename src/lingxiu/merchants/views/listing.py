"""`/merchants/`: the list, searched, filtered, sorted, by pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.db.models import F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.queries import head
from lingxiu.merchants import queries
from lingxiu.merchants.models import Merchant, Scale, Standing, Status
from lingxiu.merchants.queries import Wanted
from lingxiu.merchants.views.asking import reader
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.roles import Sight
from lingxiu.territory.queries import town_names

PAGE_ROWS = 50
SORTS = {
    "name": ("initials", "id"),
    "level": (F("standing__fume_level").desc(nulls_last=True), "initials", "id"),
    "issues": ("-standing__open_issues", "initials", "id"),
    "visit": (F("standing__last_visit_at").asc(nulls_first=True), "initials", "id"),
}
TONES = {"online": "online", "offline": "dark", "maintenance": "maintenance", "none": "neutral"}


@require_safe
def merchant_list(request: HttpRequest) -> HttpResponse:
    """`/merchants/`: searched, filtered, sorted, by pages; `part=list` answers with the live part alone."""
    user = reader(request)
    wanted = read_wanted(request.GET)
    sort = request.GET.get("sort", "name")
    sort = sort if sort in SORTS else "name"
    visible = Merchant.objects.visible_to(user)
    by_phone = user.authority.may("merchants.see_personal_data")
    found = queries.find(visible, wanted, by_phone=by_phone)
    total = found.count()
    page = _page_number(request.GET, total)
    rows = found.select_related("standing").order_by(*SORTS[sort])[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
    part = request.GET.get("part") == "list"
    towns = town_names()
    kinds = {row.id: row.label for row in in_force().catalogues.kinds.merchants}
    context = {
        "wanted": wanted,
        "rows": [(merchant, kinds.get(merchant.kind), towns.get(merchant.town, "")) for merchant in rows],
        "tones": TONES,
        "columns": _columns(request.GET, sort),
        "total": total,
        "first": page * PAGE_ROWS + 1 if total else 0,
        "last": min((page + 1) * PAGE_ROWS, total),
        "prev": _with(request.GET, page=page) if page else "",
        "next": _with(request.GET, page=page + 2) if (page + 1) * PAGE_ROWS < total else "",
        "live": _with(request.GET, part="list"),
        "stats": _stats(request.GET, queries.counts(queries.find(visible, _scope(wanted), by_phone=by_phone))),
        "pulse": "" if part else str(head()),
    }
    if part:
        return render(request, "merchants/list_part.html", context)
    return render(request, "merchants/list.html", {**context, **_choices(user, wanted, towns)})


def read_wanted(query: QueryDict) -> Wanted:
    """What the address asks for; what no select offers is not asked."""
    said = {field: query.get(field, "").replace("\0", "").strip()[:60] for field in Wanted.__dataclass_fields__}
    offered = {
        "level": ("1", "2", "3", queries.UNRATED),
        "scale": Scale.values,
        "status": [*Status.values, queries.GONE],
        "device": Standing.DeviceState.values,
    }
    return Wanted(**{field: value if value in offered.get(field, [value]) else "" for field, value in said.items()})


def _scope(wanted: Wanted) -> Wanted:
    """Of what the tiles count: all but what they themselves choose."""
    return Wanted(wanted.q, wanted.town, wanted.grid, wanted.kind, wanted.scale, status=wanted.status)


def _page_number(query: QueryDict, total: int) -> int:
    """From 0; a page that is not there is the last one."""
    asked = query.get("page", "")
    number = int(asked) - 1 if asked.isascii() and asked.isdigit() and len(asked) < 8 else 0
    return max(0, min(number, (total - 1) // PAGE_ROWS))


def _with(query: QueryDict, **changed: object) -> str:
    """This list with some of its address changed; the first page unless told."""
    kept = {key: value for key, value in query.items() if key not in ("page", "part") and value}
    said = {key: str(value) for key, value in {**kept, **changed}.items() if value not in ("", None)}
    return f"/merchants/?{urlencode(said)}" if said else "/merchants/"


def _columns(query: QueryDict, sort: str) -> list[dict[str, Any]]:
    order = {"name": "ascending", "level": "descending", "issues": "descending", "visit": "ascending"}

    def column(text: str, key: str = "", numeric: bool = False) -> dict[str, Any]:
        sorted_ = order[key] if key == sort else ""
        return {"label": text, "url": _with(query, sort=key) if key else "", "sorted": sorted_, "numeric": numeric}

    return [
        column(_("Merchant"), "name"),
        column(_("Kind")),
        column(_("Town")),
        column(_("Scale")),
        column(_("Fume level"), "level"),
        column(_("Open issues"), "issues", numeric=True),
        column(_("Device")),
        column(_("Last visit"), "visit"),
    ]


def _stats(query: QueryDict, counted: dict[str, int]) -> list[dict[str, Any]]:
    """The tiles above the list: each opens the list of what it counts."""
    clean = {"level": "", "issues": "", "device": ""}
    tiles = [
        (_("Fume level 3"), "level3", "level3", {**clean, "level": "3"}),
        (_("Not rated"), "unrated", "unrated", {**clean, "level": queries.UNRATED}),
        (_("With open issues"), "with_issues", "warning", {**clean, "issues": "open"}),
        (_("Device without data"), "offline", "dark", {**clean, "device": "offline"}),
    ]
    return [
        {"label": text, "value": counted[key], "tone": tone if counted[key] else "neutral", "url": _with(query, **only)}
        for text, key, tone, only in tiles
    ]


def _choices(user: User, wanted: Wanted, towns: dict[str, str]) -> dict[str, Any]:
    may = user.authority.may
    return {
        "towns": towns if user.authority.farthest("merchants") == Sight.COUNTY else {},
        "kinds": in_force().catalogues.kinds.merchants,
        "scales": Scale.choices,
        "levels": [("1", _("Level 1")), ("2", _("Level 2")), ("3", _("Level 3")), (queries.UNRATED, _("Not rated"))],
        "devices": Standing.DeviceState.choices,
        "statuses": [*Status.choices, (queries.GONE, _("all, the closed too"))],
        "coverage": queries.coverage() if user.authority.farthest("merchants") == Sight.COUNTY else None,
        "may": {"edit": may("merchants.edit"), "print": may("merchants.print_codes")},
        "placeholder": _("Name, pinyin, initials, licence, phone")
        if may("merchants.see_personal_data")
        else _("Name, pinyin, initials, licence"),
        "labels_url": f"/merchants/labels/?{urlencode({key: value for key, value in asdict(wanted).items() if value})}",
    }
