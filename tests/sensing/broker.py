"""A real mosquitto for a test, and something that publishes to it."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection
from typing import Any

import aiomqtt
import pytest
from tools.mosquitto import find

from tests.sensing.cluster import free_port
from tests.waiting import eventually


@dataclass(frozen=True)
class TestBroker:
    """A running broker."""

    __test__ = False

    port: int
    program: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def end(self, how: signal.Signals) -> None:
        self.program.send_signal(how)
        self.program.wait()

    def listens(self) -> bool:
        try:
            create_connection(("127.0.0.1", self.port), 0.5).close()
        except OSError:
            return False
        return True


@contextmanager
def mosquitto(port: int = 0, inflight: int = 100, keeps: Path | None = None) -> Iterator[TestBroker]:
    """A broker that keeps what is not acknowledged, as long as it runs; in a folder, written at every change, also afterwards."""
    program = find()
    if program is None:
        pytest.skip("no mosquitto: apt-get install mosquitto")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="lingxiu-mqtt-") as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{_kept_in(keeps)}\n"
            f"max_inflight_messages {inflight}\nmax_queued_messages 0\n"
        )
        started = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        broker = TestBroker(port, started)
        try:
            eventually(broker.listens, within_s=20)
            yield broker
        finally:
            started.kill()
            started.wait()


def _kept_in(folder: Path | None) -> str:
    if folder is None:
        return "persistence false"
    return f"persistence true\npersistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1"


async def publish(port: int, messages: Iterable[tuple[str, Any]]) -> int:
    """Each (topic, document) with QoS 1: when this returns, the broker has them. Returns: how many."""
    count = 0
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for topic, document in messages:
            payload = document if isinstance(document, bytes) else json.dumps(document).encode()
            await client.publish(topic, payload, qos=1)
            count += 1
    return count
