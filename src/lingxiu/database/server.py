"""The server as a child: of the supervisor, or of this very process for tests and commands that run alone."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lingxiu.children import has_exited, spawn
from lingxiu.database.cluster import Cluster, prepare
from lingxiu.database.errors import DatabaseFailed
from lingxiu.database.lock import hold
from lingxiu.database.places import socket_directory
from lingxiu.database.programs import last_line
from lingxiu.supervisor import Child

# Recovery from a crash reads up to max_wal_size of log; whoever kills it meanwhile only makes it begin again.
RECOVERY_S: Final = 900.0
SHUTDOWN_S: Final = 60.0


def as_child(cluster: Cluster) -> Child:
    """How the supervisor is to run it."""
    return Child(
        "database",
        cluster.argv,
        env=cluster.environment,
        cwd=Path("/"),
        account=cluster.account,
        before_start=cluster.clear_away,
        ready=cluster.is_ready,
        ready_within_s=RECOVERY_S,
        stop_signal=cluster.stop_signal,
        hurry_signal=cluster.hurry_signal,
        grace_s=SHUTDOWN_S,
    )


class Server:
    """The server as a child of this process: for tests, and for commands run while nothing else runs on the home."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.url = cluster.url
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's."""
        assert self._child is not None
        return self._child.pid

    def start(self, timeout_s: float = 60.0) -> None:
        """Starts it, again if it ends early, until it answers a query; raises DatabaseFailed."""
        deadline = time.monotonic() + timeout_s
        self._log.write_bytes(b"")
        while not self._start_once(deadline):
            if time.monotonic() > deadline:
                said = last_line(self._log.read_text(errors="replace"))
                raise DatabaseFailed("starting", f"{said}; its log is in {self.cluster.base / 'log'}")
            time.sleep(0.2)

    def stop(self, grace_s: float = 30.0) -> None:
        """Stops it, more rudely each third of the grace; a server that is gone already is fine."""
        for how in (Cluster.stop_signal, Cluster.hurry_signal, signal.SIGKILL):
            if self._child is None or has_exited(self._child):
                break
            self._child.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(grace_s / 3)
        self._child = None

    def restart(self) -> None:
        """Also after it was killed."""
        self.stop()
        self.start()

    @property
    def _log(self) -> Path:
        return self.cluster.base / "start.log"

    def _start_once(self, deadline: float) -> bool:
        self.cluster.clear_away()
        with self._log.open("ab") as log:
            self._child = spawn(
                self.cluster.argv,
                env=Cluster.environment,
                cwd=Path("/"),
                account=self.cluster.account,
                death_signal=Cluster.stop_signal,
                stdout=log,
                stderr=log,
            )
        while not has_exited(self._child):
            if self.cluster.is_ready():
                return True
            if time.monotonic() > deadline:
                self.stop()
                return False
            time.sleep(0.02)
        return False


@contextmanager
def running(cluster: Cluster) -> Iterator[Server]:
    """Runs the server until the block ends."""
    server = Server(cluster)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def temporary_server() -> Iterator[Server]:
    """A server on data of its own, not durable, removed with the block: for tests."""
    home = Path(tempfile.mkdtemp(prefix="lingxiu-"))
    try:
        with hold(home) as held, running(prepare(held, durable=False)) as server:
            yield server
    finally:
        _remove(home)


@contextmanager
def temporary_cluster() -> Iterator[str]:
    """Like temporary_server, for those who only need its URL."""
    with temporary_server() as server:
        yield server.url


def _remove(home: Path) -> None:
    """Removes a home with all that belongs to it, wherever it lies. Nothing may run on it."""
    base = (home / "database").resolve()
    for directory in {socket_directory(base), base, home}:
        shutil.rmtree(directory, ignore_errors=True)
