"""What other systems send as JSON is read, each device by its mapping, and stored; each record is told what became of it.

Fume monitors' readings go the way of HJ 212 (`sensing.store`), so that windows, statistics and alarms follow; all others into tables
of their own. A device nobody registered waits to be adopted. The same record may come any number of times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from lingxiu.policy.json_mappings import JsonMapping
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.sensing.models import Device, DeviceQuerySet, UnknownDevice, Way
from lingxiu.sensing.other_readings import Odd, Point, keep_odd
from lingxiu.sensing.other_readings import store as store_points
from lingxiu.sensing.profiles import VALUE_COLUMNS, Reading, microseconds, moment, to_jsonb
from lingxiu.sensing.store import Batch, Store, conninfo
from lingxiu.sensing.ways.mapping import Fault, Json, NotARecord, Record, Times, mn_of, read, records

Result = Literal["accepted", "same", "contradicts", "refused"]
UNKNOWN_DEVICES: Final = 10_000
LONGEST_FRAME: Final = 2048
REAL_TIME: Final = 2011
MINUTE: Final = 2051


@dataclass(frozen=True, slots=True)
class Message:
    """A document as it came: by a topic, or under the name of a mapping, or in our own form. `peer`: whom it came from."""

    document: Json
    peer: str
    topic: str = ""
    mapping: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of one record. `faults`: what is wrong with it; one that was accepted may have some too."""

    mn: str = ""
    at: datetime | None = None
    result: Result = "refused"
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class _Row:
    """A record on its way."""

    message: Message
    outcome: Outcome
    sent: Json
    mapping: JsonMapping | None = None
    device: Device | None = None
    record: Record | None = None


