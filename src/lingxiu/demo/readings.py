"""What the demo's monitors measured: three days of readings, a fortnight of windows, three months of hours and days.

All of it comes from the same kitchens minute by minute, so that each agrees with what it is made of. Windows that still have
their readings are left to the watch's own SQL; the older ones are reckoned here as that SQL would, in exact thousandths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby

import numpy as np
import numpy.typing as npt
from django.db import connection

from lingxiu.demo.bulk import Column, copy_columns
from lingxiu.demo.chance import stream
from lingxiu.demo.kitchens import FAN_A, HUMIDITY, PURIFIER_A, SCATTER, WARMTH, Flags, Thousandths, Week, monday_of
from lingxiu.demo.monitors import Monitor, Way
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.sensing.judging import complete_until
from lingxiu.sensing.profiles import MINUTE, microseconds, moment

HISTORY_DAYS, WINDOW_DAYS, RAW_DAYS = 92, 14, 3
REAL_TIME = 2011
WINDOW, HOUR, DAY = 10, 60, 1440  # minutes
LATENESS = (1, 4)  # seconds until a reading arrives
OVER = {"minutes_over_1": 1000, "minutes_over_2": 2000, "minutes_over_4": 4000}

_WATCHED = """
    INSERT INTO watch_device (device_id, heard_at, latest_at, dirty_from, dirty_to, due_at) VALUES (%s, %s, %s, %s, %s, %s)
"""
_LAST_READINGS = """
    UPDATE sensing_device d SET last_frame_at = w.heard_at, last_reading_at = w.latest_at
    FROM watch_device w WHERE w.device_id = d.id
"""

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Told:
    """All minutes of a monitor from a local midnight on; `at`: µs since 2000, the same second of every minute."""

    at: Times
    fume: Thousandths
    pm: Thousandths
    nmhc: Thousandths
    fan: Flags
    purifier: Flags
    sent: Flags


@dataclass(frozen=True)
class Statistics:
    """Windows, hours or days of a monitor: `at` in µs since 2000, and every column of their table."""

    at: Times
    columns: dict[str, Column]

    def only(self, mask: Flags) -> Statistics:
        return Statistics(self.at[mask], {name: column[mask] for name, column in self.columns.items()})

    @property
    def heard(self) -> Flags:
        """Those in which anything arrived."""
        return np.asarray(self.columns["count"] > 0)


def told(monitor: Monitor, at: datetime) -> Told:
    """Everything a monitor measured up to now, `HISTORY_DAYS` and the days to the Monday before."""
    first = monday_of(at.date() - timedelta(days=HISTORY_DAYS))
    weeks = [monitor.kitchen.week(first + timedelta(days=n)) for n in range(0, (at.date() - first).days + 1, 7)]
    columns = {name: np.concatenate([getattr(week, name) for week in weeks]) for name in Week._fields}
    begins = microseconds(datetime.combine(first, time(), at.tzinfo))
    minutes = begins + np.arange(len(columns["fume"])) * MINUTE
    exact = minutes + stream("second", monitor.device.mn).randrange(50) * 1_000_000
    heard = (exact >= microseconds(monitor.heard_from)) & (exact <= microseconds(monitor.heard_until))
    within = minutes >= microseconds(beginning(at, HISTORY_DAYS))
    columns["sent"] &= heard & within
    if monitor.dark is not None:
        off, on = map(microseconds, monitor.dark)
        columns["sent"] &= (exact < off) | (exact >= on)
    return Told(at=exact, **columns)


def beginning(at: datetime, days: int) -> datetime:
    """The local midnight so many days before today's."""
    return datetime.combine(at.date() - timedelta(days=days), time(), at.tzinfo)


# ── statistics ───────────────────────────────────────────────────────────────────────────────────────────────────


