"""Ten-minute windows, hours and days of grease traps, gas alarms, meters and cameras, by channel: recomputed where touched.

What each table keeps is one table below: how a column follows from readings, and how from the windows of an hour or a day. Nothing
is ever added to them, so they are right whatever came late, twice or in pieces. Never judges, never touches a reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Literal, TypeAlias

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.sensing.models import Device
from lingxiu.sensing.other_readings import CAMERA, GAS, GREASE, HOLD, POWER, SEEN, Table, mark
from lingxiu.sensing.statistics import WAITS, WINDOW

Step = Literal["window", "hour", "day"]
Touched: TypeAlias = list[tuple[int, datetime]]
LENGTHS: Final[dict[Step, str]] = {"window": "10 minutes", "hour": "1 hour", "day": "1 day"}
WINDOWS_AT_ONCE: Final = 5_000
SUMS_AT_ONCE: Final = 1_000
USUALLY_EVERY: Final = 60
"""Seconds between two readings of a device whose mapping is no longer known."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of statistics, in SQL: over the readings of a window, and over the windows of an hour or a day."""

    name: str
    of_readings: str
    of_windows: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one table of readings in `window_`, `hour_` and `day_<name>`.

    `readings`, `windows`: what the rows bring along for the columns, in SQL. `only`: the readings that count. `lasts`: a reading
    says something of the time after it too, for as long as the device is usually silent.
    """

    name: str
    source: Table
    columns: tuple[Column, ...]
    readings: str = ""
    windows: str = ""
    only: str = "true"
    lasts: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return ("channel", *([self.source.event] if self.source.event else []))

    def table(self, step: Step) -> str:
        """The table of this step."""
        return f"{step}_{self.name}"


COUNT: Final = Column("count", "count(*)", "sum(count)")
GROWN: Final = (
    "CASE WHEN {of} IS NOT NULL THEN"
    " greatest(0, {of} - lag({before}) OVER (PARTITION BY channel, {of} IS NULL ORDER BY r.at)) END AS grown"
)
"""By how much a count grew since the one before; null where there is none. Those without one are a part of their own."""


def _measure(name: str, column: str) -> tuple[Column, ...]:
    """Count, mean, least and most of a value. Sums are exact, so that no order of arrival changes a digit."""
    mean = f"{name}_mean::float8::numeric * {name}_count"
    return (
        Column(f"{name}_count", f"count({column})", f"sum({name}_count)"),
        Column(
            f"{name}_mean",
            f"avg({column}::float8::numeric)::real",
            f"(sum({mean}) / nullif(sum({name}_count), 0))::real",
        ),
        Column(f"{name}_min", f"min({column})", f"min({name}_min)"),
        Column(f"{name}_max", f"max({column})", f"max({name}_max)"),
    )


def _used(*summands: str) -> str:
    return f"(sum(round(({' + '.join(summands)})::numeric, 3)))::float8"


def _at_an_end(column: str, order: str) -> str:
    return f"(array_agg({column} ORDER BY r.at {order}) FILTER (WHERE {column} IS NOT NULL))[1]"


def _minutes(name: str, when: str) -> Column:
    """Minutes of the clock with such a reading, each for as long as one stands."""
    bits = f"coalesce(bit_or(minute) FILTER (WHERE {when}), 0)::bit(10)"
    return Column(name, f"least(10, bit_count({bits}) * greatest(1, max(t.every) / 60))", f"sum({name})")


def _seconds(state: str) -> Column:
    """Seconds of the window in which the camera was so, by its last word before and in it."""
    until = "least(next_at, r.at + make_interval(secs => t.every), t.at + interval '10 minutes')"
    lasted = f"greatest(0, extract(epoch FROM {until} - greatest(r.at, t.at)))"
    return Column(
        f"seconds_{state}",
        f"coalesce(round(sum({lasted}) FILTER (WHERE state = '{state}')), 0)",
        f"sum(seconds_{state})",
    )


KEPT: Final[dict[str, tuple[Kept, ...]]] = {
    "grease_trap": (
        Kept(
            "grease",
            GREASE,
            (
                COUNT,
                *_measure("level", "level_pct"),
                *_measure("oil", "oil_mm"),
                *_measure("temperature", "temperature_c"),
            ),
        ),
    ),
    "gas_alarm": (
        Kept(
            "gas",
            GAS,
            (
                COUNT,
                *_measure("lel", "lel_pct"),
                _minutes("minutes", "true"),
                _minutes("minutes_over_20", "lel_pct >= 20"),
                _minutes("minutes_over_50", "lel_pct >= 50"),
                _minutes("minutes_alarm", "state = 'alarm'"),
            ),
            readings="1 << (date_part('epoch', r.at)::bigint / 60 %% 10)::integer AS minute",
        ),
    ),
    "power_meter": (
        Kept(
            "power",
            POWER,
            (
                COUNT,
                *_measure("power", "power_w"),
                *_measure("fan", "fan_a"),
                *_measure("purifier", "purifier_a"),
                Column("used_kwh", _used("grown"), _used("used_kwh", "grown")),
                Column("first_kwh", _at_an_end("energy_kwh", "ASC"), _at_an_end("first_kwh", "ASC")),
                Column("last_kwh", _at_an_end("energy_kwh", "DESC"), _at_an_end("last_kwh", "DESC")),
            ),
            readings=GROWN.format(of='energy_kwh', before='energy_kwh'),
            windows=GROWN.format(of='first_kwh', before='last_kwh'),
        ),
    ),
    "camera": (
        Kept(
            "camera",
            CAMERA,
            (
                Column("count", "count(*) FILTER (WHERE r.at >= t.at)", "sum(count)"),
                _seconds("online"),
                _seconds("offline"),
            ),
            readings="lead(r.at) OVER (PARTITION BY channel ORDER BY r.at) AS next_at",
            only="state IS NOT NULL",
            lasts=True,
        ),
        Kept("seen", SEEN, (COUNT, Column("surest", "max(confidence)", "max(surest)"))),
    ),
}  # fmt: skip


@cache
def _statement(kept: Kept, step: Step, source: Step | None = None) -> str:
    """The rows of this step named by %(devices)s, %(moments)s and %(every)s (seconds between readings), recomputed; answers those
    that are new or different. From readings, or from the rows of `source`. Names are our own."""
    table, columns = kept.table(step), [column.name for column in kept.columns]
    key = ", ".join(f"r.{name}" for name in kept.key)
    brought = kept.windows if source else kept.readings
    values = [column.of_windows if source else column.of_readings for column in kept.columns]
    since = "> t.at - make_interval(secs => t.every)" if kept.lasts and not source else ">= t.at"
    rows = (
        f"SELECT r.*{', ' if brought else ''}{brought} FROM {kept.table(source) if source else kept.source.name} r"  # noqa: S608
        f" WHERE r.device_id = t.device_id AND r.at {since} AND r.at < t.at + interval '{LENGTHS[step]}'"
        f" AND r.at >= %(first)s AND r.at < %(last)s AND {'true' if source else kept.only}"
    )
    return (
        f"INSERT INTO {table} AS w (device_id, at, {', '.join([*kept.key, *columns])})"  # noqa: S608
        f" SELECT t.device_id, t.at, {', '.join([key, *values])}"
        " FROM unnest(%(devices)s::int[], %(moments)s::timestamptz[], %(every)s::int[]) AS t (device_id, at, every)"
        f" CROSS JOIN LATERAL ({rows}) r GROUP BY t.device_id, t.at, {key} ORDER BY t.device_id, t.at, {key}"
        f" ON CONFLICT (device_id, at, {', '.join(kept.key)}) DO UPDATE SET"
        f" {', '.join(f'{name} = excluded.{name}' for name in columns)}"
        " WHERE (w.*) IS DISTINCT FROM (excluded.*) RETURNING w.device_id, w.at"
    )


# ── what the watch does ──────────────────────────────────────────────────────────────────────────────────────────

# Claimed in a statement of its own: what the next one sees was committed before its row could be had. Chosen once (MATERIALIZED): as
# the inner side of a loop the choice would be made anew for each row, and go on past those already gone until none is left.
_CLAIM: Final = """
    WITH mine AS MATERIALIZED (
        SELECT device_id, step, at FROM dirty_point WHERE step = %s AND marked_at <= %s
        ORDER BY marked_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    DELETE FROM dirty_point d USING mine
    WHERE (d.device_id, d.step, d.at) = (mine.device_id, mine.step, mine.at) RETURNING d.device_id, d.at
"""
_MARK_SUMS: Final = f"""
    INSERT INTO dirty_point (device_id, step, at, marked_at)
    SELECT DISTINCT device_id, step, date_trunc(step, at, %s), %s::timestamptz
    FROM unnest(%s::int[], %s::timestamptz[]) AS n (device_id, at), unnest(ARRAY['hour', 'day']) AS step ORDER BY 1, 2, 3 {HOLD}
"""  # noqa: S608 (our own words)


def follow(catalogues: Catalogues, at: datetime) -> bool:
    """Recompute what was touched: windows at once, hours and days once they have been dirty for a while, a bounded part of each.

    Returns: whether more of it waits. Two watches may do this side by side: what one has claimed the other passes by.
    """
    windows = _step(catalogues, "window", at, at, WINDOWS_AT_ONCE)
    for step, wait in WAITS.items():
        _step(catalogues, step, at - wait, at, SUMS_AT_ONCE)
    return windows == WINDOWS_AT_ONCE


def recompute(
    catalogues: Catalogues, device_ids: Sequence[int], since: datetime, until: datetime, at: datetime
) -> None:
    """All statistics of these devices between two moments, from their readings; windows whose readings are gone stay."""
    for kind, ids in _by_kind(device_ids).items():
        for kept in KEPT[kind]:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT DISTINCT device_id, date_bin('10 minutes', at, '2000-01-01T00:00Z') FROM {kept.source.name}"  # noqa: S608
                    " WHERE device_id = ANY (%s) AND at >= %s AND at < %s",
                    [ids, since, until],
                )
                mark(cursor, cursor.fetchall(), at)
    while any(_step(catalogues, step, at, at, WINDOWS_AT_ONCE) for step in LENGTHS):
        pass


def _by_kind(device_ids: Sequence[int]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for pk, kind in Device.objects.filter(pk__in=device_ids, kind__in=KEPT).order_by("pk").values_list("pk", "kind"):
        found[kind].append(pk)
    return found


def _step(catalogues: Catalogues, step: Step, marked_before: datetime, at: datetime, limit: int) -> int:
    """Recompute the oldest of this step that were marked by then, in one transaction. Returns: how many that were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, [step, marked_before, limit])
        claimed = cursor.fetchall()
        changed: set[tuple[int, datetime]] = set()
        for kind, touched in _kinds_of(claimed).items():
            for kept in KEPT[kind]:
                changed.update(_recompute(cursor, kept, step, touched, _every(catalogues)))
        if step == "window" and changed:
            devices, moments = _arrays(changed)
            cursor.execute(_MARK_SUMS, [settings.TIME_ZONE, at.isoformat(), devices, moments])
    return len(claimed)


