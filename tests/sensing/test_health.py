"""What a gateway says of itself, on a port of its own, also while everything else is away."""

from __future__ import annotations

import asyncio

import pytest

from lingxiu.sensing import health
from lingxiu.sensing.gateway import serve
from lingxiu.sensing.health import CannotListen, Health
from lingxiu.sensing.logbook import Counts
from tests.sensing.cluster import free_port
from tests.sensing.conftest import Plant

WELL = Health(True, "", Counts(connections=3, queued=7, frames=12))
ILL = Health(False, "store: OperationalError", Counts())


def ask(state: Health, words: bytes) -> str:
    """What is answered to a request."""

    async def asking() -> str:
        port = free_port()
        async with health.answering(lambda: state, "127.0.0.1", port):
            return await said(port, words)

    return asyncio.run(asking())


async def said(port: int, words: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    heard = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    return heard


def test_a_balancer_hears_whether_devices_are_served() -> None:
    assert ask(WELL, b"GET /readyz HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 200 OK\r\n")
    answer = ask(ILL, b"GET /readyz HTTP/1.0\r\n\r\n")
    assert answer.startswith("HTTP/1.1 503 ")
    assert '"why": "store: OperationalError"' in answer
    assert ask(ILL, b"GET /healthz HTTP/1.1\r\n\r\n").endswith("ok\n")


def test_what_it_has_counted_is_told_as_numbers() -> None:
    lines = ask(WELL, b"GET /metrics HTTP/1.1\r\n\r\n").splitlines()
    assert {"lingxiu_gateway_ready 1", "lingxiu_gateway_queued 7", "lingxiu_gateway_frames_total 12"} <= set(lines)


@pytest.mark.parametrize(
    "words", [b"POST /readyz HTTP/1.1\r\n\r\n", b"GET\r\n", b"\r\n", b"##0000\r\n", b"GET /x y\r\n"]
)
def test_other_words_are_no_question(words: bytes) -> None:
    assert ask(WELL, words).startswith("HTTP/1.1 404 ")


def test_a_line_without_an_end_is_hung_up_on() -> None:
    assert ask(WELL, b"G" * 10_000) == ""


def test_while_it_waits_for_its_database_it_says_so(plant: Plant) -> None:
    port = free_port()

    async def scene() -> str:
        nowhere = "host=127.0.0.1 port=1 connect_timeout=1"
        waiting = asyncio.create_task(
            serve("127.0.0.1", free_port(), nowhere, health_port=port, until=asyncio.Event().wait)  # type: ignore[arg-type]  # its answer is nobody's
        )
        try:
            async with asyncio.timeout(60):
                while True:
                    try:
                        return await said(port, b"GET /readyz HTTP/1.1\r\n\r\n")
                    except OSError:
                        await asyncio.sleep(0.02)
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    assert '"why": "gateway: it starts"' in asyncio.run(scene())


def test_a_port_that_is_taken_is_named_with_its_mend() -> None:
    async def scene() -> None:
        port = free_port()
        async with health.answering(lambda: WELL, "127.0.0.1", port):
            with pytest.raises(CannotListen, match=rf"127.0.0.1:{port} .*HJ212_HEALTH_PORT="):
                async with health.answering(lambda: WELL, "127.0.0.1", port):
                    pass

    asyncio.run(scene())
