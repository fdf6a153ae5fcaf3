"""`/sensing/`: devices, alarms, and those that dial in and nobody registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import User
from lingxiu.journal.queries import head
from lingxiu.merchants.views.asking import reader
from lingxiu.policy.alarm_rules import AnyAlarm
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.roles import Sight
from lingxiu.sensing import noted, queries
from lingxiu.sensing.models import Alarm, AlarmQuerySet, Device, Maintainer, Storm, UnknownDevice
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
    devices = list(shown[page["from"] : page["to"]])
    ids = [device.pk for device in devices]
    mutes, storms = noted.mutes_of(ids, at), noted.storms_of(ids)
    rows = [
        {
            "device": device,
            "state": STATES[queries.state_of(device, at)],
            "profile": profiles.get(device.profile),
            "town": towns.get(device.merchant.town, ""),
            "mute": next(iter(mutes[device.pk]), None),
            "storm": storms.get(device.pk),
        }
        for device in devices
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
    visible = Alarm.objects.visible_to(user)
    found = queries.find_alarms(visible, wanted)
    towns = town_names()
    folded: list[noted.Folded] = []
    if not wanted.q and not wanted.storm and wanted.open != "observing":
        every = queries.find_alarms(visible, replace(wanted, open="all"))
        folded = noted.storms_in(every, ended_too=wanted.open == "all")
        found = found.exclude(storm__in=[one.storm.pk for one in folded])
    page = _page(query, found.count())
    rules = {rule.id: rule for rule in in_force().catalogues.alarms.rules}
    alarms = list(found.select_related("storm")[page["from"] : page["to"]])
    mutes = noted.mutes_of({alarm.device_id for alarm in alarms}, at)
    rows = [
        {
            "alarm": alarm,
            "rule": rules.get(alarm.code),
            "severity": SEVERITIES[alarm.severity],
            "town": towns.get(alarm.device.merchant.town, ""),
            "mute": None if alarm.cleared_at else noted.mute_among(mutes[alarm.device_id], alarm.code),
        }
        for alarm in alarms
    ]
    words = [_("Alarm"), _("Merchant"), _("Raised"), _("Cleared"), _("Issue"), _("Town")]
    return {
        "rows": rows,
        "storms": [storm_row(one, rules.get(one.storm.code), towns) for one in folded] if not page["from"] else [],
        "storm": _storm_of(visible, wanted),
        "columns": [{"label": word} for word in words],
        **page,
    }


def _storm_of(visible: AlarmQuerySet, wanted: Wanted) -> Storm | None:
    """The one storm that is asked for, if the reader sees any of it."""
    if wanted.storm_id is None:
        return None
    found = visible.filter(storm=wanted.storm_id).select_related("storm").first()
    return found.storm if found else None


def storm_row(folded: noted.Folded, rule: AnyAlarm | None, towns: Mapping[str, str]) -> dict[str, Any]:
    """A storm as pages show it: one row, with its first devices."""
    storm = folded.storm
    return {
        "storm": storm,
        "folded": folded,
        "rule": rule,
        "town": towns.get(storm.town, ""),
        "url": f"/sensing/?tab=alarms&open=all&storm={storm.pk}",
    }


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
    alarms = noted.count_open(Alarm.objects.visible_to(user))
    tiles = [
        (_("Open alarms"), alarms.things, "alarm", "bell-ringing", "/sensing/?tab=alarms", folded_words(alarms)),
        (_("Online"), counts["online"], "online", "sensor", "/sensing/?state=online", ""),
        (_("Without data"), counts["silent"] + counts["never"], "dark", "cloud-off", "/sensing/?state=dark", ""),
        (_("Under maintenance"), counts["maintenance"], "maintenance", "tool", "/sensing/?state=maintenance", ""),
        (_("In use"), counts["all"], "neutral", "sensor", "/sensing/", ""),
    ]
    return [
        {"label": label, "value": value, "tone": tone if value else "neutral", "icon": icon, "url": url, "note": note}
        for label, value, tone, icon, url, note in tiles
    ]


def folded_words(alarms: noted.Counted) -> str:
    """That some of what is counted stands for many; nothing while no storm lasts."""
    if not alarms.storms:
        return ""
    words = ngettext("%(n)s devices in one storm", "%(n)s devices in %(storms)s storms", alarms.storms)
    return words % {"n": alarms.folded, "storms": alarms.storms}


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
