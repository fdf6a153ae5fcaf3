"""One frame: what it says in its header, its data area, and how far it is from the standards. Parsed only when asked.

A frame never judges a value, knows no factor, and keeps every byte it came in as `raw`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from hj212.codes import ACK_COMMANDS, SYSTEM_INTERACTION, FlagBit
from hj212.cp import Body, parse_cp
from hj212.deviations import CRC_DEVIATIONS, NONE, Deviation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

ORDERS: Final = (
    ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF"),  # 2017, 2025, requests of 2005
    ("ST", "CN", "QN", "PW", "MN", "Flag", "PNO", "PNUM"),  # uploads and answers of 2005
)
_FIELDS: Final = frozenset(ORDERS[0])

# A header exactly as 2017 and 2025 print it; whatever does not match is read field by field.
_PLAIN_HEADER: Final = re.compile(
    r"QN=(\d{17});ST=([0-9A-Z]{2});CN=(\d{4});PW=([^;,=\s]+);MN=([^;,=\s]+);Flag=(\d{1,3});"
    r"(?:PNUM=(\d{1,4});PNO=(\d{1,4});)?(?:RF=(1);)?"
)
_CP_OPENING: Final = re.compile(rb"CP=\s*(?:&&)?")
_TERMINATORS: Final = frozenset({Deviation.LF_ONLY, Deviation.CR_ONLY, Deviation.NO_TERMINATOR})
_VERSIONS: Final = {0: "2005", 1: "2017", 2: "2025"}


class Header(NamedTuple):
    """The fields before CP as they were sent; None where a field is absent."""

    qn: str | None
    st: str | None
    cn: str | None
    pw: str | None
    mn: str | None
    flag: str | None
    pnum: str | None
    pno: str | None
    rf: str | None
    deviations: frozenset[Deviation]


class Frame:
    """A whole frame. `raw` runs from `##` to the last digit of the CRC; CR LF is not part of it.

    Cheap to make: the header is parsed when a field is first asked for, the data area when items or factors are. Frames are
    equal when their bytes are.
    """

    __slots__ = ("_body", "_cp", "_end", "_header", "_start", "_wire", "crc_ok", "raw")

    def __init__(self, raw: bytes, start: int, end: int, crc_ok: bool, wire: frozenset[Deviation] = NONE) -> None:
        """`raw[start:end]` is the segment; `wire` names what the decoder saw amiss with the envelope."""
        self.raw = raw
        self.crc_ok = crc_ok
        self._start = start
        self._end = end
        self._wire = wire
        self._header: Header | None = None
        self._cp: tuple[str, frozenset[Deviation]] | None = None
        self._body: Body | None = None

    @property
    def segment(self) -> bytes:
        return self.raw[self._start : self._end]

    @property
    def segment_end(self) -> int:
        """Index into `raw` of the first byte behind the segment, where the CRC belongs."""
        return self._end

    @property
    def declared(self) -> tuple[int, int]:
        """The length it was sent with, in how many digits."""
        digits = self.raw[2 : self._start]
        return int(digits), len(digits)

    @property
    def data_span(self) -> tuple[int, int]:
        """Where in `raw` the bytes between the && marks stand, whatever they are: (begin, end)."""
        _, opened = self._cp_opening()
        closed = self._end - 2
        return opened, closed if closed >= opened and self.raw.endswith(b"&&", opened, self._end) else self._end

    @property
    def header(self) -> Header:
        if self._header is None:
            self._header = _read_header(self.raw[self._start : self._cp_opening()[0]])
        return self._header

    @property
    def qn(self) -> str | None:
        """An opaque token: 17 digits by the text, 13 and none in the field; a retry repeats it."""
        return self.header.qn

    @property
    def answered_qn(self) -> str | None:
        """The QN that a 9011 to 9014 answers: in front (2017), or inside CP (2005)."""
        return self.qn if self.qn is not None else self.items().get("QN")

    @property
    def st(self) -> str | None:
        return self.header.st

    @property
    def cn(self) -> str | None:
        return self.header.cn

    @property
    def pw(self) -> str | None:
        return self.header.pw

    @property
    def mn(self) -> str | None:
        return self.header.mn

    @property
    def flag(self) -> str | None:
        return self.header.flag

    @property
    def pnum(self) -> str | None:
        return self.header.pnum

    @property
    def pno(self) -> str | None:
        return self.header.pno

    @property
    def rf(self) -> str | None:
        """1 marks data sent again after an outage (2025 only); absent otherwise."""
        return self.header.rf

    @property
    def cp(self) -> str:
        """The text between the && marks."""
        return self._read_cp()[0]

    @property
    def flag_bits(self) -> int | None:
        """Flag as a number, None when there is none or it is no number from 0 to 255."""
        flag = self.header.flag
        if flag is None or Deviation.FLAG_FORM in self.header.deviations:
            return None
        return int(flag)

    @property
    def wants_ack(self) -> bool:
        return bool((self.flag_bits or 0) & FlagBit.ACK_WANTED)

    @property
    def claimed_version(self) -> str | None:
        """What the version bits say: a hint, never a gate (the value of 2025 occurs in a sample of 2021)."""
        bits = self.flag_bits
        return None if bits is None else _VERSIONS.get(bits >> 2)

    @property
    def part(self) -> tuple[int, int] | None:
        """(number, of how many) when this is a part of a split message, by its numbers and not by Flag."""
        header = self.header
        if header.pnum is None or header.pno is None or Deviation.PART_NUMBERS_FORM in header.deviations:
            return None
        return int(header.pno), int(header.pnum)

    @property
    def data_time(self) -> datetime | None:
        """DataTime to the second, in the device's local time (naive); None when absent or no time."""
        text = self.items().get("DataTime", "")
        return _moment(text) if len(text) in (14, 17) else None

    @property
    def deviations(self) -> frozenset[Deviation]:
        """Everything this frame does differently; parses it whole.

        A frame is delivered as soon as its CRC is there. Until the bytes behind it have come it counts as having no
        terminator; the decoder takes NO_TERMINATOR back, or says LF_ONLY, when they do.
        """
        found = self._wire | self.header.deviations | self._read_cp()[1] | self._read_body().deviations
        if self._body is not None and "DataTime" in self._body.items and self.data_time is None:
            found |= {Deviation.DATA_TIME_FORM}
        return found

    @property
    def outer_deviations(self) -> frozenset[Deviation]:
        """Those of length, CRC, header and the data area's marks and encoding, without what ends the frame; parses no factor."""
        wire, header, text = self._wire, self.header.deviations, self._read_cp()[1]
        return (wire | header | text) - _TERMINATORS if wire or header or text else NONE

    def items(self) -> dict[str, str]:
        """{name: value} of what belongs to no factor: DataTime, SystemTime, QnRtn …"""
        return self._read_body().items

    def factors(self) -> dict[str, dict[str, str]]:
        """{code: {suffix: value}}, e.g. {"a34041": {"Rtd": "0.42", "Flag": "N"}}; values as sent, log text without its //."""
        return self._read_body().factors

    def crc_is_allowed(self, allowed: Collection[Deviation]) -> bool:
        """Whether the check value is right, or wrong in no other way than a device's policy allows."""
        return self.crc_ok or (self._wire & CRC_DEVIATIONS) <= frozenset(allowed)

    def with_data(self, data: bytes) -> Frame:
        """The frame with another data area in the same envelope: for decryption alone, which judges length and CRC anew."""
        begin, end = self.data_span
        raw = self.raw[:begin] + data + self.raw[end:]
        return Frame(raw, self._start, self._end + len(raw) - len(self.raw), False, self._wire & _TERMINATORS)

    def judged(self, crc_ok: bool, wire: frozenset[Deviation]) -> Frame:
        """The same, with what was found amiss with its envelope."""
        return Frame(self.raw, self._start, self._end, crc_ok, self._wire | wire)

    def end_with(self, terminator: Deviation | None) -> None:
        """For the decoder alone, which learns what ends a frame only after delivering it."""
        self._wire = (self._wire - _TERMINATORS) | ({terminator} if terminator else NONE)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frame):
            return NotImplemented
        return self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"Frame({self.raw!r}, crc_ok={self.crc_ok})"

    def _cp_opening(self) -> tuple[int, int]:
        """Where in `raw` the words CP=&& stand, (begin, end); both the segment's end when there are none."""
        begin = self.raw.find(b"CP=&&", self._start, self._end)
        if begin >= 0:
            return begin, begin + 5
        found = _CP_OPENING.search(self.raw, self._start, self._end)
        return found.span() if found else (self._end, self._end)

    def _read_cp(self) -> tuple[str, frozenset[Deviation]]:
        if self._cp is None:
            begin, opened = self._cp_opening()
            self._cp = _read_text(self.raw, begin, opened, self._end)
        return self._cp

    def _read_body(self) -> Body:
        if self._body is None:
            text, deviations = self._read_cp()
            nothing = not text or Deviation.TEXT_UNREADABLE in deviations
            self._body = Body({}, {}, NONE) if nothing else parse_cp(text)
        return self._body