@dataclass(slots=True)
class Reception:
    """What is needed to receive. `seen`: the devices the sender may speak for; all unless told. `write_fume`: a writer kept open.
    `way`: how it came in."""

    at: datetime
    seen: DeviceQuerySet | None = None
    write_fume: Callable[[Batch], object] | None = None
    catalogues: Catalogues = field(default_factory=lambda: in_force().catalogues)
    way: Way = Way.HTTP

    def receive(self, messages: Sequence[Message]) -> list[list[Outcome]]:
        """Store what these messages say. Returns: for each message the outcomes of its records, in their order.

        When it returns, everything accepted is committed, unless the caller holds a transaction of its own.
        Raises: django.db.Error, psycopg.Error: something was not stored; the same again may be tried.
        """
        of_messages = [self._rows(message) for message in messages]
        rows = [row for of_message in of_messages for row in of_message]
        self._find_devices(rows)
        for row in rows:
            self._read(row)
        self._store(rows)
        return [[row.outcome for row in of_message] for of_message in of_messages]

    # ── whose it is ──────────────────────────────────────────────────────────────────────────────────────────────

    def _rows(self, message: Message) -> list[_Row]:
        """Its records, each with its device's number, or with why it has none."""
        candidates, told = candidates_for(self.catalogues.json_mappings, message)
        if not candidates:
            return [
                _Row(message, Outcome(faults=(Fault("mapping", message.mapping or message.topic, "mapping"),)), None)
            ]
        chosen = self._by_device(candidates, told) if told else candidates[0]
        rows = []
        try:
            found = records(chosen, message.document)
        except NotARecord as error:
            return [_Row(message, Outcome(told, faults=error.faults), message.document, chosen)]
        for sent in found:
            row = _Row(message, Outcome(told), sent, chosen)
            try:
                row.outcome.mn = mn_of(chosen, sent, message.document, told)
            except NotARecord as error:
                row.outcome.faults = error.faults
            rows.append(row)
        return rows

    def _by_device(self, candidates: Sequence[JsonMapping], mn: str) -> JsonMapping:
        device = Device.objects.filter(mn=mn).only("profile", "kind").first()
        return _chosen(candidates, device) or candidates[0] if device else candidates[0]

    def _find_devices(self, rows: Iterable[_Row]) -> None:
        named = {row.outcome.mn for row in rows if not row.outcome.faults}
        known = {device.mn: device for device in Device.objects.filter(mn__in=named)}
        seen = set(known) if self.seen is None else set(self.seen.filter(mn__in=named).values_list("mn", flat=True))
        unknown: dict[str, _Row] = {}
        for row in rows:
            mn = row.outcome.mn
            if row.outcome.faults:
                continue
            if mn not in known:
                unknown.setdefault(mn, row)
            if mn not in seen:
                row.outcome.faults = (Fault("mn", mn, "unknown"),)
                continue
            row.device = known[mn]
            row.mapping = self._mapping_for(row, known[mn])
            if row.device.state == Device.State.RETIRED:
                row.outcome.faults = (Fault("mn", mn, "retired"),)
            elif row.mapping is None:
                row.outcome.faults = (Fault("mn", mn, "kind"),)
        for mn, row in unknown.items():
            note_unknown(mn, row.message.peer, raw(row.sent), self.at)

    def _mapping_for(self, row: _Row, device: Device) -> JsonMapping | None:
        candidates, _told = candidates_for(self.catalogues.json_mappings, row.message)
        return _chosen(candidates, device)

    # ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, row: _Row) -> None:
        if row.outcome.faults or row.mapping is None:
            return
        try:
            row.record = read(row.mapping, row.sent, row.message.document, self._times())
        except NotARecord as error:
            row.outcome.faults = error.faults
            return
        row.outcome.at, row.outcome.faults = row.record.at, row.record.faults

    def _times(self) -> Times:
        return Times(ZoneInfo(settings.TIME_ZONE), self.at, timedelta(days=self.catalogues.alarms.keep_raw_days))

    def _store(self, rows: Sequence[_Row]) -> None:
        readable = [row for row in rows if row.record is not None and row.device is not None]
        fume = [row for row in readable if row.device is not None and row.device.kind == "fume_monitor"]
        points = [row for row in readable if row.device is not None and row.device.kind != "fume_monitor"]
        refused = [
            Odd(row.device.pk, "; ".join(f"{one.why}:{one.field}" for one in row.outcome.faults), raw(row.sent))
            for row in rows
            if row.device is not None and row.outcome.faults
        ]
        if points:
            became = store_points([_point(row) for row in points], self.at, refused, self.way)
            for row, what in zip(points, became, strict=True):
                row.outcome.result = what
        elif refused:
            keep_odd(refused, self.at)
        if fume:
            self._store_fume(fume)

    def _store_fume(self, rows: Sequence[_Row]) -> None:
        commands = {
            profile.id: REAL_TIME if "2011" in profile.statistics_cn else MINUTE for profile in self.catalogues.devices
        }
        batch = Batch(microseconds(self.at), way=self.way.value)
        readings = [_reading(row, commands) for row in rows]
        for reading, row in zip(readings, rows, strict=True):
            batch.add(reading, raw(row.sent))
        stored = _stored(readings)
        for reading, row in zip(readings, rows, strict=True):
            row.outcome.result = _compared(reading, stored)
            stored.setdefault(reading.key, reading.values)
        if self.write_fume is not None:
            self.write_fume(batch)
            return
        with closing(Store(conninfo())) as store:
            store.write(batch)


# ── mappings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def candidates_for(mappings: Sequence[JsonMapping], message: Message) -> tuple[list[JsonMapping], str]:
    """The mappings a message may be read by, and the device's number if its topic says it."""
    if message.topic:
        matches = [(row, told) for row in mappings if row.enabled if (told := _topic(row, message.topic)) is not None]
        return [row for row, _ in matches], next((told for _, told in matches), "")
    if message.mapping:
        return [row for row in mappings if row.enabled and row.id == message.mapping], ""
    return [row for row in mappings if row.enabled and row.standard], ""


def _chosen(candidates: Sequence[JsonMapping], device: Device) -> JsonMapping | None:
    """Its own, else the first of its kind."""
    own = (row for row in candidates if row.id == device.profile)
    return next(own, None) or next((row for row in candidates if row.device_kind == device.kind), None)


def _topic(mapping: JsonMapping, topic: str) -> str | None:
    """The device's number in a topic of this mapping, "" where it has none; None if it is no topic of it."""
    for pattern in mapping.topics:
        found = _pattern(pattern).fullmatch(topic)
        if found is not None:
            return found.groupdict().get("mn") or ""
    return None


