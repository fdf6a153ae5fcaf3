"""What pages and the API read of devices: how each is doing, its windows, its last words. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from lingxiu.merchants import queries as merchants
from lingxiu.merchants.models import Merchant
from lingxiu.policy.alarm_rules import Silence
from lingxiu.policy.queries import in_force
from lingxiu.sensing.models import Alarm, AlarmQuerySet, Device, DeviceQuerySet, Maintenance
from lingxiu.sensing.places import MERCHANT_THEN, stands_since
from lingxiu.sensing.profiles import VALUE_COLUMNS

STATES = ("online", "silent", "never", "observing", "maintenance", "retired")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader of the devices or alarms asks for; empty means any.

    `state`: one of STATES, `dark` (silent, or never heard), or `alarm`. `maintainer`: a company's id, "0" for none. `storm`: its id.
    """

    q: str = ""
    town: str = ""
    state: str = ""
    kind: str = ""
    vendor: str = ""
    maintainer: str = ""
    profile: str = ""
    code: str = ""
    open: str = ""
    storm: str = ""

    @property
    def filters(self) -> int:
        """How many filters are in force besides the words."""
        return sum(bool(value) for value in astuple(self)[1:])

    @property
    def storm_id(self) -> int | None:
        """Of which storm, if the address says a number."""
        return int(self.storm[:9]) if self.storm.isascii() and self.storm.isdigit() else None


# ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────────


def with_state(devices: DeviceQuerySet, at: datetime) -> DeviceQuerySet:
    """The devices, each with `silent`, `held` and `alarms_open` (how many)."""
    silences = [rule.id for rule in in_force().catalogues.alarms.rules if isinstance(rule, Silence)]
    open_alarms = Alarm.objects.filter(device=OuterRef("pk"), cleared_at=None)
    maintenance = Maintenance.objects.filter(Q(until=None) | Q(until__gt=at), device=OuterRef("pk"), since__lte=at)
    counted = open_alarms.order_by().values("device").annotate(n=Count("pk")).values("n")
    return devices.annotate(
        silent=Exists(open_alarms.filter(code__in=silences)),
        held=Exists(maintenance),
        alarms_open=Coalesce(Subquery(counted), 0),
    )


def state_of(device: Any, at: datetime) -> str:
    """One of STATES, of a device of `with_state`."""
    if device.state == Device.State.RETIRED:
        return "retired"
    if device.held or device.state == Device.State.MAINTENANCE:
        return "maintenance"
    if device.last_frame_at is None:
        return "never"
    if device.silent:
        return "silent"
    return "observing" if device.observe_until is not None and at < device.observe_until else "online"


def find_devices(devices: DeviceQuerySet, wanted: Wanted, at: datetime) -> DeviceQuerySet:
    """Of these devices, with their states, those that are wanted."""
    found = with_state(devices, at)
    if wanted.q:
        called = merchants.find(
            Merchant.objects.all(), merchants.Wanted(q=wanted.q, status=merchants.GONE), by_phone=False
        )
        found = found.filter(Q(mn__icontains=wanted.q.strip()) | Q(merchant__in=called))
    if wanted.town:
        found = found.filter(merchant__town=wanted.town)
    said = {"kind": wanted.kind, "vendor": wanted.vendor, "profile": wanted.profile}
    found = found.filter(**{name: value for name, value in said.items() if value})
    if wanted.maintainer.isascii() and wanted.maintainer.isdigit():
        found = found.filter(maintainer=int(wanted.maintainer) or None)
    return found.filter(in_state(wanted.state, at))


def in_state(state: str, at: datetime) -> Q:
    """The condition `state_of` puts in words; retired devices are shown only when asked for."""
    retired = Q(state=Device.State.RETIRED)
    held = Q(held=True) | Q(state=Device.State.MAINTENANCE)
    never, observing = Q(last_frame_at=None), Q(observe_until__gt=at)
    serving = ~retired & ~held
    return {
        "retired": retired,
        "maintenance": ~retired & held,
        "never": serving & never,
        "silent": serving & ~never & Q(silent=True),
        "dark": serving & (never | Q(silent=True)),
        "observing": serving & ~never & Q(silent=False) & observing,
        "online": serving & ~never & Q(silent=False) & ~observing,
        "alarm": ~retired & Q(alarms_open__gt=0),
    }.get(state, ~retired)


def count_devices(devices: DeviceQuerySet, at: datetime) -> dict[str, int]:
    """How many there are in use, and of them in each state: one query."""
    counted = ("", "online", "silent", "never", "observing", "maintenance")
    found = with_state(devices, at).aggregate(
        **{f"in_{state}": Count("pk", filter=in_state(state, at)) for state in counted}
    )
    return {state or "all": found[f"in_{state}"] for state in counted}


# ── alarms ───────────────────────────────────────────────────────────────────────────────────────────────────────


def find_alarms(alarms: AlarmQuerySet, wanted: Wanted) -> AlarmQuerySet:
    """Of these alarms those that are wanted, newest first; withdrawn ones are none."""
    found = alarms.filter(withdrawn_at=None)
    if wanted.open == "observing":
        found = found.filter(observing=True)
    elif wanted.open != "all":
        found = found.filter(cleared_at=None)
    if wanted.storm_id is not None:
        found = found.filter(storm=wanted.storm_id)
    if wanted.code:
        found = found.filter(code=wanted.code)
    if wanted.town:
        found = found.filter(device__merchant__town=wanted.town)
    if wanted.q:
        called = merchants.find(
            Merchant.objects.all(), merchants.Wanted(q=wanted.q, status=merchants.GONE), by_phone=False
        )
        found = found.filter(Q(device__mn__icontains=wanted.q.strip()) | Q(device__merchant__in=called))
    return found.select_related("device", "device__merchant").order_by("-raised_at", "-id")


