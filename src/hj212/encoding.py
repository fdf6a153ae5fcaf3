"""From what is to be said to bytes on the wire, in the field order of 2005 or of 2017 (which 2025 keeps).

Raises `LocalProtocolError` for whatever would not come out at the other end as it went in; never splits (see splitting.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol

from hj212.codes import SEGMENT_LIMIT, SYSTEM_INTERACTION, AckCommand, ExeRtn, FlagBit, QnRtn, Version
from hj212.cp import make_cp
from hj212.crc import crc_hex
from hj212.encryption import transform
from hj212.errors import FieldInvalid, SegmentOverflow
from hj212.frame import ORDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hj212.encryption import Blocks
    from hj212.frame import Frame

Order = Literal["2005", "2017"]

_FIELDS: Final[dict[Order, tuple[str, ...]]] = {"2017": ORDERS[0], "2005": ORDERS[1]}
_VERSION_BITS: Final[dict[Version, int]] = {"2005": 0, "2017": 4, "2025": 8}
_FIELD_VALUE: Final = re.compile(r"[^;,=&#\s\x00-\x1f\x7f-\U0010ffff]*")


class FrameLike(Protocol):
    """What can be encoded: a `Message`, or a `Frame` to be sent on."""

    @property
    def qn(self) -> str | None: ...
    @property
    def st(self) -> str | None: ...
    @property
    def cn(self) -> str | None: ...
    @property
    def pw(self) -> str | None: ...
    @property
    def mn(self) -> str | None: ...
    @property
    def flag(self) -> str | None: ...
    @property
    def pnum(self) -> str | None: ...
    @property
    def pno(self) -> str | None: ...
    @property
    def rf(self) -> str | None: ...
    @property
    def cp(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message to be sent: the fields of a frame, as text; None leaves a field out."""

    cn: str
    st: str | None = None
    mn: str | None = None
    pw: str | None = None
    qn: str | None = None
    flag: str | None = None
    pnum: str | None = None
    pno: str | None = None
    rf: str | None = None
    cp: str = ""

    @property
    def wants_ack(self) -> bool:
        return bool(self.flag_bits & FlagBit.ACK_WANTED)

    @property
    def flag_bits(self) -> int:
        """Flag as a number, 0 when there is none."""
        if self.flag is None:
            return 0
        if not (self.flag.isascii() and self.flag.isdigit() and int(self.flag) < 256):
            raise FieldInvalid("Flag", self.flag)
        return int(self.flag)


def encode(
    message: FrameLike, *, order: Order = "2017", limit: int = SEGMENT_LIMIT, encrypt: Blocks | None = None
) -> bytes:
    """The whole frame, `##` to CR LF; `limit` is the most bytes its segment may have, `encrypt` a cipher for its data area."""
    segment = encode_segment(message, order)
    if len(segment) > limit:
        raise SegmentOverflow(len(segment), limit)
    sent = segment if encrypt is None else _encrypted(segment, encrypt)
    return b"##%04d%b%b\r\n" % (len(segment), sent, crc_hex(segment))


def _encrypted(segment: bytes, encrypt: Blocks) -> bytes:
    header, opening, data = segment.partition(b"CP=&&")
    return header + opening + transform(data[:-2], encrypt) + b"&&"


def encode_segment(message: FrameLike, order: Order = "2017") -> bytes:
    """What stands between length and CRC, in UTF-8."""
    if message.rf is not None and "RF" not in _FIELDS[order]:
        raise FieldInvalid("RF", message.rf)
    if "&&" in message.cp or "##" in message.cp:
        raise FieldInvalid("CP", message.cp)
    fields = ((name, getattr(message, name.lower())) for name in _FIELDS[order])
    header = "".join(f"{name}={_checked(name, value)};" for name, value in fields if value is not None)
    return f"{header}CP=&&{message.cp}&&".encode()


def _checked(name: str, value: str) -> str:
    if not _FIELD_VALUE.fullmatch(value):
        raise FieldInvalid(name, value)
    return value


# ---- the small texts fields are made of ----


def make_flag(version: Version, *, ack: bool = False, numbered: bool = False) -> str:
    """Flag: the version's bits, whether an answer is wanted, whether PNUM and PNO are there."""
    return str(_VERSION_BITS[version] | FlagBit.ACK_WANTED * ack | FlagBit.NUMBERED * numbered)


def make_qn(at: datetime) -> str:
    """QN of a moment: YYYYMMDDhhmmsszzz, in whatever clock the caller keeps."""
    return f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}"