@lru_cache(maxsize=1000)
def _pattern(topic: str) -> re.Pattern[str]:
    levels = {"+": "[^/]*", "{mn}": "(?P<mn>[^/]+)"}
    return re.compile("/".join(levels.get(level, re.escape(level)) for level in topic.split("/")))


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _point(row: _Row) -> Point:
    assert row.device is not None and row.record is not None
    said, values = row.record, dict(row.record.values)
    event = str(values.pop("event", ""))
    if event:  # what was seen is a row of its own kind; the camera's state is told apart
        values = {name: value for name, value in values.items() if name in ("confidence", "picture_url")}
    elif row.device.kind == "camera":
        values = {name: value for name, value in values.items() if name in ("state", "hls_url")}
    return Point(
        row.device.kind, row.device.pk, said.at, said.channel, values, said.marks, said.extra, event, raw(row.sent)
    )


def _reading(row: _Row, commands: Mapping[str, int]) -> Reading:
    assert row.device is not None and row.record is not None
    said = row.record
    values = [said.values.get(name) for name in VALUE_COLUMNS]
    cn = commands.get(row.device.profile, REAL_TIME)
    key = (row.device.pk, microseconds(said.at), cn, said.channel)
    return Reading._make((*key, *values, to_jsonb(said.marks), to_jsonb(said.extra)))


def _stored(readings: Sequence[Reading]) -> dict[tuple[int, int, int, int], tuple[float | bool | None, ...]]:
    """What is stored under the keys of these readings by now."""
    keys = [reading.key for reading in readings]
    times = [moment(key[1]).isoformat() for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.device_id, r.at, r.cn, r.channel, {', '.join(f'r.{name}' for name in VALUE_COLUMNS)}"  # noqa: S608 (ours)
            " FROM unnest(%s::int[], %s::timestamptz[], %s::smallint[], %s::smallint[]) k (device_id, at, cn, channel)"
            " JOIN reading_fume r USING (device_id, at, cn, channel)",
            [[key[0] for key in keys], times, [key[2] for key in keys], [key[3] for key in keys]],
        )
        return {(row[0], microseconds(row[1].astimezone(UTC)), row[2], row[3]): row[4:] for row in cursor.fetchall()}


def _compared(reading: Reading, stored: Mapping[tuple[int, int, int, int], tuple[float | bool | None, ...]]) -> Result:
    """What becomes of a reading beside what is stored; a writer at the same instant may make "same" of "accepted"."""
    known = stored.get(reading.key)
    if known is None:
        return "accepted"
    pairs = [(ours, theirs) for ours, theirs in zip(known, reading.values, strict=True) if theirs is not None]
    if any(ours is not None and not _equal(ours, theirs) for ours, theirs in pairs):
        return "contradicts"
    return "accepted" if any(ours is None for ours, _ in pairs) else "same"


def _equal(ours: float | bool, theirs: float | bool) -> bool:
    """As `real` has it: seven digits."""
    return ours == theirs or abs(ours - theirs) <= 1e-6 * max(abs(ours), abs(theirs))


def raw(sent: Json) -> bytes:
    """A record as it is kept beside the readings."""
    return json.dumps(sent, ensure_ascii=False).encode(errors="replace")[:LONGEST_FRAME]


# ── nobody's ─────────────────────────────────────────────────────────────────────────────────────────────────────


def note_unknown(mn: str, peer: str, frame: bytes, at: datetime) -> None:
    """A device nobody registered has spoken: it waits to be adopted, `UNKNOWN_DEVICES` of them at most."""
    again = UnknownDevice.objects.filter(mn=mn)
    if again.update(frames=F("frames") + 1, peer=peer[:60], last_at=at, last_frame=frame):
        return
    if UnknownDevice.objects.count() >= UNKNOWN_DEVICES:
        return
    with transaction.atomic():
        UnknownDevice.objects.bulk_create(
            [UnknownDevice(mn=mn, peer=peer[:60], first_at=at, last_at=at, first_frame=frame, last_frame=frame)],
            ignore_conflicts=True,
        )


def topics(mappings: Iterable[JsonMapping]) -> Iterator[str]:
    """What a broker is asked for, each once."""
    yield from dict.fromkeys(topic for row in mappings if row.enabled for topic in row.subscriptions())