# ── one device ───────────────────────────────────────────────────────────────────────────────────────────────────


class Window(NamedTuple):
    """A row of `window_fume`, `hour_fume` or `day_fume`, as pages show it."""

    at: datetime
    minutes: int
    fume_mean: float | None
    fume_max: float | None
    fan_on_minutes: int
    purifier_on_minutes: int
    fan_without_purifier_minutes: int
    minutes_over_2: int


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Midnight and the next one, in the county."""
    zone = timezone.get_default_timezone()
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    return start, datetime(following.year, following.month, following.day, tzinfo=zone)


class Mean(NamedTuple):
    """A ten-minute mean of fume, mg/m³."""

    at: datetime
    value: float


_HOUR_MEANS: Final = f"""
    SELECT merchant_id, at, fume_mean FROM (
        SELECT {MERCHANT_THEN.format(device="d", moment="w.at")} AS merchant_id, w.at, w.fume_mean, d.id
        FROM sensing_device d JOIN window_fume w ON w.device_id = d.id
        WHERE w.at >= %(since)s AND w.at < %(until)s AND w.fume_mean IS NOT NULL
          AND (d.merchant_id = ANY (%(merchants)s) OR d.id IN (
              SELECT device_id FROM sensing_deviceevent WHERE merchant_id = ANY (%(merchants)s)))
    ) means WHERE merchant_id = ANY (%(merchants)s) ORDER BY at, id
"""  # noqa: S608 (our own words)


def hour_means(merchant_ids: Collection[int], at: datetime) -> dict[int, list[Mean]]:
    """Merchant id → the means, in order, of the devices that stood there in the hour `at` lies in; one query.

    Merchants without any are left out.
    """
    since = at.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            _HOUR_MEANS,
            {"merchants": list(merchant_ids), "since": since, "until": since + timedelta(hours=1)},
        )
        found: dict[int, list[Mean]] = {}
        for merchant_id, begins, value in cursor.fetchall():
            found.setdefault(merchant_id, []).append(Mean(begins, value))
    return found


@dataclass(frozen=True, slots=True)
class Sum:
    """A span of a device in numbers; shares in per cent, None where there is nothing to take a share of.

    `highest`: of the means of its steps. `peak`: of all readings.
    """

    highest: float | None
    peak: float | None
    minutes_over_2: int
    complete: float | None
    linked: float | None

    @classmethod
    def of(cls, found: list[Window], minutes_passed: int) -> Sum:
        """Of these rows, `minutes_passed` after the span began."""
        fan = sum(one.fan_on_minutes for one in found)
        alone = sum(one.fan_without_purifier_minutes for one in found)
        minutes = sum(one.minutes for one in found)
        return cls(
            max((one.fume_mean for one in found if one.fume_mean is not None), default=None),
            max((one.fume_max for one in found if one.fume_max is not None), default=None),
            sum(one.minutes_over_2 for one in found),
            min(100.0, 100 * minutes / minutes_passed) if minutes_passed > 0 else None,
            100 * (fan - alone) / fan if fan else None,
        )


def planned(device: Device, at: datetime) -> list[Maintenance]:
    """The times of maintenance and calibration that last or are to come and whose end is known, in order."""
    return list(Maintenance.objects.filter(device=device, until__gt=at).order_by("since"))


def stands_there_since(device: Device) -> datetime | None:
    """From when on the device stands at its merchant; None: it never stood elsewhere."""
    return stands_since([device.pk]).get(device.pk)


def last_readings(
    device_id: int, before: datetime, since: datetime | None = None, limit: int = 10
) -> list[dict[str, Any]]:
    """The newest readings of a device, newest first: columns by name. `before` bounds which partitions are looked at."""
    oldest = before - timedelta(days=30)
    columns = ("at", "received_at", "cn", *VALUE_COLUMNS, "marks")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(columns)} FROM reading_fume"  # noqa: S608 (our own column names)
            " WHERE device_id = %s AND at <= %s AND at > %s ORDER BY at DESC, cn LIMIT %s",
            [device_id, before + timedelta(minutes=10), max(oldest, since or oldest), limit],
        )
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


class RawFrame(NamedTuple):
    """Bytes as they came; `why` empty when nothing was odd about them."""

    at: datetime
    pieces: list[str]
    why: str


def raw_frames(device_id: int, limit: int = 20) -> list[RawFrame]:
    """The last frames of a device, odd ones among them, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "(SELECT at, frame, '' FROM recent_frame WHERE device_id = %s ORDER BY id DESC LIMIT %s) UNION ALL"
            " (SELECT at, frame, why FROM odd_frame WHERE device_id = %s ORDER BY id DESC LIMIT %s)"
            " ORDER BY 1 DESC",
            [device_id, limit, device_id, limit],
        )
        return [RawFrame(at, readable(bytes(frame)), why) for at, frame, why in cursor.fetchall()]


def raw_bytes(device_id: int, limit: int) -> list[bytes]:
    """The last frames of a device as they came, odd ones among them, newest first, each once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT frame FROM ((SELECT at, frame FROM recent_frame WHERE device_id = %s ORDER BY id DESC LIMIT %s) UNION ALL"
            " (SELECT at, frame FROM odd_frame WHERE device_id = %s ORDER BY id DESC LIMIT %s)) came"
            " GROUP BY frame ORDER BY max(at) DESC LIMIT %s",
            [device_id, limit, device_id, limit, limit],
        )
        return [bytes(frame) for (frame,) in cursor.fetchall()]


def readable(frame: bytes) -> list[str]:
    """Bytes for people, in pieces between which a line may break: what is not printable ASCII as \\xNN."""
    text = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in frame)
    return [piece for piece in re.split(r"(?<=[;,])", text) if piece]