def next_qn(qn: str) -> str:
    """The QN a millisecond later; one that is no time is an opaque token and stays as it is."""
    if len(qn) != 17:
        return qn
    try:
        at = datetime.strptime(qn + "000", "%Y%m%d%H%M%S%f")  # noqa: DTZ007 - a QN knows no zone
        return make_qn(at + timedelta(milliseconds=1))
    except (ValueError, OverflowError):
        return qn


def make_data_time(at: datetime) -> str:
    """DataTime of a moment, to the second: 14 digits, in the device's local time."""
    return f"{at:%Y%m%d%H%M%S}"


# ---- what a device says of itself, and a platform asks for ----


def upload(
    cn: str,
    data_time: datetime,
    factors: Mapping[str, Mapping[str, str]],
    *,
    st: str,
    mn: str,
    pw: str,
    qn: str | None,
    version: Version = "2017",
    ack: bool = True,
) -> Message:
    """Measurements of one moment or period (2011, 2051, 2061, 2031 …). `qn` None only where no answer is wanted (2005)."""
    cp = make_cp({"DataTime": make_data_time(data_time)}, factors)
    flag = None if qn is None else make_flag(version, ack=ack)
    return Message(cn, st, mn, pw, qn, flag, cp=cp)


def command(
    cn: str,
    items: Mapping[str, str] | None = None,
    *,
    st: str,
    mn: str,
    pw: str,
    qn: str,
    version: Version = "2017",
    ack: bool = True,
) -> Message:
    """A request or a notice: which of the two, and so how it is answered, follows from `cn`."""
    return Message(cn, st, mn, pw, qn, make_flag(version, ack=ack), cp=make_cp(items))


# ---- answers ----


@dataclass(frozen=True, slots=True)
class AckStyle:
    """How a peer expects 9011 to 9014 to look.

    `st` None repeats the ST of what is answered. In the 2005 order the answered QN stands inside CP, and 9014 carries nothing
    but ST, CN and CP; in the 2017 order QN stands in front.
    """

    order: Order = "2017"
    st: str | None = SYSTEM_INTERACTION
    flag: str | None = "4"


STANDARD_2005: Final = AckStyle("2005", flag="0")
STANDARD_2017: Final = AckStyle()
STANDARD_2025: Final = AckStyle(flag="8")


def acknowledge_data(frame: Frame, style: AckStyle = STANDARD_2017) -> bytes:
    """9014, for an upload (and in 2005 for a 9012)."""
    if style.order == "2017":
        return _answer(frame, AckCommand.DATA_ACK, {}, style)
    named = {"QN": frame.answered_qn, "CN": frame.cn, "PNO": frame.pno, "PNUM": frame.pnum}
    cp = make_cp({name: value for name, sent in named.items() if (value := _sayable(sent)) is not None})
    return encode(Message(AckCommand.DATA_ACK, style.st or _sayable(frame.st), cp=cp), order="2005")


def acknowledge_notice(frame: Frame, style: AckStyle = STANDARD_2017) -> bytes:
    """9013, for a notice."""
    return _answer(frame, AckCommand.NOTICE_ACK, {}, style)


def answer_request(frame: Frame, result: QnRtn, style: AckStyle = STANDARD_2017) -> bytes:
    """9011, for a request: taken on, or why not."""
    return _answer(frame, AckCommand.REQUEST_ANSWER, {"QnRtn": str(int(result))}, style)


def report_result(frame: Frame, result: ExeRtn, style: AckStyle = STANDARD_2017) -> bytes:
    """9012, the end of a request: what became of it. `frame` is the request."""
    return _answer(frame, AckCommand.RESULT, {"ExeRtn": str(int(result))}, style)


def _answer(frame: Frame, cn: str, items: dict[str, str], style: AckStyle) -> bytes:
    qn = _sayable(frame.qn)
    in_front = style.order == "2017"
    if qn is not None and not in_front:
        items = {"QN": qn, **items}
    message = Message(
        cn,
        style.st or _sayable(frame.st),
        _sayable(frame.mn),
        _sayable(frame.pw),
        qn if in_front else None,
        style.flag,
        cp=make_cp(items),
    )
    return encode(message, order=style.order)


def _sayable(value: str | None) -> str | None:
    """A field of the peer's, to be repeated to it; one that would break our own frame is left out."""
    return value if value is not None and _FIELD_VALUE.fullmatch(value) and "//" not in value else None