def _read_text(raw: bytes, begin: int, opened: int, end: int) -> tuple[str, frozenset[Deviation]]:
    if begin == end:
        return "", frozenset({Deviation.CP_MISSING})
    found = NONE
    if raw[opened - 2 : opened] != b"&&":
        found |= {Deviation.CP_MISSING}
    if end - 2 >= opened and raw.endswith(b"&&", opened, end):
        end -= 2
    else:
        found |= {Deviation.CP_UNCLOSED}
    if raw[begin + 3 : opened - 2].isspace():
        found |= {Deviation.BLANKS}
    data = raw[opened:end]
    for encoding, deviation in (("utf-8", None), ("gbk", Deviation.TEXT_GBK)):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text, found | {deviation} if deviation else found
    return data.decode("latin-1"), found | {Deviation.TEXT_UNREADABLE}


def _read_header(data: bytes) -> Header:
    text = data.decode("latin-1")
    plain = _PLAIN_HEADER.fullmatch(text)
    if plain is None:
        return _read_header_by_field(text)
    qn, st, cn, pw, mn, flag, pnum, pno, rf = plain.groups()
    return Header(qn, st, cn, pw, mn, flag, pnum, pno, rf, frozenset(_header_sense(st, cn, flag, pnum, pno)))


def _read_header_by_field(text: str) -> Header:
    fields, order, found = _split_fields(text)
    get = fields.get
    header = Header(
        *(get("QN"), get("ST"), get("CN"), get("PW"), get("MN"), get("Flag"), get("PNUM"), get("PNO"), get("RF")), NONE
    )
    found |= {deviation for name, (form, deviation) in _FORMS.items() if name in fields and not form(fields[name])}
    found |= _header_sense(header.st, header.cn, header.flag, header.pnum, header.pno)
    found |= _header_gaps(header, order)
    return header._replace(deviations=frozenset(found))


