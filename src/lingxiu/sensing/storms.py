"""When many silences are one thing: plain functions over when each device fell silent and came back. No database, no clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from lingxiu.policy.alarm_rules import Storms

COUNTY: Final = ""
"""The town of what concerns all of them."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A device's silence became an alarm at `at`; it was heard again at `back`, None: not yet."""

    alarm_id: int
    town: str
    at: datetime
    back: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gale:
    """A storm: the silences that are part of it, those that began it and those that came to it while it lasted."""

    town: str
    since: datetime
    until: datetime | None
    alarm_ids: tuple[int, ...]


def gales(rule: Storms, falls: Iterable[Fall], in_use: Mapping[str, int]) -> list[Gale]:
    """The storms among these silences; the county's first, and of the rest each town's. `in_use`: devices by town."""
    ordered = sorted(falls, key=lambda one: (one.at, one.alarm_id))
    least = _least(rule.county_devices_at_least, rule.county_share_percent, sum(in_use.values()))
    found = _find(rule, ordered, COUNTY, least)
    taken = {alarm_id for gale in found for alarm_id in gale.alarm_ids}
    left = sorted(
        (one for one in ordered if one.alarm_id not in taken), key=lambda one: (one.town, one.at, one.alarm_id)
    )
    for town, group in groupby(left, key=lambda one: one.town):
        least = _least(rule.devices_at_least, rule.share_percent, in_use.get(town, 0))
        found += _find(rule, list(group), town, least)
    return found


def _least(devices: int, percent: float, of: int) -> int:
    return max(devices, math.ceil(of * percent / 100))


def _find(rule: Storms, falls: Sequence[Fall], town: str, least: int) -> list[Gale]:
    """A storm begins with the first silence that has enough others within the time; what falls while it lasts is part of it."""
    within = timedelta(minutes=rule.within_minutes)
    found: list[Gale] = []
    begin = 0
    while begin < len(falls):
        first = falls[begin].at
        core = [one for one in falls[begin:] if one.at <= first + within]
        if len(core) < least:
            begin += 1
            continue
        until = _ends(rule, core)
        members = [one for one in falls[begin:] if one in core or until is None or one.at < until]
        found.append(Gale(town, first, until, tuple(one.alarm_id for one in members)))
        begin += len(members)
    return found


def _ends(rule: Storms, core: Sequence[Fall]) -> datetime | None:
    """The moment at which enough of those that began it were back."""
    back = sorted(one.back for one in core if one.back is not None)
    needed = math.ceil(len(core) * rule.back_percent / 100)
    return back[needed - 1] if len(back) >= needed else None
