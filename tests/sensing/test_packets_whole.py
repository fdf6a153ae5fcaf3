"""Every packet collected in the field or printed in a standard, sent through a whole gateway: what each becomes.

The packets are not part of the repository; where they are not at hand the test is skipped. The gateway's clock stands, for each,
a moment after the time the packet was sent, and its MN is registered with the dialect its device speaks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from hj212 import Decoder, Frame
from lingxiu.sensing.gateway import Gateway, Limits
from lingxiu.sensing.models import Device
from lingxiu.sensing.profiles import VALUE_COLUMNS, microseconds
from tests.conftest import SHARED_DATA
from tests.sensing.conftest import Plant
from tests.sensing.frames import COUNTY
from tests.sensing.peers import Peer, gateway

PACKETS = SHARED_DATA / "hj212-packets.jsonl"
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=COUNTY)
TEST_KEY = "30" * 16
"""HJ 212-2025 A.2."""
TABLES = (
    "reading_fume",
    "odd_frame",
    "ingest_batch",
    "recent_frame",
    "sensing_unknowndevice",
    "window_fume",
    "dirty_sum",
)


@dataclass(frozen=True)
class Outcome:
    """Rows (CN, values, how many words were kept as sent), why bytes were kept, the CNs of the answers. Nothing of a conversation
    is stored."""

    rows: tuple[tuple[int, dict[str, float | bool], int], ...] = ()
    odd: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


def packets() -> dict[int, bytes]:
    """The bytes of each record by its number: latin-1 where every character fits, else UTF-8."""
    if not PACKETS.exists():
        return {}
    with PACKETS.open(encoding="utf-8", newline="\n") as lines:
        records = [json.loads(line) for line in lines]
    return {
        one["n"]: one["raw"].encode("latin-1" if all(ord(char) < 256 for char in one["raw"]) else "utf-8")
        for one in records
    }


PROFILES = {
    2: "plain-2025", 3: "plain-2025", 4: "plain-2025", 5: "plain-2025", 6: "plain-2025",
    7: "sb-states", 9: "facility-classes", 11: "lampblack-words", 79: "lampblack-words",
    12: "plain-2005", 14: "plain-2005", 16: "plain-2005", 26: "plain-2005", 64: "plain-2005",
}  # fmt: skip
"""By record number; plain-2017 for all others."""
EXPECTED: dict[int, Outcome] = {
    1: Outcome(answers=("9011",)),
    2: Outcome(answers=("9011",)),
    3: Outcome(rows=((2051, {"temperature_c": 9.3, "humidity_pct": 3.211}, 8),), answers=("9014",)),
    4: Outcome(rows=((2051, {"humidity_pct": 3.2}, 6),), answers=("9014",)),
    5: Outcome(rows=((2051, {"humidity_pct": 3.2}, 6),), answers=("9014",)),
    6: Outcome(rows=((2051, {"humidity_pct": 3.2}, 6),), odd=("deviation:encrypted-as-text",), answers=("9014",)),
    7: Outcome(rows=((2011, {"fume_mg_m3": 0.0, "fan_on": False, "purifier_on": False}, 0),), answers=("9014",)),
    9: Outcome(rows=((2011, {"fume_mg_m3": 0.58, "temperature_c": 24.0, "humidity_pct": 61.0}, 19),)),
    11: Outcome(rows=((2031, {"fume_mg_m3": 6.23, "pm_mg_m3": 6.23, "nmhc_mg_m3": 4.23}, 6),), answers=("9014",)),
    12: Outcome(rows=((2011, {}, 5),)),
    14: Outcome(rows=((2011, {}, 5),), odd=("deviation:crc-lower-case",)),
    16: Outcome(rows=((2011, {}, 5),)),
    18: Outcome(odd=("crc",)),
    20: Outcome(rows=((2051, {}, 5),), odd=("deviation:field-order flag-missing",)),
    22: Outcome(rows=((2011, {}, 16),), answers=("9014",)),
    24: Outcome(rows=((2051, {"temperature_c": 17.0, "humidity_pct": 85.0}, 18),)),
    26: Outcome(rows=((2011, {}, 2),), odd=("deviation:crc-lower-case",)),
    28: Outcome(),
    30: Outcome(
        rows=((2011, {"temperature_c": 12.6, "humidity_pct": 32.0}, 14),),
        odd=("deviation:part-numbers-missing",),
        answers=("9014",),
    ),
    32: Outcome(odd=("time-missing",), answers=("9014",)),
    34: Outcome(odd=("crc",)),
    36: Outcome(odd=("crc",)),
    38: Outcome(rows=((2011, {"nmhc_mg_m3": 37.55}, 22),)),
    40: Outcome(rows=((2011, {"nmhc_mg_m3": 0.804}, 12),)),
    42: Outcome(odd=("cn:3020",)),
    44: Outcome(answers=("9022",)),
    46: Outcome(rows=((2011, {}, 0),)),
    48: Outcome(rows=((2011, {}, 2),)),
    50: Outcome(rows=((2011, {}, 3),)),
    52: Outcome(),
    54: Outcome(),
    56: Outcome(),
    58: Outcome(rows=((2011, {}, 10),), answers=("9014",)),
    60: Outcome(answers=("9013",)),
    62: Outcome(rows=((2021, {"fan_on": True, "purifier_on": True}, 0),), answers=("9014",)),
    64: Outcome(rows=((2011, {}, 10),), odd=("deviation:st-form",)),
    66: Outcome(odd=("crc",)),
    68: Outcome(rows=((2061, {}, 9),), answers=("9014",)),
    69: Outcome(),
    70: Outcome(rows=((2061, {}, 5),), answers=("9014",)),
    71: Outcome(),
    72: Outcome(rows=((2031, {}, 5),), odd=("deviation:field-separator",), answers=("9014",)),
    73: Outcome(odd=("cn:3020",), answers=("9014",)),
    74: Outcome(odd=("cn:3020",), answers=("9014",)),
    75: Outcome(rows=((2011, {}, 2),), odd=("deviation:length-wrong",)),
    76: Outcome(),
    77: Outcome(odd=("crc",)),
    78: Outcome(odd=("crc",)),
    79: Outcome(rows=((2011, {"fume_mg_m3": 6.23, "pm_mg_m3": 6.23, "nmhc_mg_m3": 4.23}, 0),), answers=("9014",)),
}


def the_frame(data: bytes) -> Frame:
    decoder = Decoder()
    return next(iter([*decoder.feed(data), *decoder.close()]))


def sent_at(frame: Frame) -> datetime:
    """About when it was sent: by its QN, else by its DataTime; noon of a day where neither is a time."""
    for text in (frame.qn or "", frame.items().get("DataTime", "")):
        try:
            return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=COUNTY)
        except ValueError:
            continue
    return NOON


class Whole:
    """A gateway whose devices and clock are set for each packet."""

    def __init__(self, database: str, merchant_id: int) -> None:
        self.database, self.merchant_id = database, merchant_id
        self.now = microseconds(NOON)

    def register(self, mn: str, profile: str, secret: str) -> None:
        try:
            Device.objects.filter(mn=mn).delete()
            Device.objects.create(
                mn=mn, merchant_id=self.merchant_id, profile=profile, kind="fume_monitor", secret=secret
            )
        finally:
            connection.close()  # this thread's

    def kept(self) -> tuple[list[Any], list[str]]:
        columns = ", ".join(VALUE_COLUMNS)
        with psycopg.connect(self.database) as database:
            rows = database.execute(f"SELECT cn, extra, {columns} FROM reading_fume ORDER BY at, channel").fetchall()
            odd = database.execute("SELECT why FROM odd_frame ORDER BY id").fetchall()
        return rows, [why for (why,) in odd]

    def forget(self) -> None:
        with psycopg.connect(self.database) as database:
            for table in TABLES:
                database.execute(f"DELETE FROM {table}")

    async def take(self, running: Gateway, dial: Callable[[], Any], data: bytes, profile: str, secret: str) -> Outcome:
        frame = the_frame(data)
        self.now = microseconds(sent_at(frame) + timedelta(seconds=5))
        await asyncio.to_thread(self.forget)
        await asyncio.to_thread(self.register, frame.mn or "", profile, secret)
        await asyncio.to_thread(running.registry.load)
        peer: Peer = await dial()
        before = running.counts.frames
        await peer.say(data)
        async with asyncio.timeout(60):
            while running.counts.frames == before or not idle(running):
                await asyncio.sleep(0.02)
        answers = []
        try:
            while True:
                answers += [one.cn or "" for one in await peer.hear(within=0.1)]
        except TimeoutError:
            pass
        await peer.close()
        rows, odd = await asyncio.to_thread(self.kept)
        made = tuple((cn, named(values), len(extra or {})) for cn, extra, *values in rows)
        return Outcome(made, tuple(odd), tuple(cn for cn in answers if cn.startswith("9")))


def named(values: list[Any]) -> dict[str, float | bool]:
    return {
        name: value if isinstance(value, bool) else round(value, 3)
        for name, value in zip(VALUE_COLUMNS, values, strict=True)
        if value is not None
    }


def idle(running: Gateway) -> bool:
    """Whether nothing waits for the database."""
    return not any((one.batch.rows or one.batch.odd or one.acks) for one in (running._pending, running._in_flight))


@pytest.mark.skipif(not PACKETS.exists(), reason="the field packets are not at hand")
def test_every_packet_becomes_what_the_table_says(plant: Plant) -> None:
    async def run() -> dict[int, Outcome]:
        whole = Whole(plant.database, plant.cast.merchant.pk)
        limits = Limits(quiet_seconds=0.1)
        found = {}
        async with gateway(plant.database, limits, lambda: whole.now) as (running, dial):
            for number, data in packets().items():
                secret = TEST_KEY if number in (5, 6) else ""
                profile = PROFILES.get(number, "plain-2017")
                found[number] = await whole.take(running, dial, data, profile, secret)
        return found

    found = asyncio.run(run())
    assert found == EXPECTED
