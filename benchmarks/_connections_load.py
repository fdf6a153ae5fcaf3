"""The devices of `connections`: ten thousand sockets in a process of their own, most of them quiet most of the time.

Reads commands, a JSON object a line, and answers each with one: `{"do": "connect", "port": …, "mns": […]}`, then
`{"do": "live", "seconds": …, "period": …}` and `{"do": "storm", "devices": …, "minutes": …, "first": …, "period": …}`. In a
storm the first devices send a run of kept minutes, each the next one as soon as the last is acknowledged, while all the others go on
sending one frame every `period` seconds. Answers are matched to frames by their order.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from collections import deque
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hj212 import crc_hex

CONNECTING = 200  # at a time
TICK = 0.02
PATIENCE_S = 120.0
COUNTY = ZoneInfo("Asia/Shanghai")


class Device(asyncio.Protocol):
    """One connection, and what it still keeps."""

    def __init__(self, fleet: Fleet, mn: str) -> None:
        self.fleet = fleet
        self.head = f";ST=31;CN=2011;PW=123456;MN={mn};Flag=5;CP=&&DataTime="
        self.waits: deque[float] = deque()
        self.late = fleet.late
        self.kept = 0
        self.sent = self.answered = 0
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def say(self, at: datetime) -> None:
        """One minute with five values."""
        time_ = f"{at:%Y%m%d%H%M%S}"
        segment = (
            f"QN={time_}{self.sent % 1000:03d}{self.head}{time_};a34041-Rtd=0.{at.minute + 10},a34041-Flag=N;a34000-Rtd=0.12,"
            "a34000-Flag=N;a24088-Rtd=1.40,a24088-Flag=N;SB1-RS=1;SB2-RS=1&&"
        ).encode()
        self.transport.write(b"##%04d%b%b\r\n" % (len(segment), segment, crc_hex(segment)))
        self.waits.append(time.perf_counter())
        self.sent += 1

    def keep(self, minutes: int) -> None:
        """Begin with what it kept."""
        self.kept = minutes
        self._next()

    def _next(self) -> None:
        self.say(self.fleet.first + timedelta(minutes=self.fleet.minutes - self.kept))
        self.kept -= 1

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        *lines, self.rest = (self.rest + data).split(b"\n")
        for _ in range(sum(b"CN=9014;" in line for line in lines)):  # what is asked of it, it never answers
            self.late.append(now - self.waits.popleft())
            self.answered += 1
        if self.kept and not self.waits:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self.fleet.lost += 1


class Fleet:
    """All of them."""

    def __init__(self) -> None:
        self.devices: list[Device] = []
        self.late: list[float] = []
        self.lost = 0
        self.first = datetime.min  # noqa: DTZ901 (replaced before a storm)
        self.minutes = 0

    async def connect(self, wanted: dict[str, Any]) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        mns = wanted["mns"]
        for start in range(0, len(mns), CONNECTING):
            made = await asyncio.gather(
                *(
                    loop.create_connection(lambda mn=mn: Device(self, mn), "127.0.0.1", wanted["port"])
                    for mn in mns[start : start + CONNECTING]
                )
            )
            self.devices += [device for _, device in made]
        gc.freeze()
        return {"seconds": time.perf_counter() - began}

    async def live(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """All of them send, evenly spread over the period, for so long."""
        self.late.clear()
        began = time.perf_counter()
        await self._evenly(self.devices, wanted["period"], lambda: time.perf_counter() - began < wanted["seconds"])
        await self._until_answered(self.devices)
        return self._figures(began, self.devices)

    async def storm(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Some send what they kept; the others' delays are what is told."""
        self.first, self.minutes = datetime.fromisoformat(wanted["first"]), wanted["minutes"]
        stormy, quiet = self.devices[: wanted["devices"]], self.devices[wanted["devices"] :]
        for device in self.devices:
            device.sent = device.answered = 0
        self.late.clear()
        delays: list[float] = []
        for device in quiet:
            device.late = delays
        began = time.perf_counter()
        for device in stormy:
            device.keep(self.minutes)
        await self._evenly(quiet, wanted["period"], lambda: any(device.kept or device.waits for device in stormy))
        seconds = time.perf_counter() - began
        await self._until_answered(self.devices)
        sent = sum(device.sent for device in stormy)
        return {
            **self._figures(began, stormy),
            "storm_seconds": seconds,
            "storm_sent": sent,
            "storm_answered": sum(device.answered for device in stormy),
            "live": _delays(delays),
        }

    async def _evenly(self, devices: list[Device], period: float, goes_on: Any) -> None:
        began, said = time.perf_counter(), 0
        while goes_on():
            due = int((time.perf_counter() - began) * len(devices) / period)
            for turn in range(said, due):
                devices[turn % len(devices)].say(datetime.now(COUNTY))
            said = due
            await asyncio.sleep(TICK)

    async def _until_answered(self, devices: list[Device]) -> None:
        end = time.perf_counter() + PATIENCE_S
        while any(device.waits for device in devices) and time.perf_counter() < end:
            await asyncio.sleep(0.05)

    def _figures(self, began: float, devices: list[Device]) -> dict[str, Any]:
        return {
            "seconds": time.perf_counter() - began,
            "sent": sum(device.sent for device in devices),
            "answered": sum(device.answered for device in devices),
            "lost": self.lost,
            "delays": _delays(self.late),
            "cpu_s": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
        }


def _delays(late: list[float]) -> dict[str, float]:
    """Seconds from saying to the answer."""
    found = sorted(late)
    if not found:
        return {"count": 0, "p50_s": 0.0, "p99_s": 0.0, "max_s": 0.0}
    return {
        "count": len(found),
        "p50_s": found[len(found) // 2],
        "p99_s": found[len(found) * 99 // 100],
        "max_s": found[-1],
    }


async def obey() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    fleet = Fleet()
    while line := await asyncio.to_thread(sys.stdin.readline):
        wanted = json.loads(line)
        print(json.dumps(await getattr(fleet, wanted["do"])(wanted)), flush=True)


if __name__ == "__main__":
    asyncio.run(obey())
