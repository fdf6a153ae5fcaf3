"""Servers of a JetStream cluster, each a process with a place of its own on disk, to be killed and started again."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import TypeVar

from nats.js import JetStreamContext

from lingxiu.sensing.stream import STREAM, StreamTrouble, connect, ensure_stream, look

T = TypeVar("T")
SERVER = Path(sys.executable).with_name("nats-server")
CONFIG = """
server_name: node{number}
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{place}", max_file_store: 1GB, max_memory_store: 16MB }}
{cluster}
"""
CLUSTER = """
cluster {{ name: tests, listen: "127.0.0.1:{route}", routes: [{routes}] }}
"""


class Nodes:
    """The servers; `url` names them all, as NATS_URL does."""

    def __init__(self, count: int, place: Path) -> None:
        ports = free_ports(2 * count)
        self._clients, self._routes = ports[:count], ports[count:]
        self._place = place
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.url = ",".join(f"nats://127.0.0.1:{port}" for port in self._clients)
        for number in range(count):
            self._config_of(number).write_text(self._config(number))
            self.start(number)

    def start(self, number: int) -> None:
        with (self._place / f"node{number}.log").open("ab") as log:
            command = [str(SERVER), "-c", str(self._config_of(number))]
            self._running[number] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, number: int) -> None:
        """kill -9."""
        self.end(number, signal.SIGKILL)

    def end(self, number: int, how: signal.Signals) -> None:
        self._running[number].send_signal(how)
        self._running[number].wait()

    def stop(self) -> None:
        for number in self._running:
            self.kill(number)

    def ask(self, question: Callable[[JetStreamContext], Awaitable[T]]) -> T:
        """Ask the cluster something."""

        async def asking() -> T:
            client = await connect(self.url)
            try:
                return await question(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(asking())

    def ask_patiently(self, question: Callable[[JetStreamContext], Awaitable[T]], within_s: float = 30.0) -> T:
        """Ask until the servers are there to answer."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                return self.ask(question)
            except StreamTrouble:
                if time.monotonic() > deadline:
                    raise

    @property
    def pids(self) -> list[int]:
        return [server.pid for server in self._running.values()]

    def make_stream(self) -> None:
        """As the first gateway or writer would."""
        self.ask_patiently(ensure_stream)

    def waiting(self) -> int:
        """Messages that are not stored yet."""
        return asyncio.run(look(self.url)).waiting

    def leader(self) -> int:
        """The number of the server that leads the stream."""

        async def ask(stream: JetStreamContext) -> int:
            cluster = (await stream.stream_info(STREAM)).cluster
            assert cluster is not None and cluster.leader is not None
            return int(cluster.leader.removeprefix("node"))

        return self.ask(ask)

    def _config_of(self, number: int) -> Path:
        return self._place / f"node{number}.conf"

    def _config(self, number: int) -> str:
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._routes)
        return CONFIG.format(
            number=number,
            port=self._clients[number],
            place=self._place / f"node{number}",
            cluster=CLUSTER.format(route=self._routes[number], routes=routes) if len(self._clients) > 1 else "",
        )


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on."""
    probes = [socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@contextmanager
def nodes(count: int = 3) -> Iterator[Nodes]:
    """So many servers: one alone, or a cluster."""
    place = Path(tempfile.mkdtemp(prefix="lingxiu-nats-"))
    running = Nodes(count, place)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(place, ignore_errors=True)
