"""`/sensing/`: devices, alarms, and those that dial in and nobody registered."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.queries import head
from lingxiu.merchants.views.asking import reader
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema import Sight
from lingxiu.sensing import queries
from lingxiu.sensing.models import Alarm, Device, Maintainer, UnknownDevice
from lingxiu.sensing.queries import Wanted
from lingxiu.sensing.words import KINDS, SEVERITIES, STATES
from lingxiu.territory.queries import town_names

PAGE_ROWS = 50
TABS = ("devices", "alarms", "unknown")
SORTS: Final[dict[str, tuple[Any, ...]]] = {
    "": (F("alarms_open").desc(), "merchant__initials", "mn"),
    "name": ("merchant__initials", "mn"),
    "heard": (F("last_frame_at").asc(nulls_first=True), "mn"),
    "-heard": (F("last_frame_at").desc(nulls_last=True), "mn"),
}
"""How the devices may be ordered: open alarms first unless told; who was heard longest ago, or last."""


@require_safe
def sensing_list(request: HttpRequest) -> HttpResponse:
    """`/sensing/`: `tab` one of TABS; `part=list` answers with the live part alone."""
    user, at = reader(request), timezone.now()
    tab = request.GET.get("tab", "")
    manages = user.authority.may("sensing.manage")
    tab = tab if tab in TABS and (tab != "unknown" or manages) else "devices"
    wanted = read_wanted(request.GET)
    rows = {"devices": _devices, "alarms": _alarms, "unknown": _unknown}[tab](user, wanted, request.GET, at)
    context = {
        "tab": tab,
        "wanted": wanted,
        "live": _with(request.GET, part="list"),
        "stats": _stats(user, at),
        "manages": manages,
        **rows,
    }
    if request.GET.get("part") == "list":
        return render(request, "sensing/list_part.html", context)
    tabs = _tabs(user, tab, manages)
    return render(request, "sensing/list.html", {**context, **_choices(user), "tabs": tabs, "pulse": str(head())})


def read_wanted(query: QueryDict) -> Wanted:
    """What the address asks for; what no select offers is not asked."""
    said = {field: query.get(field, "").strip()[:60] for field in Wanted.__dataclass_fields__}
    offered = {"state": ["", *queries.STATES, "dark", "alarm"], "open": ["", "all", "observing"]}
    return Wanted(**{field: value if value in offered.get(field, [value]) else "" for field, value in said.items()})


# ── what each tab shows ──


def _devices(user: User, wanted: Wanted, query: QueryDict, at: datetime) -> dict[str, Any]:
    found = queries.find_devices(Device.objects.visible_to(user), wanted, at)
    page = _page(query, found.count())
    sort = query.get("sort", "")
    shown = found.select_related("merchant").order_by(*SORTS.get(sort, SORTS[""]))
    towns, profiles = town_names(), {row.id: row.label for row in in_force().catalogues.dialects}
    rows = [
        {
            "device": device,
            "state": STATES[queries.state_of(device, at)],
            "profile": profiles.get(device.profile),
            "town": towns.get(device.merchant.town, ""),
        }
        for device in shown[page["from"] : page["to"]]
    ]
    return {"rows": rows, "columns": _device_columns(query, sort if sort in SORTS else ""), "sort": sort, **page}


def _device_columns(query: QueryDict, sort: str) -> list[dict[str, Any]]:
    """The columns; those one may sort by with the address that does, and back the other way."""
    turned = {"name": "name", "": "", "heard": "-heard", "-heard": "heard"}
    columns: list[tuple[str, str | None]] = [
        (_("Merchant"), "name"), (_("State"), None), (_("Open alarms"), ""), (_("Last heard"), "heard"),
        (_("Dialect"), None), (_("Maker"), None), (_("Town"), None),
    ]  # fmt: skip
    made: list[dict[str, Any]] = []
    for label, key in columns:
        here = key is not None and sort.removeprefix("-") == key
        column: dict[str, Any] = {"label": label, "numeric": key == ""}
        if key is not None:
            column["url"] = _with(query, sort=turned[sort] if here else key)
        if here:
            column["sorted"] = "ascending" if sort in ("heard", "name") else "descending"
        made.append(column)
    return made


def _alarms(user: User, wanted: Wanted, query: QueryDict, at: datetime) -> dict[str, Any]:
    found = queries.find_alarms(Alarm.objects.visible_to(user), wanted)
    page = _page(query, found.count())
    rules, towns = {rule.id: rule for rule in in_force().catalogues.alarms.rules}, town_names()
    rows = [
        {
            "alarm": alarm,
            "rule": rules.get(alarm.code),
            "severity": SEVERITIES[alarm.severity],
            "town": towns.get(alarm.device.merchant.town, ""),
        }
        for alarm in found[page["from"] : page["to"]]
    ]
    words = [_("Alarm"), _("Merchant"), _("Raised"), _("Cleared"), _("Issue"), _("Town")]
    return {"rows": rows, "columns": [{"label": word} for word in words], **page}


def _unknown(user: User, wanted: Wanted, query: QueryDict, at: datetime) -> dict[str, Any]:
    found = UnknownDevice.objects.order_by("-last_at", "mn")
    if wanted.q:
        found = found.filter(mn__icontains=wanted.q)
    page = _page(query, found.count())
    words = [_("MN"), _("Frames"), _("Dials from"), _("First"), _("Last")]
    columns = [{"label": word, "numeric": word == _("Frames")} for word in words]
    return {"rows": list(found[page["from"] : page["to"]]), "columns": columns, **page}


# ── around it ──


def _page(query: QueryDict, total: int) -> dict[str, Any]:
    """Which rows are shown, and the addresses of the pages beside; one that is not there is the last one."""
    asked = query.get("page", "")
    number = int(asked) - 1 if asked.isascii() and asked.isdigit() and len(asked) < 8 else 0
    number = max(0, min(number, (total - 1) // PAGE_ROWS))
    first, last = number * PAGE_ROWS, min((number + 1) * PAGE_ROWS, total)
    return {
        "total": total,
        "from": first,
        "to": last,
        "first": first + 1 if total else 0,
        "last": last,
        "prev": _with(query, page=number) if number else "",
        "next": _with(query, page=number + 2) if last < total else "",
    }


def _with(query: QueryDict, **changed: object) -> str:
    """This list with some of its address changed; the first page unless told."""
    kept = {key: value for key, value in query.items() if key not in ("page", "part") and value}
    return f"/sensing/?{urlencode({**kept, **{key: str(value) for key, value in changed.items()}})}"


def _stats(user: User, at: datetime) -> list[dict[str, Any]]:
    """The tiles above: each opens the list of what it counts."""
    counts = queries.count_devices(Device.objects.visible_to(user), at)
    alarms = queries.find_alarms(Alarm.objects.visible_to(user), Wanted()).count()
    tiles = [
        (_("Open alarms"), alarms, "alarm", "bell-ringing", "/sensing/?tab=alarms"),
        (_("Online"), counts["online"], "online", "sensor", "/sensing/?state=online"),
        (_("Without data"), counts["silent"] + counts["never"], "dark", "cloud-off", "/sensing/?state=dark"),
        (_("Under maintenance"), counts["maintenance"], "maintenance", "tool", "/sensing/?state=maintenance"),
        (_("In use"), counts["all"], "neutral", "sensor", "/sensing/"),
    ]
    return [
        {"label": label, "value": value, "tone": tone if value else "neutral", "icon": icon, "url": url}
        for label, value, tone, icon, url in tiles
    ]


def _tabs(user: User, tab: str, manages: bool) -> list[dict[str, Any]]:
    tabs: list[tuple[str, str, int | None]] = [("devices", _("Devices"), None), ("alarms", _("Alarms"), None)]
    if manages:
        tabs.append(("unknown", _("Not registered"), UnknownDevice.objects.count()))
    return [
        {"label": label, "url": f"/sensing/?tab={name}", "active": name == tab, "count": count}
        for name, label, count in tabs
    ]


def _choices(user: User) -> dict[str, Any]:
    catalogues = in_force().catalogues
    there = set(Device.objects.visible_to(user).order_by().values_list("kind", "vendor").distinct())
    return {
        "kinds": [(kind, KINDS.get(kind, kind)) for kind in sorted({kind for kind, _vendor in there})],
        "vendors": sorted({vendor for _kind, vendor in there} - {""}),
        "maintainers": list(Maintainer.objects.values_list("pk", "name")),
        "towns": town_names() if user.authority.farthest("merchants") == Sight.COUNTY else {},
        "states": [(key, STATES[key].word) for key in queries.STATES],
        "profiles": catalogues.dialects,
        "rules": catalogues.alarms.rules,
    }