def windows_of(one: Told, measured: set[str]) -> Statistics:
    """Ten-minute windows, as `sensing/sql/recompute_windows.sql` makes them of one reading a minute."""
    sent = one.sent.reshape(-1, WINDOW)
    count = sent.sum(axis=1)
    fume = one.fume.reshape(-1, WINDOW)
    columns: dict[str, Column] = {"count": count, "valid": count, "minutes": count}
    columns["fume_mean"] = _mean(_total(fume, sent), count)
    columns["fume_min"] = np.where(sent, fume, np.iinfo(np.int64).max).min(axis=1) / 1000
    columns["fume_max"] = np.where(sent, fume, 0).max(axis=1) / 1000
    for name, values in {"pm": one.pm, "nmhc": one.nmhc}.items():
        if f"{name}_mg_m3" in measured:
            columns[f"{name}_mean"] = _mean(_total(values.reshape(-1, WINDOW), sent), count)
    fan, purifier = one.fan.reshape(-1, WINDOW), one.purifier.reshape(-1, WINDOW)
    columns["fan_on_minutes"] = (sent & fan).sum(axis=1)
    columns["purifier_on_minutes"] = (sent & purifier).sum(axis=1)
    columns["fan_without_purifier_minutes"] = (sent & fan & ~purifier).sum(axis=1)
    columns |= {name: (sent & (fume > limit)).sum(axis=1) for name, limit in OVER.items()}
    at = one.at[::WINDOW] // (WINDOW * MINUTE) * (WINDOW * MINUTE)
    return Statistics(at, _typed(columns))


def summed(windows: Statistics, minutes: int) -> Statistics:
    """Hours or days of whole windows, as `sensing/sql/recompute_hours.sql` makes them."""
    of = minutes // WINDOW
    blocks = {name: column.reshape(-1, of) for name, column in windows.columns.items()}
    heard = blocks["count"] > 0
    columns: dict[str, Column] = {
        name: block.sum(axis=1, dtype=np.int64) for name, block in blocks.items() if block.dtype.kind == "i"
    }
    for name in (name for name in blocks if name.endswith("_mean")):
        exact = np.rint(np.where(heard, blocks[name], 0).astype(np.float64) * 1000 * blocks["count"]).astype(np.int64)
        columns[name] = _mean(exact.sum(axis=1), columns["count"])
    columns["fume_min"] = np.where(heard, blocks["fume_min"], np.inf).min(axis=1)
    columns["fume_max"] = np.where(heard, blocks["fume_max"], 0).max(axis=1)
    return Statistics(windows.at[::of], _typed(columns))


def _total(values: Thousandths, sent: Flags) -> npt.NDArray[np.int64]:
    return np.asarray((values * sent).sum(axis=1), dtype=np.int64)


def _mean(total: npt.NDArray[np.int64], count: Column) -> Column:
    return np.asarray(total / 1000 / np.maximum(count, 1))


def _typed(columns: Mapping[str, Column]) -> dict[str, Column]:
    """In the types of the table: counts integer, minutes smallint, values real."""
    return {
        name: column.astype(
            np.float32 if column.dtype.kind == "f" else np.int32 if name in ("count", "valid") else np.int16
        )
        for name, column in columns.items()
    }


# ── written ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Heard:
    """A monitor, what such a monitor measures (columns of ours), all it told, and the windows made of it."""

    monitor: Monitor
    measured: set[str]
    told: Told
    windows: Statistics


def hear(monitor: Monitor, profiles: Mapping[str, DeviceProfile], at: datetime) -> Heard:
    """Everything of one monitor."""
    measured: set[str] = {factor.column for factor in profiles[monitor.device.profile].factors}
    one = told(monitor, at)
    return Heard(monitor, measured, one, windows_of(one, measured))


