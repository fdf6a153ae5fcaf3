"""What pages say beside alarms and devices: which are muted, by whom and why; which are part of one storm. Changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from lingxiu.sensing.models import Alarm, AlarmQuerySet, Mute, Storm
from lingxiu.sensing.telling import part_of_storm

STORMS_SHOWN: Final = 10
UNFOLDED: Final = 12
"""Devices of a storm that are named where it is folded."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A storm as one row: of its alarms those this reader sees, how many of them still stand, and the first few."""

    storm: Storm
    here: int
    dark: int
    first: tuple[Alarm, ...]

    @property
    def left(self) -> int:
        """How many are not named."""
        return self.here - len(self.first)


@dataclass(frozen=True, slots=True)
class Counted:
    """Open alarms as they are looked at: each by itself, and those that are folded into storms."""

    single: int
    folded: int
    storms: int

    @property
    def things(self) -> int:
        """A storm is one thing."""
        return self.single + self.storms


def storms_in(alarms: AlarmQuerySet, *, ended_too: bool = False) -> list[Folded]:
    """The storms these alarms are part of, newest first: those that last, or the newest ones of all. Three statements at most."""
    parts = alarms.filter(storm__isnull=False) if ended_too else alarms.filter(part_of_storm())
    counted = (
        parts.order_by()
        .values("storm", "storm__since")
        .annotate(here=Count("pk"), dark=Count("pk", filter=Q(cleared_at=None)))
        .order_by("-storm__since", "storm")[:STORMS_SHOWN]
    )
    found = {row["storm"]: row for row in counted}
    if not found:
        return []
    first = _first_of(alarms, list(found))
    storms = Storm.objects.in_bulk(list(found))
    return [Folded(storms[pk], row["here"], row["dark"], tuple(first[pk])) for pk, row in found.items()]


def _first_of(alarms: AlarmQuerySet, storm_ids: Collection[int]) -> defaultdict[int | None, list[Alarm]]:
    """Those that still stand before those that are back."""
    order = (F("cleared_at").desc(nulls_first=True), "device__merchant__initials", "pk")
    ranked = alarms.filter(storm__in=storm_ids).annotate(
        nth=Window(RowNumber(), partition_by="storm", order_by=list(order))
    )
    rows: defaultdict[int | None, list[Alarm]] = defaultdict(list)
    for alarm in ranked.filter(nth__lte=UNFOLDED).select_related("device__merchant").order_by("storm", "nth"):
        rows[alarm.storm_id].append(alarm)
    return rows


def count_open(alarms: AlarmQuerySet) -> Counted:
    """Of these alarms the open ones, in one statement."""
    counted = alarms.filter(cleared_at=None, withdrawn_at=None).aggregate(
        single=Count("pk", filter=~part_of_storm()),
        folded=Count("pk", filter=part_of_storm()),
        storms=Count("storm", filter=part_of_storm(), distinct=True),
    )
    return Counted(**counted)


def storms_of(device_ids: Collection[int]) -> dict[int, Storm]:
    """The storm that lasts and that each of these devices is part of."""
    rows = Alarm.objects.filter(part_of_storm(), device__in=device_ids, cleared_at=None).select_related("storm")
    return {row.device_id: row.storm for row in rows if row.storm is not None}


def mutes_of(device_ids: Collection[int], at: datetime) -> defaultdict[int, list[Mute]]:
    """Under which mutes each of these devices is now, those that last longest first."""
    mutes: defaultdict[int, list[Mute]] = defaultdict(list)
    for row in Mute.objects.filter(device__in=device_ids, since__lte=at, until__gt=at).order_by("-until", "pk"):
        mutes[row.device_id].append(row)
    return mutes


def mute_among(mutes: Iterable[Mute], code: str) -> Mute | None:
    """The longest of a device's mutes that an alarm of this code is under."""
    return next((row for row in mutes if row.code in ("", code)), None)
