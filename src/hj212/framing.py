"""From a stream of bytes to frames: finds where each begins and ends, whatever stands between and around them.

It never raises on a peer's bytes, never keeps more of them than one longest frame, and never reads a clock.

How an end is found
-------------------
A header (`##`, digits, a letter) only *opens* a possible frame; noise, cut frames and cipher text can all hold one. Several may
be open at a time, one inside another, and the first that proves itself wins; so half a frame, or a header that promises 9,999
bytes, never keeps a good frame behind it waiting. What counts as proof:

1. the declared length ends at a right CRC;
2. the declared length ends at && and something where a CRC belongs, though a wrong one (delivered with `crc_ok` False);
3. the closing && of CP is followed by the right CRC, though the length says otherwise;
4. the closing && is followed by up to four hex digits and CR or LF: neither length nor CRC are right, but the shape is;
5. the closing && was seen, and the declared end has gone by, or a later frame is complete, or the caller says that the line
   is quiet (`flush`).

The closing && counts only for the last header before it: a frame whose end is not where its length says never reaches across
the beginning of another. Behind control bytes, which no text has, it counts nowhere: cipher text (2025) ends where its length
says. In strict mode only the first proof counts, CR LF included.

Every question is answered as soon as the bytes it needs are there, in the order in which those bytes come. Therefore frames,
errors and counts are the same however the stream is cut. The fast path (`_take_plain`) takes only what this order gives too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hj212.codes import SEGMENT_LIMIT
from hj212.crc import crc_hex, crc_modbus
from hj212.deviations import NONE, Deviation
from hj212.errors import CrcMismatch, FrameBroken, FrameNotConforming, ProtocolError, SegmentTooLong
from hj212.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Collection

TOLERANT_LIMIT: Final = 5_120
"""Longest segment taken in tolerant mode by default, in bytes: the longest met in the field had 1,623; a data area of 950 bytes,
encrypted and written as 2025 prints cipher text, has 4,726."""

OPEN_LIMIT: Final = 16
"""Possible frames open at a time. A sound stream has one, a damaged one two or three; beyond that the oldest gives way."""

REFUSED_LIMIT: Final = 100
"""Errors kept in `Decoder.refused`; the oldest go."""

_SAMPLE: Final = 64  # bytes of a broken frame that its error keeps
_CRC: Final = 4
_TAIL: Final = 6  # CRC and CR LF
_NOT_YET: Final = 1 << 62

_HASHES: Final = re.compile(rb"##(?=\d|\Z)")
_MARK: Final = re.compile(rb"##(?=\d|\Z)|&&")
_HEADER: Final = re.compile(rb"##(\d{1,4})[A-Za-z]")
_STRICT_HEADER: Final = re.compile(rb"##(\d{4})[A-Za-z]")
_HEADER_BEGUN: Final = re.compile(rb"##\d{0,4}\Z")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{0,4}")
_FIRST_FIELD: Final = re.compile(rb"[A-Za-z]+=")
CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What no text has. Cipher text does, and any two of its bytes may be &&: such a one closes nothing."""
_FIELDS_AND_CP: Final = re.compile(rb"[A-Za-z]+=.*?CP=", re.DOTALL)


class _Open:
    """A possible frame: a header was seen, its end not yet. Positions are indexes into the decoder's buffer."""

    __slots__ = ("body", "closing", "declared", "due", "opening", "passed", "start")

    def __init__(self, start: int, body: int, declared: int) -> None:
        self.start = start  # of ##
        self.body = body  # of the segment
        self.declared = declared
        self.due = _NOT_YET  # where its length will be judged; afterwards, where it is given up
        self.passed = False  # the declared end has gone by, or was never believable
        self.opening = -1  # of the && that opens CP
        self.closing = -1  # of the && that closes it

    def shift(self, by: int) -> None:
        self.start -= by
        self.body -= by
        self.due -= by
        self.opening -= by if self.opening >= 0 else 0
        self.closing -= by if self.closing >= 0 else 0