def make_partitions(at: datetime) -> None:
    """The weeks the readings lie in, and the next."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sensing_make_partitions(%s, %s)", [beginning(at, RAW_DAYS), at + timedelta(days=7)])


def write_heard(heard: Sequence[Heard], at: datetime) -> None:
    """Write readings of the last days, and statistics of what lies before them; monitors of one make together."""
    by_profile = sorted(heard, key=lambda one: one.monitor.device.profile)
    for _, group in groupby(by_profile, key=lambda one: one.monitor.device.profile):
        same = list(group)
        parts = [_readings(one, at) for one in same]
        copy_columns("reading_fume", {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
        _write_statistics(same, at)


def _readings(one: Heard, at: datetime) -> dict[str, Column]:
    """Rows of `reading_fume`; columns that such a monitor does not measure are left out."""
    kept, mn = one.told, one.monitor.device.mn
    mask = kept.sent & (kept.at >= microseconds(beginning(at, RAW_DAYS)))
    moments, rows = kept.at[mask], int(mask.sum())
    rng = np.random.default_rng(stream("readings", mn).getrandbits(64))
    fan, purifier = kept.fan[mask], kept.purifier[mask]
    values: dict[str, Column] = {
        "fume_mg_m3": kept.fume[mask] / 1000,
        "pm_mg_m3": kept.pm[mask] / 1000,
        "nmhc_mg_m3": kept.nmhc[mask] / 1000,
        **beside(rng, fan, purifier),
    }
    return {
        "device_id": np.full(rows, one.monitor.device.pk, dtype=np.int32),
        "at": moments,
        "cn": np.full(rows, REAL_TIME, dtype=np.int16),
        "channel": np.zeros(rows, dtype=np.int16),
        "received_at": moments + rng.integers(LATENESS[0] * 1_000_000, LATENESS[1] * 1_000_000, rows),
        **{name: column.astype(np.float32) for name, column in values.items() if name in one.measured},
        "fan_on": fan,
        "purifier_on": purifier,
    }


def beside(rng: np.random.Generator, fan: Flags, purifier: Flags) -> dict[str, Column]:
    """What a monitor tells beside the fume: warmth, humidity, and the currents of what runs."""
    usual = {
        "temperature_c": WARMTH[0] + WARMTH[1] * fan,
        "humidity_pct": HUMIDITY[0] + HUMIDITY[1] * fan,
        "fan_a": FAN_A[0] + FAN_A[1] * fan,
        "purifier_a": PURIFIER_A[0] + PURIFIER_A[1] * purifier,
    }
    return {
        name: np.round(np.where(values > 0, values + rng.normal(0, SCATTER[name], len(values)), 0.0), 2)
        for name, values in usual.items()
    }


def _write_statistics(heard: Sequence[Heard], at: datetime) -> None:
    """Windows of the fortnight but for the days the watch's SQL does; hours and days from the beginning up to there."""
    raw, fortnight = (microseconds(beginning(at, days)) for days in (RAW_DAYS, WINDOW_DAYS))
    old = [(one.monitor.device.pk, one.windows.only(one.windows.at < raw)) for one in heard]
    _write("window_fume", [(pk, windows.only(windows.at >= fortnight)) for pk, windows in old])
    _write("hour_fume", [(pk, summed(windows, HOUR)) for pk, windows in old])
    _write("day_fume", [(pk, summed(windows, DAY)) for pk, windows in old])


def _write(table: str, of_devices: Sequence[tuple[int, Statistics]]) -> None:
    heard = [(pk, one.only(one.heard)) for pk, one in of_devices]
    columns: dict[str, Column] = {
        "device_id": np.concatenate([np.full(len(one.at), pk, dtype=np.int32) for pk, one in heard]),
        "at": np.concatenate([one.at for _, one in heard]),
    }
    for name in heard[0][1].columns:
        columns[name] = np.concatenate([one.columns[name] for _, one in heard])
    copy_columns(table, columns)


def write_watched(heard: Sequence[Heard], settle_seconds: int, at: datetime) -> None:
    """What the watch knows of each device: when it was heard last, and that windows which are not over are still to be judged."""
    until = complete_until(at, settle_seconds)
    with connection.cursor() as cursor:
        cursor.executemany(_WATCHED, [_watched(one, until, settle_seconds, at) for one in heard if one.told.sent.any()])


def note_last_readings() -> None:
    """Devices repeat when they were last heard, as the watch has them do on its tick."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_READINGS)


def _watched(one: Heard, until: datetime, settle_seconds: int, at: datetime) -> tuple[int | datetime | None, ...]:
    latest = moment(int(one.told.at[one.told.sent][-1]))
    heard_at = at if one.monitor.way is Way.STAGED else latest
    if latest < until:
        return one.monitor.device.pk, heard_at, latest, None, None, None
    last = latest.replace(minute=latest.minute // 10 * 10, second=0, microsecond=0)
    due = until + timedelta(minutes=WINDOW, seconds=settle_seconds)
    return one.monitor.device.pk, heard_at, latest, until, last, due
