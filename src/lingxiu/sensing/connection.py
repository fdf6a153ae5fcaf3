"""One socket of a gateway: bytes to frames, and how the peer behaves; who stalls, floods or does not listen is cut off.

Understands no frame: what comes is handed to the gateway, which says what to answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from hj212 import Decoder, Frame
from lingxiu.sensing.strangers import origin_of

if TYPE_CHECKING:
    from lingxiu.sensing.gateway import Gateway
    from lingxiu.sensing.parts import Parts

log = structlog.get_logger(__name__)


class Connection(asyncio.BufferedProtocol):
    """One socket: bytes to frames, and how the peer behaves."""

    # One buffer for all: it is emptied before the next socket is read.
    _buffer = memoryview(bytearray(64 * 1024))

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.decoder = Decoder()
        self.heard = self.unfinished_since = self.dialled = gateway.loop.time()
        self.known = False  # whether a known device has spoken
        self.origin = ""
        self.frames = 0  # since the last sweep
        self.floods = 0  # sweeps in a row with too many
        self.skipped = 0  # of the decoder, when the last frame came
        self.peer = ""
        self.parts: Parts | None = None  # of split messages
        self.devices: set[int] = set()  # whose line this is, or was
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, self.peer = _address(transport)
        self.origin = origin_of(host, spare_loopback=self.gateway.limits.spare_loopback)
        if not self.gateway.admit(self):
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self.gateway.forget(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        self.take(self.decoder.feed(bytes(self._buffer[:size])))
        if not self.known and not self.gateway.strangers.may_say(self.origin, size, self.heard):
            self.cut("says-too-much")

    def eof_received(self) -> bool:
        """The peer will say no more, but may still listen for what it is owed."""
        self.take(self.decoder.close())
        return False

    def take(self, frames: list[Frame]) -> None:
        """Hand frames on, and see whether bytes without frames are all that comes."""
        self.heard = self.gateway.loop.time()
        decoder = self.decoder
        if decoder.refused:
            self.gateway.counts.refused += len(decoder.refused)
            decoder.refused.clear()
        if frames:
            self.frames += len(frames)
            self.skipped = decoder.skipped
            self.unfinished_since = self.heard
            self.gateway.take(self, frames)
        elif decoder.skipped - self.skipped > self.gateway.limits.garbage_bytes:
            self.cut("no-frames")
        if not decoder.buffered:
            self.unfinished_since = self.heard

    def send(self, data: bytes) -> None:
        """Say something; a peer that does not listen is cut off rather than waited for."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        limits = self.gateway.limits
        if transport.get_write_buffer_size() > (limits.unread_bytes if self.known else limits.stranger_unread_bytes):
            self.cut("does-not-read")

    def cut(self, why: str) -> None:
        """End it at once."""
        if self._transport is None or self._transport.is_closing():
            return
        if self.known:
            log.info("connection.cut", peer=self.peer, why=why)
        else:
            self.gateway.cuts[why] += 1  # told together: a stranger must not fill the log either
        self._transport.abort()

    def close(self) -> None:
        """End it when what is owed has been said."""
        if self._transport is not None:
            self._transport.close()

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def sweep(self, now: float, seconds: float) -> None:
        """Once a second: deliver what only waits for its end, cut off who is idle, stalls or floods."""
        limits = self.gateway.limits
        flooding = self.frames > limits.flood_frames * seconds
        self.floods = self.floods + 1 if flooding else 0
        self.frames = 0
        if self.parts:
            self.gateway.take_parts(self, self.parts.late(now))
        if self.floods >= limits.flood_seconds:
            self.cut("floods")
        elif not self.known and now - self.dialled > limits.stranger_seconds:
            self.cut("unknown")
        elif now - self.heard > limits.idle_seconds:
            self.cut("idle")
        elif self.decoder.buffered:
            if now - self.unfinished_since > limits.stall_seconds:
                self.cut("stalls")
            elif now - self.heard > limits.quiet_seconds:
                heard = self.heard
                self.take(self.decoder.flush())
                self.heard = heard


def _address(transport: asyncio.Transport) -> tuple[str, str]:
    """(the host, host and port); both empty for a peer that has gone already."""
    peer = transport.get_extra_info("peername")
    return (peer[0], f"{peer[0]}:{peer[1]}") if peer else ("", "")