class Decoder:
    """Frames out of one peer's stream.

    `skipped` counts the bytes thrown away: noise, and whatever was refused. `refused` holds the latest errors (at most
    `max_refused`); empty it when you have read it. A frame with a wrong CRC is delivered with `crc_ok` False and its deviation
    named, for the device's own policy to judge; with `crc_allowed`, those whose deviation is not in it are refused here.
    """

    def __init__(
        self,
        strict: bool = False,
        *,
        max_segment: int | None = None,
        crc_allowed: Collection[Deviation] | None = None,
        max_refused: int = REFUSED_LIMIT,
    ) -> None:
        """`max_segment` in bytes, by default 1,024 in strict and 5,120 in tolerant mode; it bounds what is buffered."""
        self.strict = strict
        self.max_segment = max_segment or (SEGMENT_LIMIT if strict else TOLERANT_LIMIT)
        self.crc_allowed = None if crc_allowed is None else frozenset(crc_allowed)
        self.max_refused = max_refused
        self.skipped = 0
        self.refused: list[ProtocolError] = []
        self._header = _STRICT_HEADER if strict else _HEADER
        self._buffer = b""
        self._base = 0  # what lies before is settled
        self._seen = 0  # marks before this have been read
        self._open: list[_Open] = []  # by start
        self._unended: Frame | None = None  # delivered, and the bytes behind its CRC have not come

    @property
    def buffered(self) -> int:
        """Bytes kept for a frame that is not whole yet: never more than `max_segment` and 24."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, in order."""
        frames: list[Frame] = []
        self._buffer = self._buffer + data if self._buffer else data
        while self._settle_terminator():
            if not self._open:
                self._take_plain(frames)
            if not self._advance(frames):
                break
        self._forget()
        return frames

    def flush(self) -> list[Frame]:
        """The line is quiet: frames that have their closing && and lack only what a device may never send.

        Half a frame stays: its rest may be on the way.
        """
        frames: list[Frame] = []
        if self.strict or not self._open:
            return frames
        last = self._open[-1]
        if last.opening >= 0 > last.closing and self._buffer.startswith(b"&&", self._seen):
            last.closing = self._seen
        for candidate in list(self._open):
            if candidate.closing >= 0:
                self._finish(candidate, candidate.closing + 2, frames)
        self._forget()
        return frames

    def close(self) -> list[Frame]:
        """The stream has ended: `flush`, and half a frame is refused. The decoder can be used for another stream."""
        frames = self.flush()
        for candidate in list(self._open):
            self._refuse(candidate, FrameBroken(candidate.declared, self._sample(candidate)))
        if self._unended is None:
            self.skipped += len(self._buffer)
        elif self._buffer:
            self._unended.end_with(Deviation.CR_ONLY)
        self._buffer = b""
        self._base = self._seen = 0
        self._unended = None
        return frames

    # ---- the fast path ----

    def _take_plain(self, frames: list[Frame]) -> None:
        """Frames that are whole, right and as the standards print them, one after the other, until one is not.

        With nothing of a mark inside them, no other order of reading could have found an earlier end or another beginning.
        """
        buffer = self._buffer
        limit = min(self.max_segment, SEGMENT_LIMIT)
        while True:
            start = buffer.find(b"##", self._seen)
            digits = buffer[start + 2 : start + 6]
            if start < 0 or len(digits) < 4 or not digits.isdigit():
                return
            body = start + 6
            end = body + int(digits)
            closed = end - 2
            if (
                end - body > limit
                or buffer[end + _CRC : end + _TAIL] != b"\r\n"
                or not buffer.startswith((b"QN=", b"ST="), body)
                or buffer.find(b"&&", buffer.find(b"&&", body, closed) + 2, end) != closed
                or buffer.find(b"##", body, end) >= 0
            ):
                return
            if crc_hex(buffer[body:end]) != buffer[end : end + _CRC]:
                return
            frame = Frame(buffer[start : end + _CRC], 6, end - start, True)
            if self.strict and frame.deviations:
                return
            frames.append(frame)
            self.skipped += start - self._base
            self._base = self._seen = end + _TAIL

    # ---- everything else, one event at a time ----

    def _advance(self, frames: list[Frame]) -> bool:
        """Answers the next question that has its bytes; False when it needs more of them."""
        size = len(self._buffer)
        mark = (_MARK if self._open else _HASHES).search(self._buffer, self._seen)
        candidate = min(self._open, key=_due, default=None)
        answered_at = self._answered_at(mark) if mark else _NOT_YET
        if candidate and candidate.due <= min(answered_at, size):
            self._judge_length(candidate, frames)
            return True
        if mark and answered_at <= size:
            self._read_mark(mark, frames)
            return True
        self._seen = mark.start() if mark else self._first_half_mark(size)
        return False

    def _first_half_mark(self, size: int) -> int:
        """Where to look on: at the last byte if it may be half of a mark, else behind it."""
        halves = (b"#", b"&") if self._open else (b"#",)
        return size - 1 if self._buffer.endswith(halves, self._seen) else size

    def _answered_at(self, mark: re.Match[bytes]) -> int:
        """The position up to which bytes must have come for `mark` to be understood."""
        at = mark.start()
        if mark[0] == b"##":
            header = self._header.match(self._buffer, at)
            if header:
                return header.end()
            return _NOT_YET if _HEADER_BEGUN.match(self._buffer, at) else at + 2
        last = self._open[-1]
        if last.opening < 0 or last.closing >= 0:
            return at + 2
        return self._closing_answered_at(last, at + 2)

    def _closing_answered_at(self, last: _Open, end: int) -> int:
        """For the && that closes CP and ends at `end`: four hex digits, and the byte after them where it makes a difference."""
        tail = end + len(self._hex_at(end))
        if tail < end + _CRC:
            return tail + 1 if tail < len(self._buffer) else _NOT_YET
        if last.passed or end == last.body + last.declared or self._crc_is_right(last, end):
            return tail
        return tail + 1

    def _read_mark(self, mark: re.Match[bytes], frames: list[Frame]) -> None:
        at = mark.start()
        if mark[0] == b"##":
            self._seen = at + 1
            header = self._header.match(self._buffer, at)
            if header:
                self._seen = header.end()
                self._begin(at, header.end() - 1, int(header[1]), frames)
            return
        self._seen = at + 2
        last = self._open[-1]
        if last.opening < 0:
            last.opening = at
        elif last.closing < 0 and not self.strict and not CONTROLS.search(self._buffer, last.opening, at):
            last.closing = at
            if self._closing_is_proof(last, at + 2):
                self._finish(last, at + 2, frames)

    def _begin(self, start: int, body: int, declared: int, frames: list[Frame]) -> None:
        if self.strict and declared > self.max_segment:
            self._note(SegmentTooLong(declared, self.max_segment))
            return
        candidate = _Open(start, body, declared)
        if declared > self.max_segment:
            self._pass(candidate)
        else:
            candidate.due = body + declared + (_TAIL if self.strict else _CRC)
        self._open.append(candidate)
        if len(self._open) > OPEN_LIMIT:
            self._give_up(self._open[0], frames)

    def _closing_is_proof(self, last: _Open, end: int) -> bool:
        tail = end + len(self._hex_at(end))
        behind = self._buffer[tail : tail + 1]
        if tail < end + _CRC:
            return behind in (b"\r", b"\n") or (last.passed and behind == b"#")
        return (
            last.passed or end == last.body + last.declared or self._crc_is_right(last, end) or behind in (b"\r", b"\n")
        )

    def _judge_length(self, candidate: _Open, frames: list[Frame]) -> None:
        """The bytes up to where `candidate` should end have come (or, the second time, more than any frame has)."""
        if candidate.passed:
            self._give_up(candidate, frames)
            return
        end = candidate.body + candidate.declared
        if self._crc_is_right(candidate, end) or (not self.strict and self._ends_cp(candidate, end)):
            self._finish(candidate, end, frames)
        elif self.strict:
            self._refuse(candidate, FrameBroken(candidate.declared, self._sample(candidate)))
        elif candidate.closing >= 0:
            self._finish(candidate, candidate.closing + 2, frames)
        else:
            self._pass(candidate)

    def _pass(self, candidate: _Open) -> None:
        """The length was no help; the closing && may still come, as far as the longest frame reaches."""
        candidate.passed = True
        candidate.due = candidate.body + self.max_segment + _TAIL

    def _give_up(self, candidate: _Open, frames: list[Frame]) -> None:
        if candidate.closing >= 0:
            self._finish(candidate, candidate.closing + 2, frames)
        else:
            self._refuse(candidate, FrameBroken(candidate.declared, self._sample(candidate)))

    def _ends_cp(self, candidate: _Open, end: int) -> bool:
        segment = self._buffer[candidate.body : end]
        return segment.endswith(b"&&") and not segment.endswith(b"CP=&&")

    def _hex_at(self, at: int) -> bytes:
        """Up to four hex digits."""
        match = _HEX.match(self._buffer, at)
        return match[0] if match else b""

    def _crc_is_right(self, candidate: _Open, end: int) -> bool:
        digits = self._hex_at(end)
        return len(digits) == _CRC and crc_hex(self._buffer[candidate.body : end]) == digits.upper()

    # ---- an end was found ----

    def _finish(self, candidate: _Open, end: int, frames: list[Frame]) -> None:
        """Delivers `candidate`, its segment ending at `end`, or refuses it; what began before it and is not whole goes."""
        segment = self._buffer[candidate.body : end]
        tail, crc = judge_crc(segment, self._buffer[end : end + _CRC])
        crc_ok = not crc - {Deviation.CRC_LOWER_CASE}
        if not (_FIRST_FIELD if crc_ok else _FIELDS_AND_CP).match(segment):
            self._refuse(candidate, FrameBroken(candidate.declared, self._sample(candidate)))
            return
        stop = end + tail
        length = judge_length(segment, candidate.declared, candidate.body - candidate.start - 2)
        raw = self._buffer[candidate.start : stop]
        frame = Frame(raw, candidate.body - candidate.start, end - candidate.start, crc_ok, crc | length)
        error = self._objection(frame, stop)
        if error:
            self._refuse(candidate, error)
            return
        for earlier in [other for other in self._open if other.start < candidate.start]:
            self._give_up(earlier, frames)
        frames.append(frame)
        self.skipped += candidate.start - self._base
        self._base = stop
        self._seen = max(self._seen, stop)
        self._open = [other for other in self._open if other.start >= stop]
        frame.end_with(Deviation.NO_TERMINATOR)
        self._unended = frame
        self._settle_terminator()

    def _objection(self, frame: Frame, stop: int) -> ProtocolError | None:
        if self.strict:
            frame.end_with(_terminator(self._buffer[stop : stop + 2])[1])
            return FrameNotConforming(frame, frame.deviations) if frame.deviations else None
        if frame.crc_ok or self.crc_allowed is None or frame.crc_is_allowed(self.crc_allowed):
            return None
        return CrcMismatch(frame, frame.raw[frame.segment_end :], crc_hex(frame.segment))

    def _settle_terminator(self) -> bool:
        """Reads what ends the frame delivered last; False while that has not come."""
        frame = self._unended
        if frame is None:
            return True
        behind = self._buffer[self._base : self._base + 2]
        if not behind:
            return False
        width, deviation = _terminator(behind)
        frame.end_with(deviation)
        if behind == b"\r":
            return False
        self._unended = None
        self._base += width
        self._seen = max(self._seen, self._base)
        return True

    # ---- book-keeping ----

    def _refuse(self, candidate: _Open, error: ProtocolError) -> None:
        """Only this `##` is given up: whatever began inside it is still open."""
        self._open.remove(candidate)
        self._note(error)

    def _note(self, error: ProtocolError) -> None:
        self.refused.append(error)
        del self.refused[: -self.max_refused]

    def _sample(self, candidate: _Open) -> bytes:
        return self._buffer[candidate.start : candidate.start + _SAMPLE]

    def _forget(self) -> None:
        """Drops what is settled and what can no longer begin a frame."""
        if self._unended is not None:
            keep = self._base
        elif self._open:
            keep = self._open[0].start
        else:
            keep = self._seen
        self.skipped += keep - self._base
        self._buffer = self._buffer[keep:]
        self._base = 0
        self._seen -= keep
        if keep:
            for candidate in self._open:
                candidate.shift(keep)


