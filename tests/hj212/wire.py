"""Frames made for tests, right ones and wrong ones, and what is asked of them again and again."""

from collections.abc import Iterable
from datetime import datetime

from hypothesis import settings

from hj212 import Decoder, Deviation, Frame, Message, crc_hex, upload

steady = settings(derandomize=True, deadline=None)
"""Properties fail the same way every night; the fuzz target is where chance has its place."""

MN = "TESTMN0000000000000000A1"
HEADER = f"QN=20260105083000123;ST=31;CN=2011;PW=123456;MN={MN};Flag=5;"
DATA = "DataTime=20260105083000;a34041-Rtd=0.42,a34041-Flag=N"
NONE: frozenset[Deviation] = frozenset()


def segment(data: str = DATA, header: str = HEADER) -> bytes:
    return f"{header}CP=&&{data}&&".encode()


def packet(
    body: bytes = segment(), *, length: str | None = None, crc: bytes | None = None, end: bytes = b"\r\n"
) -> bytes:
    """A frame around `body`, right unless told otherwise."""
    return b"##%b%b%b%b" % (
        (length or f"{len(body):04d}").encode(),
        body,
        crc_hex(body) if crc is None else crc,
        end,
    )


def sample(minute: int = 0, factors: int = 2) -> Message:
    """An upload of 2017; different minutes are different frames."""
    values = {f"a{34000 + number}": {"Rtd": f"{number}.{minute:02d}", "Flag": "N"} for number in range(factors)}
    qn = f"2026010508{minute:02d}00000"
    return upload("2011", datetime(2026, 1, 5, 8, minute), values, st="31", mn=MN, pw="123456", qn=qn)


def feed_whole(stream: bytes, *, strict: bool = False) -> list[Frame]:
    """Everything the stream holds, its end included."""
    decoder = Decoder(strict)
    return decoder.feed(stream) + decoder.close()


def feed_in(pieces: Iterable[bytes], decoder: Decoder | None = None) -> list[Frame]:
    decoder = decoder or Decoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)]


def one(frames: list[Frame]) -> Frame:
    assert len(frames) == 1, frames
    return frames[0]


def bytewise(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]
