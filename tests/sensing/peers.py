"""The other end of a gateway's sockets, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from hj212 import Decoder, Frame
from lingxiu.sensing.gateway import Gateway, Limits, wall_clock
from lingxiu.sensing.sink import Sink


class Peer:
    """One socket to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    async def say(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))
        await self.writer.drain()

    async def hear(self, count: int = 1, within: float = 10.0) -> list[Frame]:
        """The next `count` frames the gateway sends."""
        async with asyncio.timeout(within):
            while len(self._frames) < count:
                data = await self.reader.read(65536)
                if not data:
                    raise ConnectionError("the gateway hung up")
                self._frames += self._decoder.feed(data)
        heard, self._frames = self._frames[:count], self._frames[count:]
        return heard

    async def hears_nothing(self, for_s: float = 0.3) -> bool:
        try:
            await self.hear(within=for_s)
        except TimeoutError:
            return True
        return False

    async def is_hung_up(self, within: float = 10.0) -> bool:
        """Whether the gateway ends the connection; whatever it says before is thrown away."""
        try:
            async with asyncio.timeout(within):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def gateway(
    database: str,
    limits: Limits | None = None,
    clock: Callable[[], int] = wall_clock,
    port: int = 0,
    sink: Sink | None = None,
) -> AsyncIterator[tuple[Gateway, Callable[[], Awaitable[Peer]]]]:
    """A gateway on a free port, and how to dial it."""
    running = Gateway(database, limits or Limits(), clock, sink)
    port = await running.start("127.0.0.1", port)

    peers: list[Peer] = []

    async def dial() -> Peer:
        peers.append(Peer(*await asyncio.open_connection("127.0.0.1", port)))
        return peers[-1]

    try:
        yield running, dial
    finally:
        await running.stop()
        for peer in peers:
            await peer.close()