def _split_fields(text: str) -> tuple[dict[str, str], list[str], set[Deviation]]:
    """Fields in any order, the first of a name counting; their order; and what was odd about the writing."""
    found: set[Deviation] = set()
    if "," in text or not text.rstrip().endswith(";"):
        found.add(Deviation.FIELD_SEPARATOR)
    if any(character.isspace() for character in text):
        found.add(Deviation.BLANKS)
    pieces = [piece.strip() for piece in text.replace(",", ";").split(";")]
    if not pieces[-1]:
        pieces.pop()
    fields: dict[str, str] = {}
    for piece in pieces:
        name, equals, value = (part.strip() for part in piece.partition("="))
        if not piece:
            found.add(Deviation.EMPTY_ITEM)
        elif not equals or name not in _FIELDS:
            found.add(Deviation.FIELD_UNKNOWN)
        elif name in fields:
            found.add(Deviation.FIELD_REPEATED)
        else:
            fields[name] = value
    order = list(fields)
    if not any(_follows(order, printed) for printed in ORDERS):
        found.add(Deviation.FIELD_ORDER)
    return fields, order, found


def _follows(names: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether `names` come in the printed order, some left out."""
    rest = iter(printed)
    return all(name in rest for name in names)


def _digits(text: str, widths: Collection[int]) -> bool:
    return len(text) in widths and text.isascii() and text.isdigit()


def _is_system(text: str) -> bool:
    return len(text) == 2 and text.isascii() and text.isalnum() and text == text.upper()


_FORMS: Final[dict[str, tuple[Callable[[str], bool], Deviation]]] = {
    "QN": (lambda text: _digits(text, (17,)), Deviation.QN_FORM),
    "ST": (_is_system, Deviation.ST_FORM),
}


def _header_sense(
    st: str | None, cn: str | None, flag: str | None, pnum: str | None, pno: str | None
) -> set[Deviation]:
    """What the fields say of each other. Version bits are no part of it: devices send what they like there."""
    found: set[Deviation] = set()
    if cn in ACK_COMMANDS and st != SYSTEM_INTERACTION:
        found.add(Deviation.ACK_SYSTEM)
    if flag is not None:
        if not _digits(flag, (1, 2, 3)) or int(flag) > 255:
            found.add(Deviation.FLAG_FORM)
        elif int(flag) & FlagBit.NUMBERED and (pnum is None or pno is None):
            found.add(Deviation.PART_NUMBERS_MISSING)
        elif not int(flag) & FlagBit.NUMBERED and pnum is not None:
            found.add(Deviation.PART_NUMBERS_UNANNOUNCED)
    if (pnum is not None or pno is not None) and not _are_part_numbers(pnum, pno):
        found.add(Deviation.PART_NUMBERS_FORM)
    return found


def _are_part_numbers(pnum: str | None, pno: str | None) -> bool:
    if pnum is None or pno is None or not (_digits(pnum, range(1, 5)) and _digits(pno, range(1, 5))):
        return False
    return 1 <= int(pno) <= int(pnum)


def _header_gaps(header: Header, order: Sequence[str]) -> set[Deviation]:
    """What is missing. 2005 is content with little: its uploads have no QN and no Flag, its 9014 not even PW and MN."""
    found: set[Deviation] = set()
    if header.cn is None:
        found.add(Deviation.CN_MISSING)
    if header.st is None:
        found.add(Deviation.ST_FORM)
    bare_ack = header.cn == "9014" and header.qn is None
    if header.pw is None and not bare_ack:
        found.add(Deviation.PW_MISSING)
    if header.mn is None and not bare_ack:
        found.add(Deviation.MN_MISSING)
    if header.flag is None and order[:1] == ["QN"]:
        found.add(Deviation.FLAG_MISSING)
    if header.qn is None and header.flag not in (None, "0", "2"):
        found.add(Deviation.QN_MISSING)
    return found


def _moment(text: str) -> datetime | None:
    """The time that 14 digits say, any that follow left out; the device's clock knows no zone."""
    if not (text.isascii() and text.isdigit()):
        return None
    try:
        return datetime.fromisoformat(f"{text[:8]}T{text[8:14]}")
    except ValueError:
        return None
