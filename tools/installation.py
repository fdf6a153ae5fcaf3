"""A whole installation as a stranger starts it, in a home of its own, on ports of its own:
for the few tests that need all of it, for pictures and for the benchmark of the map."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

STARTS_WITHIN_S = 300


@dataclass
class Installation:
    """`lingxiu demo`, running. `said` are the lines it printed."""

    home: Path
    address: str
    hj212_port: int
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def sign_in_of(self, role: str) -> tuple[str, str]:
        """Name and password printed for a role (its English or Chinese label)."""
        line = next(line for line in self.said if role in line)
        found = re.findall(r"\S+", line.split(role, 1)[1])
        return found[0], found[1]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an address."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running_demo(home: Path, *words: str, env: dict[str, str] | None = None) -> Iterator[Installation]:
    """Start the demo, wait until it says it is ready, stop it by Ctrl-C."""
    port, hj212_port = free_port(), free_port()
    own = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DATABASE_URL", "LINGXIU_TEST_HOME", "LINGXIU_LOG_LEVEL")
    }
    own |= {"LINGXIU_HOME": str(home), "PORT": str(port), "HJ212_PORT": str(hj212_port), **(env or {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "lingxiu.cli", "demo", *words],
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    found = Installation(home, f"http://localhost:{port}", hj212_port, process)
    reader = threading.Thread(target=_listen, args=(process, found.said), daemon=True)
    reader.start()
    try:
        _wait_until_ready(found)
        yield found
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        reader.join(timeout=10)
        if process.stdout is not None:
            process.stdout.close()


def _listen(process: subprocess.Popen[str], said: list[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.rstrip("\n"))  # noqa: PERF401 (read by others while it grows)


def _wait_until_ready(found: Installation) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not any("Ctrl-C stops" in line for line in found.said):
        if found.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the demo did not start:\n" + "\n".join(found.said[-30:]))
        time.sleep(0.1)
