"""Frames as devices send them, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hj212 import Decoder, Frame, Message, encode, make_flag, make_qn, upload
from hj212.crc import crc_hex

COUNTY = ZoneInfo("Asia/Shanghai")


def segment_frame(segment: str, crc: bytes | None = None) -> bytes:
    """The frame around a segment, right unless told otherwise."""
    data = segment.encode()
    return b"##%04d%b%b\r\n" % (len(data), data, crc_hex(data) if crc is None else crc)


def decode(data: bytes) -> Frame:
    """The one frame in these bytes."""
    (frame,) = Decoder().feed(data)
    return frame


def local(at: datetime) -> datetime:
    """A moment as the device's clock shows it."""
    return at.astimezone(COUNTY).replace(tzinfo=None)


def reading_frame(
    mn: str,
    at: datetime,
    fume: float | str = 0.5,
    *,
    fan: bool = True,
    purifier: bool = True,
    cn: str = "2011",
    qn: str | None = None,
    ack: bool = True,
    **other: Mapping[str, str],
) -> bytes:
    """What a plain-2017 device says of a moment."""
    suffix = "Rtd" if cn == "2011" else "Avg"
    factors: dict[str, Mapping[str, str]] = {
        "a34041": {suffix: f"{fume:.3f}" if isinstance(fume, float) else str(fume), "Flag": "N"},
        "SB1": {"RS": str(int(fan))},
        "SB2": {"RS": str(int(purifier))},
        **other,
    }
    return encode(upload(cn, local(at), factors, st="31", mn=mn, pw="123456", qn=qn or make_qn(local(at)), ack=ack))


def minutes(first: datetime, count: int) -> list[datetime]:
    """`count` minutes, from `first` on."""
    return [first + timedelta(minutes=n) for n in range(count)]


def control(cn: str, mn: str, qn: str = "20260305120000000", *, ack: bool = True) -> bytes:
    """A message of a device that is no measurement."""
    return encode(Message(cn, "31", mn, "123456", qn, make_flag("2017", ack=ack)))
