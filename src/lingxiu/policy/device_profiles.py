"""Dialects: how a device model writes what it measures, and how it wants to be answered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lingxiu.policy.rows import Row, Rule


class Factor(Row):
    """Where a column of ours stands in a device's packet, and how its number becomes ours: value × scale, in range.

    The first of `suffixes` that the packet has counts.
    """

    column: Literal["fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temperature_c", "humidity_pct", "fan_a", "purifier_a"]
    code: str
    suffixes: tuple[str, ...] = ("Rtd", "Avg")
    scale: float = 1.0
    lowest: float | None = None
    highest: float | None = None


class Switch(Row):
    """Whether the fan or the purifier runs: by a state code, or by a current above a threshold."""

    column: Literal["fan_on", "purifier_on"]
    code: str
    suffixes: tuple[str, ...] = ("RS", "Rtd")
    on_values: tuple[str, ...] = ()
    off_values: tuple[str, ...] = ()
    on_above: float | None = None


class DeviceProfile(Rule):
    """A dialect: which factor is what, its unit and range, how states are written, how strict its CRC, how it is answered.

    `missing_values`: numbers that stand for no value (9999.99: HJ 212-2025). `statistics_cn`: what feeds the statistics;
    where a window has both, minute data (2051) win over real-time data (2011).
    """

    device_kind: Literal["fume_monitor", "grease_trap", "gas_alarm", "camera"]
    factors: tuple[Factor, ...]
    switches: tuple[Switch, ...] = ()
    invalid_flags: tuple[str, ...] = ("D", "B", "M", "C", "F", "T")
    missing_values: tuple[float, ...] = (9999.0, 9999.99)
    statistics_cn: tuple[Literal["2011", "2051"], ...] = ("2011", "2051")
    accepted_crc: tuple[Literal["standard", "modbus", "constant", "missing", "short", "raw_bytes"], ...] = ("standard",)
    ack_style: Literal["2017", "2005", "st21"] = "2017"
    sends_every_seconds: int = Field(60, gt=0)
    period_named_by: Literal["start", "end"] = "start"
    offline_after_minutes: int | None = None
