"""What would become of bytes a device sends, by one profile or by every one of them: frame by frame, with what belongs there.

Says what the gateway does, by the same reader. Keeps nothing, answers nobody, knows no page, and never reads a clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from hj212 import Decoder, Deviation, Frame, crc_hex, is_encrypted
from hj212.codes import ACK_COMMANDS, DEVICE_NOTICES
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.sensing.keys import Key, opened
from lingxiu.sensing.profiles import (
    VALUE_COLUMNS,
    NotAReading,
    ProfileReader,
    Understood,
    from_jsonb,
    microseconds,
    moment,
)

MOST_BYTES: Final = 16 * 1024
MOST_FRAMES: Final = 20
UNITS: Final = {
    "fume_mg_m3": "mg/m³",
    "pm_mg_m3": "mg/m³",
    "nmhc_mg_m3": "mg/m³",
    "temperature_c": "°C",
    "humidity_pct": "%",
    "fan_a": "A",
    "purifier_a": "A",
}
"""Of our columns; states have none."""
FIELDS: Final = ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF")
LOGIN: Final = "9021"
_VERSION_FLAGS: Final = {"2005": 0, "2017": 1, "2025": 2}
_MN_LENGTHS: Final = {"2005": 14, "2017": 24, "2025": 24}
_HEX: Final = re.compile(r"(?:0[xX]|\\x)?([0-9A-Fa-f]{2})[\s,:]*")
_ESCAPE: Final = re.compile(r"\\(r|n|x[0-9A-Fa-f]{2})")


class Became(StrEnum):
    """What a frame comes to."""

    READING = "reading"
    ODD = "odd"
    """A reading, and the bytes are kept beside it."""
    UNPLACED = "unplaced"
    """Its bytes are kept and nothing is read: it stands at no time."""
    REFUSED = "refused"
    TALK = "talk"
    """No measurement: it is answered, or passed over."""


class Value(NamedTuple):
    """One column of a row: what it became (None: nothing), from which words of the frame, and its mark."""

    channel: int
    column: str
    value: float | bool | None
    sent: str
    mark: str


class Check(NamedTuple):
    """What was sent where length or check value belong, and what belongs there."""

    sent: str
    right: str

    @property
    def ok(self) -> bool:
        return self.sent.upper() == self.right


@dataclass(frozen=True, slots=True)
class Tried:
    """A frame and what becomes of it. `why`: a code for the reason, as odd_frame keeps it. `remarks`: codes of what its version
    has otherwise. `values` are shown even where the frame is refused, so that its sender sees both. `sent`: as it came; `frame` is
    what a key has made of it, if one did."""

    frame: Frame
    became: Became
    why: str
    at: datetime | None
    values: tuple[Value, ...]
    kept: dict[str, str]
    remarks: tuple[str, ...]
    sent: bytes

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The header as it was sent; fields that are not there are left out."""
        sent = ((name, getattr(self.frame, name.lower())) for name in FIELDS)
        return [(name, value) for name, value in sent if value is not None]

    @property
    def opened(self) -> bool:
        """Whether a key has opened it."""
        return self.frame.raw != self.sent

    @property
    def deviations(self) -> list[Deviation]:
        """All of them, what ends the frame apart: who pastes one rarely pastes its end."""
        ends = {Deviation.LF_ONLY, Deviation.CR_ONLY, Deviation.NO_TERMINATOR}
        return sorted(self.frame.deviations - ends)

    @property
    def length(self) -> Check:
        segment = self.frame.segment
        start = self.frame.raw.index(segment) if segment else len(self.frame.raw)
        return Check(self.frame.raw[2:start].decode("latin-1"), f"{len(segment):04d}")

    @property
    def crc(self) -> Check:
        frame = self.frame
        return Check(frame.raw[frame.segment_end :].decode("latin-1"), crc_hex(frame.segment).decode())

    @property
    def corrected(self) -> bytes:
        """The frame with the length and check value its segment asks for, without CR LF."""
        segment = self.frame.segment
        return b"##%04d%b%b" % (len(segment), segment, crc_hex(segment))

    @property
    def understood(self) -> int:
        """How many values it has given."""
        return sum(value.value is not None for value in self.values)


class Found(NamedTuple):
    """The frames in some bytes, at most as many as wanted; how many more there were; bytes in no frame; why there is none."""

    frames: list[Frame]
    more: int
    skipped: int
    why: str


class Fit(NamedTuple):
    """How well a profile explains frames: values understood, frames it refuses, frames it finds odd, words it does not know."""

    profile: DeviceProfile
    values: int
    refused: int
    odd: int
    unknown: int


def bytes_of(text: str) -> bytes:
    """What was pasted, as bytes: hex pairs (with blanks, commas or 0x between), or the frame's text with \\r, \\n and \\xNN."""
    stripped = text.strip()
    pairs = _HEX.findall(stripped)
    if len(pairs) > 3 and not _HEX.sub("", stripped):
        return bytes(int(pair, 16) for pair in pairs)
    pieces, last = [], 0
    for escape in _ESCAPE.finditer(text):
        pieces += [text[last : escape.start()].encode(errors="replace"), _unescaped(escape[1])]
        last = escape.end()
    return b"".join([*pieces, text[last:].encode(errors="replace")])


