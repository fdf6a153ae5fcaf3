"""An installation on a cluster of its own, with fsync on: real processes to be killed, and devices that send meanwhile."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import psycopg

from lingxiu.database import Server, hold, prepare, running
from lingxiu.sensing.simulator import SimulatedDevice, run_fleet

REPOSITORY = Path(__file__).resolve().parents[2]


class Programs:
    """The processes of an installation, each to be killed and started again; "gateway 2" is a second gateway."""

    def __init__(self, server: Server, home: Path, logs: Path, env: Mapping[str, str]) -> None:
        self.server = server
        self.ports: defaultdict[str, int] = defaultdict(free_port)
        self.env = {
            **os.environ,
            "DATABASE_URL": server.url,
            "LINGXIU_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "lingxiu.config.settings",
            "LINGXIU_LOG_LEVEL": "WARNING",
            **env,
        }
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.files: dict[str, int] = {}
        """How many files a process may have open, where that is fewer than usual."""
        self.logs = logs

    def world(self, *words: str) -> None:
        """Do something to the county, in a process whose Django knows this cluster."""
        subprocess.run(
            [sys.executable, "-m", "tests.sensing.cluster_world", *words], env=self.env, cwd=REPOSITORY, check=True
        )

    def start(self, name: str) -> None:
        with self.log_of(name).open("ab") as log:
            command = [sys.executable, "-m", "lingxiu.cli", name.partition(" ")[0]]
            if name in self.files:
                command = ["sh", "-c", f'ulimit -n {self.files[name]} && exec "$0" "$@"', *command]
            env = self.env | {"HJ212_PORT": str(self.ports[name]), "DATABASE_URL": self.url_for(name)}
            self.children[name] = subprocess.Popen(command, env=env, stdout=log, stderr=log)

    @property
    def port(self) -> int:
        """The first gateway's."""
        return self.ports["gateway"]

    def url_for(self, name: str) -> str:
        """The database's address; pg_stat_activity then shows whose connection it is."""
        url = self.server.url
        return f"{url}{'&' if '?' in url else '?'}application_name={quote(name)}"

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def kill(self, name: str) -> None:
        """kill -9, then start it again, as the supervisor does."""
        if name == "postgres":
            os.kill(self.server.pid, signal.SIGKILL)
            self.server.restart()
            return
        self.children[name].kill()
        self.children[name].wait()
        self.start(name)

    def revive(self) -> None:
        """Start whatever ended by itself, as the worker does when the database goes away."""
        for name, child in list(self.children.items()):
            if child.poll() is not None:
                self.start(name)

    def stop(self) -> None:
        for child in self.children.values():
            child.kill()
            child.wait()


class Fleet:
    """The devices, on a thread of their own; `taken` is everything they were told is stored."""

    def __init__(self, devices: list[SimulatedDevice], port: int) -> None:
        self.devices, self.port = devices, port
        self.taken: list[tuple[str, datetime]] = []
        for device in devices:
            device.taken = lambda at, mn=device.mn: self.taken.append((mn, at))  # type: ignore[misc]  # mypy takes the default for a parameter
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None

    def __enter__(self) -> Fleet:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._loop and self._sending
        self._loop.call_soon_threadsafe(self._sending.cancel)
        self._thread.join(30)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.create_task(
            run_fleet(self.devices, "127.0.0.1", self.port, clock=now, every=2.0, dial_again=(0.2, 1.0))
        )
        await asyncio.gather(self._sending, return_exceptions=True)


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def mn_of(number: int) -> str:
    return f"KILL{number:020d}"


def now() -> datetime:
    return datetime.now(UTC)


def ask(programs: Programs, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(programs.server.url, autocommit=True) as database:
        return database.execute(sql).fetchall()


@contextmanager
def cluster(
    devices: int, *names: str, home: Path | None = None, env: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Programs]:
    """A county with so many devices, and these programs running, with these settings besides."""
    home = home or Path(tempfile.mkdtemp(prefix="lingxiu-cluster-"))
    try:
        with (
            hold(home) as held,
            running(prepare(held, durable=True)) as server,
            tempfile.TemporaryDirectory(prefix="lingxiu-logs-") as logs,
        ):
            programs = Programs(server, home, Path(logs), env)
            try:
                programs.world("make", str(devices))
                for name in names:
                    programs.start(name)
                yield programs
            finally:
                programs.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
