"""Dialects: how a device model writes what it measures, what it does otherwise than the standard, how it wants to be answered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hj212 import Deviation
from lingxiu.policy.rows import Row, Rule


class Place(Row):
    """Where something stands in a packet: `code`, and the first of `suffixes` that the packet has ("": an item without one).

    `only`: the numbers of the channel (see `DeviceProfile.told_apart_by`) it is meant for, "" where none is sent; all unless told.
    """

    code: str
    suffixes: tuple[str, ...]
    only: tuple[str, ...] = ()


class Factor(Place):
    """A column of ours in a device's packet, and how its number becomes ours: value × scale, then in range.

    `unit`: the device's, where it is not ours, for people to read. `channel`: the row it goes into, 0 for the device as a whole.
    """

    column: Literal["fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temperature_c", "humidity_pct", "fan_a", "purifier_a"]
    suffixes: tuple[str, ...] = ("Rtd", "Avg")
    unit: str = ""
    scale: float = Field(1.0, gt=0)
    lowest: float | None = None
    highest: float | None = None
    channel: int = Field(0, ge=0, le=99)


class Switch(Place):
    """Whether the fan or the purifier runs: by a state code, or by a current above a threshold.

    `neither_values`: states that are known and say neither (being calibrated, under maintenance …).
    """

    column: Literal["fan_on", "purifier_on"]
    suffixes: tuple[str, ...] = ("RS", "Rtd")
    on_values: tuple[str, ...] = ()
    off_values: tuple[str, ...] = ()
    neither_values: tuple[str, ...] = ()
    on_above: float | None = None


class DeviceProfile(Rule):
    """A dialect: which factor is what, its unit and range, how states are written, how strict its CRC, how it is answered.

    `missing_values`: numbers that stand for no value (9999.99: HJ 212-2025). `statistics_cn`: what feeds the statistics;
    where a window has both, minute data (2051) win over real-time data (2011). `period_named_by`: which end of its period a
    DataTime of statistics is. `told_apart_by`: the suffix that tells the channels of one code apart (`006-ID=1`).

    A frame whose CRC is wrong is refused, unless in one of the ways of `accepted_crc`; one that neither its CRC nor its length
    proves, unless `tolerated` has that way of a wrong length. Any other deviation of the frame or its header is read, and its
    bytes are kept as odd, unless it is `tolerated` as a habit of the dialect.

    `fills_gaps_after_minutes`: after a silence longer than this (and than the shortest that alarms know) it is asked for its
    minute data of the time (CN 2051); None: nothing shows that it keeps any. Each version of HJ 212 lets a platform ask; a device
    that does not know the question, or never answers it, is soon not asked any more.
    """

    device_kind: Literal["fume_monitor", "grease_trap", "gas_alarm", "camera"]
    factors: tuple[Factor, ...]
    switches: tuple[Switch, ...] = ()
    invalid_flags: tuple[str, ...] = ("D", "B", "M", "C", "F", "T")
    missing_values: tuple[float, ...] = (9999.0, 9999.99)
    statistics_cn: tuple[Literal["2011", "2051"], ...] = ("2011", "2051")
    accepted_crc: tuple[Literal["standard", "modbus", "constant", "missing", "short", "raw_bytes"], ...] = ("standard",)
    tolerated: tuple[Deviation, ...] = ()
    ack_style: Literal["2017", "2005", "2025", "st21"] = "2017"
    sends_every_seconds: int = Field(60, gt=0)
    period_named_by: Literal["start", "end"] = "start"
    told_apart_by: str = ""
    offline_after_minutes: int | None = None
    fills_gaps_after_minutes: int | None = Field(None, ge=1)
