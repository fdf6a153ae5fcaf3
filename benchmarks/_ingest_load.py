"""The devices of `ingest`: frames made beforehand, so that sending them costs little; answers counted, not read.

    python benchmarks/_ingest_load.py '{"port": 9212, "mns": […], "seconds": 20, …}'

With `rate` 0 every connection keeps `window` frames unanswered; otherwise so many frames a second are sent in all, evenly, each
connection saying `window` frames at a time, and the time to each answer is measured. Prints one JSON object.
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

from hj212 import crc_hex

FUMES = [f"{n / 100:.2f}" for n in range(20, 180)]
HIGH_EVERY, HIGH = 97, "2.60"
CONNECTING = 200  # at a time
TICK = 0.005


def frames_of(number: int, mn: str, first: datetime, count: int) -> tuple[bytes, int]:
    """`count` minutes of one device as one run of bytes, and the length of each frame in it."""
    head = f";ST=31;CN=2011;PW=123456;MN={mn};Flag=5;CP=&&DataTime="
    frames = []
    for minute in range(count):
        at = f"{first + timedelta(minutes=minute):%Y%m%d%H%M%S}"
        fume = HIGH if number % HIGH_EVERY == 0 else FUMES[(number * 31 + minute * 7) % len(FUMES)]
        segment = (
            f"QN={at}{number % 1000:03d}{head}{at};a34041-Rtd={fume},a34041-Flag=N;a34000-Rtd=0.{minute % 90 + 10},a34000-Flag=N;"
            f"a24088-Rtd=1.{minute % 90 + 10},a24088-Flag=N;SB1-RS=1;SB2-RS=1&&"
        ).encode()
        frames.append(b"##%04d%b%b\r\n" % (len(segment), segment, crc_hex(segment)))
    return b"".join(frames), len(frames[0])


class Device(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load, frames: bytes, size: int) -> None:
        self.load, self.size = load, size
        self.frames = memoryview(frames)
        self.sent = 0
        self.times: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=1 << 24)
        self.transport = transport

    def send(self, count: int) -> None:
        start = self.sent * self.size
        self.transport.write(self.frames[start : start + count * self.size])
        self.sent += count

    def data_received(self, data: bytes) -> None:
        answered = data.count(b"\n")
        self.load.answered(self, answered)

    def connection_lost(self, error: Exception | None) -> None:
        self.load.lost += 1


class Load:
    """All connections."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted = wanted
        self.count, self.lost = 0, 0
        self.latencies: list[float] = []
        self.devices: list[Device] = []
        self.sending = True

    def answered(self, device: Device, count: int) -> None:
        self.count += count
        if device.times:
            now = time.perf_counter()
            self.latencies.extend(now - device.times.popleft() for _ in range(count))
        elif self.sending:
            device.send(count)

    async def run(self) -> dict[str, Any]:
        loop, wanted = asyncio.get_running_loop(), self.wanted
        first = datetime.fromisoformat(wanted["first"])
        made = [frames_of(n, mn, first, wanted["frames"]) for n, mn in enumerate(wanted["mns"])]
        for start in range(0, len(made), CONNECTING):
            connected = [
                loop.create_connection(
                    lambda frames=frames, size=size: Device(self, frames, size), "127.0.0.1", wanted["port"]
                )
                for frames, size in made[start : start + CONNECTING]
            ]
            self.devices += [device for _, device in await asyncio.gather(*connected)]
        gc.freeze()
        gc.disable()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        began = time.perf_counter()
        warm = await (self._evenly(wanted["rate"]) if wanted["rate"] else self._as_fast_as_answered())
        self.sending = False
        taken, seconds = self.count - warm[0], time.perf_counter() - warm[1]
        await self._until_all_answered()
        late = sorted(self.latencies)
        return {
            "frames": self.count,
            "frames_per_s": taken / seconds,
            "seconds": time.perf_counter() - began,
            "unanswered": sum(device.sent for device in self.devices) - self.count,
            "lost": self.lost,
            "ack_p50_ms": 1000 * late[len(late) // 2] if late else None,
            "ack_p99_ms": 1000 * late[len(late) * 99 // 100] if late else None,
            "cpu_s": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
        }

    async def _as_fast_as_answered(self) -> tuple[int, float]:
        """Returns the count and the time when it had warmed up."""
        for device in self.devices:
            device.send(self.wanted["window"])
        await asyncio.sleep(min(3.0, self.wanted["seconds"] / 4))
        warm = self.count, time.perf_counter()
        end = warm[1] + self.wanted["seconds"]
        limit = self.wanted["frames"] - self.wanted["window"] * 2
        while time.perf_counter() < end and all(device.sent < limit for device in self.devices[:50]):
            await asyncio.sleep(0.05)
        return warm

    async def _evenly(self, rate: float) -> tuple[int, float]:
        warm = self.count, time.perf_counter()
        window, said = self.wanted["window"], 0
        while (elapsed := time.perf_counter() - warm[1]) < self.wanted["seconds"]:
            due = int(elapsed * rate / window)
            for turn in range(said, due):
                device = self.devices[turn % len(self.devices)]
                device.times.extend([time.perf_counter()] * window)
                device.send(window)
            said = due
            await asyncio.sleep(TICK)
        return warm

    async def _until_all_answered(self) -> None:
        end = time.perf_counter() + 30
        while sum(device.sent for device in self.devices) > self.count and time.perf_counter() < end:
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(Load(json.loads(sys.stdin.readline())).run())))
