"""Which way in listened when: a device that could not have been heard was not silent.

Every way has its own listeners, and a device is heard by the way it came last. What they say of themselves is kept in
`sensing_process`; a time without any of them is kept as deafness when the first is back. Judges no device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Max

from lingxiu.sensing.alarms import Span
from lingxiu.sensing.models import Deafness, Process, Way

DEAF_AFTER: Final = timedelta(seconds=60)
LISTENERS: Final[Mapping[Way, str]] = {Way.HJ212: "gateway", Way.MQTT: "mqtt"}
"""Kinds of processes. Of HTTP nobody keeps count: its door is in the same house as the gateway."""
_LISTENS_WITH: Final = {Way.HTTP: Way.HJ212}

NOTE_DEAF: Final = """
    INSERT INTO sensing_deafness (way, since, until)
    SELECT %(way)s, max(seen_at), %(now)s FROM sensing_process WHERE kind = %(kind)s HAVING max(seen_at) < %(horizon)s
"""
"""Nobody was listening between the last sign of life of any listener and this one; with `listener_says`."""
_WAYS: Final = """
    SELECT device_id, way FROM {table} WHERE device_id = ANY (%s)
"""


def listener_says(way: Way, now: datetime) -> dict[str, str | datetime]:
    """What NOTE_DEAF wants to know of a listener that is alive now."""
    return {"way": way.value, "kind": LISTENERS[way], "now": now, "horizon": now - DEAF_AFTER}


def deaf(since: datetime, at: datetime) -> dict[Way, list[Span]]:
    """When each way in was deaf after `since`, as far as is known at `at`; one that is deaf now has no end."""
    spans: defaultdict[Way, list[Span]] = defaultdict(list)
    for row in Deafness.objects.filter(until__gt=since):
        spans[Way(row.way)].append(Span(row.since, row.until))
    heard = Process.objects.filter(kind__in=LISTENERS.values()).order_by().values_list("kind").annotate(Max("seen_at"))
    last: dict[str, datetime] = dict(heard)
    for way, kind in LISTENERS.items():
        if kind in last and last[kind] < at - DEAF_AFTER:
            spans[way].append(Span(last[kind], None))
    return {way: spans[_LISTENS_WITH.get(way, way)] for way in Way}


def ways_of(device_ids: Collection[int], table: str = "watch_device") -> dict[int, Way]:
    """By which way each of these devices was heard last; `table`: where it is kept, `point_device` for what is no monitor."""
    with connection.cursor() as cursor:
        cursor.execute(_WAYS.format(table=table), [list(device_ids)])
        return {device_id: Way(way) for device_id, way in cursor.fetchall()}
