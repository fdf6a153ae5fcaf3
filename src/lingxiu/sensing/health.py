"""`GET /readyz`, `/healthz`, `/metrics` of one gateway, on a port of its own: for a balancer before several, and for operators.

Answers from what the gateway knows anyway and asks no database, so it answers while everything else is away. Numbers only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from typing import Final, NamedTuple

from lingxiu.sensing.logbook import Counts

LINE_BYTES: Final = 2 * 1024
ASKING_SECONDS: Final = 5.0


class Health(NamedTuple):
    """Whether devices are read and answered now; `why` not, "" while they are; what has been counted."""

    ready: bool
    why: str
    counts: Counts


class CannotListen(Exception):
    """Somebody else listens there, or we may not. The message names the mend."""

    def __init__(self, host: str, port: int, why: str, setting: str) -> None:
        super().__init__(f"cannot listen on {host}:{port} ({why}): choose another with {setting}=")
        self.host, self.port = host, port


@asynccontextmanager
async def answering(look: Callable[[], Health], host: str, port: int) -> AsyncIterator[None]:
    """Answers meanwhile; port 0: nobody. Raises CannotListen."""
    if not port:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(ASKING_SECONDS):
                asked = (await reader.readline()).split()
                writer.write(_answer(asked[1] if len(asked) > 1 and asked[0] == b"GET" else b"", look()))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, host, port, limit=LINE_BYTES)
    except OSError as error:
        raise CannotListen(host, port, error.strerror or "", "HJ212_HEALTH_PORT") from error
    try:
        yield
    finally:
        server.close()


def _answer(path: bytes, health: Health) -> bytes:
    if path == b"/healthz":
        return _response("200 OK", "text/plain", "ok\n")
    if path == b"/readyz":
        counts = health.counts
        said = {"ready": health.ready, "connections": counts.connections, "queued": counts.queued}
        body = json.dumps(said if health.ready else said | {"why": health.why})
        return _response("200 OK" if health.ready else "503 Service Unavailable", "application/json", body)
    if path == b"/metrics":
        return _response("200 OK", "text/plain; version=0.0.4", _metrics(health))
    return _response("404 Not Found", "text/plain", "/readyz, /healthz, /metrics\n")


def _metrics(health: Health) -> str:
    """In Prometheus' text format; what only grows ends in _total."""
    lines = [f"lingxiu_gateway_ready {int(health.ready)}"]
    for one in fields(Counts):
        name = one.name if one.name in ("connections", "queued") else f"{one.name}_total"
        lines.append(f"lingxiu_gateway_{name} {getattr(health.counts, one.name)}")
    return "\n".join(lines) + "\n"


def _response(status: str, kind: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()