def _due(candidate: _Open) -> int:
    return candidate.due


def _terminator(behind: bytes) -> tuple[int, Deviation | None]:
    """(bytes, deviation) of what follows a CRC; a lone CR is taken as the beginning of CR LF until more is known."""
    if behind == b"\r\n":
        return 2, None
    if behind[:1] == b"\n":
        return 1, Deviation.LF_ONLY
    if behind[:1] == b"\r":
        return 1, Deviation.CR_ONLY if len(behind) > 1 else None
    return 0, Deviation.NO_TERMINATOR


def judge_length(segment: bytes, declared: int, digits: int) -> frozenset[Deviation]:
    found = NONE
    if digits < 4:
        found |= {Deviation.LENGTH_UNPADDED}
    if len(segment) > SEGMENT_LIMIT:
        found |= {Deviation.SEGMENT_TOO_LONG}
    if len(segment) != declared:
        in_characters = declared in _character_counts(segment)
        found |= {Deviation.LENGTH_IN_CHARACTERS if in_characters else Deviation.LENGTH_WRONG}
    return found


def _character_counts(segment: bytes) -> set[int]:
    counts = set()
    for encoding in ("utf-8", "gbk"):
        try:
            counts.add(len(segment.decode(encoding)))
        except UnicodeDecodeError:
            continue
    return counts