def _unescaped(word: str) -> bytes:
    return {"r": b"\r", "n": b"\n"}.get(word) or bytes([int(word[1:], 16)])


def find_frames(data: bytes, most: int = MOST_FRAMES) -> Found:
    """The frames a gateway finds in these bytes, which are all that comes."""
    decoder = Decoder()
    frames = [*decoder.feed(data), *decoder.close()]
    return Found(frames[:most], max(0, len(frames) - most), decoder.skipped, "" if frames else _why_no_frame(data))


def _why_no_frame(data: bytes) -> str:
    if b"##" not in data:
        return "no-start"
    if not re.search(rb"##\d{1,4}[A-Za-z]", data):
        return "no-length"
    opened = re.search(rb"CP=\s*&&", data)
    if opened is None:
        return "no-data"
    return "never-closed" if b"&&" not in data[opened.end() :] else "no-end"


def try_frame(
    frame: Frame, reader: ProfileReader, now: datetime, zone: ZoneInfo, version: str = "", keys: Sequence[Key] = ()
) -> Tried:
    """What becomes of a frame of a device of this profile that comes `now`; `version`: which text it is meant to follow.

    `keys`: the device's, the newest first. They open data only: what tells of a key (CN 1014) stays closed.
    """
    cn, sent = frame.cn or "", frame.raw
    remarks = tuple(_remarks(frame, version))
    if not cn.startswith("2"):
        return Tried(frame, *_talk(frame, reader), None, (), {}, remarks, sent)
    if not frame.crc_ok or is_encrypted(frame):
        frame, _key = opened(frame, keys, reader.refuses)
    understood, why = _read(frame, reader, now, zone)
    at = moment(understood.reading.at) if understood and not why else None
    became = Became.UNPLACED if why else Became.ODD if understood and understood.odd else Became.READING
    refused = _refusal(frame, reader)
    if refused:
        became, why = Became.REFUSED, refused
    elif understood and not why:
        why = understood.odd
    values = _values(frame, reader, understood) if understood else ()
    kept = from_jsonb(understood.reading.extra) if understood else {}
    return Tried(frame, became, why, at, values, kept, remarks, sent)


def _refusal(frame: Frame, reader: ProfileReader) -> str:
    if frame.mn is None:
        return "mn"
    return "encrypted" if is_encrypted(frame) else reader.refuses(frame)


def _talk(frame: Frame, reader: ProfileReader) -> tuple[Became, str]:
    refused = _refusal(frame, reader)
    if refused:
        return Became.REFUSED, refused
    cn = frame.cn or ""
    if cn == LOGIN:
        return Became.TALK, "login"
    if cn in DEVICE_NOTICES:
        return Became.TALK, "notice"
    return Became.TALK, "answer" if cn in ACK_COMMANDS else "cn"


def _read(frame: Frame, reader: ProfileReader, now: datetime, zone: ZoneInfo) -> tuple[Understood | None, str]:
    """What is understood, and why it cannot be placed in time: it is then read as of its own time, or of now."""
    at = microseconds(now)
    try:
        return reader.read(frame, 0, at), ""
    except NotAReading as refused:
        why = refused.why
    sent = frame.data_time
    own = microseconds(sent.replace(tzinfo=zone)) if sent else at
    try:
        return reader.read(frame, 0, own, f"{now.astimezone(zone):%Y%m%d%H%M%S}"), why
    except NotAReading:
        return None, why


def _values(frame: Frame, reader: ProfileReader, understood: Understood) -> tuple[Value, ...]:
    sources = reader.sources(frame)
    values = []
    for row in (understood.reading, *understood.more):
        marks = from_jsonb(row.marks)
        for column, value in zip(VALUE_COLUMNS, row.values, strict=True):
            sent = sources.get((row.channel, column), "")
            if sent or column in marks:
                values.append(Value(row.channel, column, value, sent, marks.get(column, "")))
    return tuple(values)


def _remarks(frame: Frame, version: str) -> Iterable[str]:
    """What the version it is meant to follow has otherwise, beyond the deviations every version calls so."""
    if version not in _VERSION_FLAGS:
        return
    if frame.flag_bits is not None and frame.flag_bits >> 2 != _VERSION_FLAGS[version]:
        yield "version-bits"
    if frame.mn is not None and len(frame.mn) != _MN_LENGTHS[version]:
        yield "mn-length"
    if frame.rf is not None and version != "2025":
        yield "rf"
    if version == "2025" and frame.part is not None and frame.part[1] > 9:
        yield "too-many-parts"


def rank(
    frames: Sequence[Frame], readers: Iterable[ProfileReader], now: datetime, zone: ZoneInfo, keys: Sequence[Key] = ()
) -> list[Fit]:
    """The profiles that understand anything of these frames, the one that understands most of them first."""
    fits = []
    for reader in readers:
        tried = [try_frame(frame, reader, now, zone, keys=keys) for frame in frames]
        fits.append(
            Fit(
                reader.profile,
                sum(one.understood for one in tried),
                sum(one.became == Became.REFUSED for one in tried),
                sum(one.became == Became.ODD for one in tried),
                sum(len(one.kept) for one in tried),
            )
        )
    return sorted((fit for fit in fits if fit.values), key=lambda fit: (fit.refused, -fit.values, fit.odd, fit.unknown))
