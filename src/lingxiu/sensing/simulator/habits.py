"""What devices do wrong on the line, on purpose and always in the same place: for trials of a gateway's patience.

Every fourth message of a device that has a habit suffers from it; what is said again, because nobody answered, is said rightly.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final, NamedTuple

from hj212 import Decoder

EVERY: Final = 4
STUCK_TOGETHER: Final = 5
"""Messages that a device with STICKY says in one breath."""
FLOODS: Final = 200
"""Copies that one with FLOOD says."""
NOISE: Final = b"\x00\xffDTU online\r\n##12"
_CRC: Final = slice(-6, -2)
_VALUE: Final = re.compile(r"(-(?:Rtd|Avg)=)[-+.\d]+")


class Habit(StrEnum):
    """One way of misbehaving."""

    STICKY = "sticky"
    HALF = "half"
    BROKEN = "broken"
    CRC = "crc"
    NOISE = "noise"
    NAN = "nan"
    MISSING = "missing"
    DUPLICATE = "duplicate"
    FLOOD = "flood"
    PRINTED = "printed"
    CLOCK = "clock"


WORDS: Final[dict[Habit, str]] = {
    Habit.STICKY: "several messages in one packet",
    Habit.HALF: "a message in two packets, with a pause between",
    Habit.BROKEN: "hangs up in the middle of a message",
    Habit.CRC: "wrong check value",
    Habit.NOISE: "bytes of a modem before a message",
    Habit.NAN: "NaN for a value",
    Habit.MISSING: "9999.99 for a value",
    Habit.DUPLICATE: "everything twice",
    Habit.FLOOD: "two hundred copies at once",
    Habit.PRINTED: "cipher text written as {0xE4,…}",
    Habit.CLOCK: "a clock three days ahead",
}


class Spoiled(NamedTuple):
    """What is written, piece by piece with a pause between; `broken_off`: and then the line is cut."""

    pieces: tuple[bytes, ...]
    broken_off: bool = False


def spoil(habits: Collection[Habit], data: bytes, count: int) -> Spoiled:
    """What becomes of the `count`th message on its way."""
    if not habits or count % EVERY:
        return Spoiled((data,))
    if Habit.PRINTED in habits:
        data = _printed(data)
    if Habit.CRC in habits:
        data = data[: _CRC.start] + (b"1234" if data[_CRC] != b"1234" else b"4321") + data[_CRC.stop :]
    if Habit.NOISE in habits:
        data = NOISE + data
    if Habit.DUPLICATE in habits:
        data += data
    if Habit.FLOOD in habits:
        data *= FLOODS
    half = len(data) // 2
    if Habit.BROKEN in habits:
        return Spoiled((data[:half],), broken_off=True)
    return Spoiled((data[:half], data[half:])) if Habit.HALF in habits else Spoiled((data,))


def spoil_values(habits: Collection[Habit], cp: str, count: int) -> str:
    """The data area with its first value replaced, where that is a habit."""
    if not habits or count % EVERY:
        return cp
    for habit, value in ((Habit.NAN, "NaN"), (Habit.MISSING, "9999.99")):
        if habit in habits:
            return _VALUE.sub(rf"\g<1>{value}", cp, count=1)
    return cp


def _printed(data: bytes) -> bytes:
    """An encrypted frame as the standard prints it; a plain one as it is."""
    (frame,) = Decoder().feed(data)
    begin, end = frame.data_span
    whole = end - (end - begin) % 16
    if frame.crc_ok or whole == begin:
        return data
    text = b"{" + b",".join(b"0x%02X" % byte for byte in frame.raw[begin:whole]) + b"}"
    return frame.raw[:begin] + text + frame.raw[whole:] + b"\r\n"