def judge_crc(segment: bytes, behind: bytes) -> tuple[int, frozenset[Deviation]]:
    """(bytes the CRC takes, what is amiss with it), of the four bytes behind a segment."""
    match = _HEX.match(behind)
    digits = match[0] if match else b""
    expected = crc_hex(segment)
    if len(digits) == _CRC:
        return _CRC, _judge_digits(segment, digits, expected)
    value = int(expected, 16)
    if behind[2:3] in (b"\r", b"\n") and behind[:2] in (value.to_bytes(2, "big"), value.to_bytes(2, "little")):
        return 2, frozenset({Deviation.CRC_RAW_BYTES})
    if not digits:
        return 0, frozenset({Deviation.CRC_MISSING})
    if int(digits, 16) == value:
        return len(digits), frozenset({Deviation.CRC_SHORT})
    return len(digits), frozenset({Deviation.CRC_SHORT, Deviation.CRC_WRONG})


def _judge_digits(segment: bytes, digits: bytes, expected: bytes) -> frozenset[Deviation]:
    if digits == expected:
        return NONE
    if digits.upper() == expected:
        return frozenset({Deviation.CRC_LOWER_CASE})
    if digits.upper() == b"FFFF":
        return frozenset({Deviation.CRC_CONSTANT})
    received = int(digits, 16)
    if received.to_bytes(2, "big") in (crc_modbus(segment).to_bytes(2, order) for order in ("big", "little")):
        return frozenset({Deviation.CRC_MODBUS})
    return frozenset({Deviation.CRC_WRONG})