def _kinds_of(claimed: Touched) -> dict[str, list[tuple[int, str, datetime]]]:
    """Kind → (device, its mapping, time); nothing of devices that are gone."""
    rows = Device.objects.filter(pk__in={pk for pk, _ in claimed}, kind__in=KEPT).values_list("pk", "kind", "profile")
    devices = {pk: (kind, profile) for pk, kind, profile in rows}
    found: defaultdict[str, list[tuple[int, str, datetime]]] = defaultdict(list)
    for pk, moment in claimed:
        if pk in devices:
            kind, profile = devices[pk]
            found[kind].append((pk, profile, moment))
    return found


def _recompute(
    cursor: CursorWrapper,
    kept: Kept,
    step: Step,
    touched: Sequence[tuple[int, str, datetime]],
    every: Mapping[str, int],
) -> Touched:
    rows = {(pk, moment): every.get(profile, USUALLY_EVERY) for pk, profile, moment in touched}
    if kept.lasts and step == "window":
        rows = {
            (pk, moment + n * WINDOW): seconds
            for (pk, moment), seconds in rows.items()
            for n in range(1 + -(-seconds // int(WINDOW.total_seconds())))
        }
    devices, moments = _arrays(rows)
    longest = timedelta(seconds=max(rows.values()))
    cursor.execute(
        _statement(kept, step, None if step == "window" else "window"),
        {
            "devices": devices,
            "moments": moments,
            "every": list(rows.values()),
            "first": min(moment for _, moment in rows) - longest,
            "last": max(moment for _, moment in rows) + timedelta(days=1),
        },
    )
    return [(pk, moment) for pk, moment in cursor.fetchall()]


def _every(catalogues: Catalogues) -> dict[str, int]:
    """Mapping → seconds between two readings."""
    return {row.id: row.sends_every_seconds for row in catalogues.json_mappings}


def _arrays(touched: Iterable[tuple[int, datetime]]) -> tuple[list[int], list[str]]:
    pairs = list(touched)
    return [pk for pk, _ in pairs], [moment.isoformat() for _, moment in pairs]
