"""Whether uploaded bytes are a voice note a browser recorded, told by their content alone. Never re-encodes, never listens.

A container that also holds pictures (WebM, MP4), or bytes that only begin like one, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

MOST_BYTES = 2_000_000  # a minute of Opus or AAC is a quarter of it
MOST_SECONDS = 63  # the recorder stops at 60; its clock and its last block may be late
WEBM, OGG, MP4 = "audio/webm", "audio/ogg", "audio/mp4"
_EBML, _SEGMENT, _TRACKS, _ENTRY, _TYPE = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0x83
_CLUSTER, _TIME, _SIMPLE_BLOCK, _GROUP, _BLOCK = 0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA1
_INFO, _SCALE = 0x1549A966, 0x2AD7B1
_AUDIO_TRACK = b"\x02"  # Matroska TrackType 2
_BOXES_OF_BOXES = frozenset({b"moov", b"trak", b"mdia"})
_OGG_CODECS = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   ")
DEEPEST = 6


class VoiceRefused(Exception):
    """These bytes are no voice note. `reason`: too_large | empty | not_audio | too_long."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"voice note refused: {reason}")
        self.reason = reason


def content_type(data: bytes) -> str:
    """Which kind of recording it is: WebM (Chromium), Ogg (Firefox) or MP4 (Safari). Raises VoiceRefused."""
    if len(data) > MOST_BYTES:
        raise VoiceRefused("too_large")
    if not data:
        raise VoiceRefused("empty")
    for kind, holds_only_sound, lasts in ((WEBM, _webm, _webm_lasts), (OGG, _ogg, _ogg_lasts), (MP4, _mp4, _mp4_lasts)):
        if holds_only_sound(data):
            if lasts(data) > MOST_SECONDS:
                raise VoiceRefused("too_long")
            return kind
    raise VoiceRefused("not_audio")


def _webm(data: bytes) -> bool:
    """RFC 9559: an EBML head, then a segment whose tracks are all of sound."""
    if data[:4] != _EBML.to_bytes(4, "big") or b"webm" not in data[:64]:
        return False
    kinds = [
        value
        for segment in _of(_elements(data), _SEGMENT)
        for tracks in _of(_elements(segment), _TRACKS)
        for entry in _of(_elements(tracks), _ENTRY)
        for value in _of(_elements(entry), _TYPE)
    ]
    return bool(kinds) and set(kinds) == {_AUDIO_TRACK}


def _of(elements: Iterator[tuple[int, bytes]], wanted: int) -> Iterator[bytes]:
    return (body for number, body in elements if number == wanted)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """EBML elements (number, body), RFC 8794. A length that is not known, as live recordings have, lasts to the end."""
    at = 0
    while at < len(data):
        number, at, _known = _number(data, at, keep_marker=True)
        size, at, known = _number(data, at, keep_marker=False)
        end = min(at + size, len(data)) if known else len(data)
        if not number:
            return
        yield number, data[at:end]
        at = end


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int, bool]:
    """A number of variable length: its value, where it ends, and whether it is one (all bits set: not known)."""
    if at >= len(data) or not data[at]:
        return 0, len(data), False
    width = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + width], "big")
    bits = value & ((1 << 7 * width) - 1)
    return value if keep_marker else bits, at + width, bits != (1 << 7 * width) - 1


def _ogg(data: bytes) -> bool:
    """RFC 3533: each stream begins with a page that says what it holds; all of them are sound."""
    firsts = []
    at = 0
    while data[at : at + 4] == b"OggS" and len(data) > at + 27:
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        body = at + 27 + len(sizes)
        if not data[at + 5] & 2:  # no beginning any more
            break
        firsts.append(data[body : body + 8])
        at = body + sum(sizes)
    return bool(firsts) and all(first.startswith(_OGG_CODECS) for first in firsts)


def _mp4(data: bytes) -> bool:
    """ISO 14496-12: a file type first, and every track's handler is sound."""
    return data[4:8] == b"ftyp" and set(_handlers(data)) == {b"soun"}


def _handlers(data: bytes, depth: int = 0) -> Iterator[bytes]:
    at = 0
    while at + 8 <= len(data) and depth < DEEPEST:
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = len(data) if size == 0 else at + size
        if end < at + head:
            return
        if kind in _BOXES_OF_BOXES:
            yield from _handlers(data[at + head : end], depth + 1)
        elif kind == b"hdlr" and depth:
            yield data[at + head + 8 : at + head + 12]
        at = end


# ── how long it lasts, in seconds: by the last thing in it, never by what its head says ──


def _webm_lasts(data: bytes) -> float:
    """RFC 9559: the time of the last block, in ticks of the segment, which are milliseconds unless it says otherwise.

    Segments, clusters and groups are walked through, not over: a live recording does not know how long its clusters are.
    """
    scale, cluster, last, at = 1_000_000, 0, 0, 0
    while at < len(data):
        number, at, _known = _number(data, at, keep_marker=True)
        size, at, known = _number(data, at, keep_marker=False)
        if not number:
            break
        if number in (_SEGMENT, _CLUSTER, _GROUP, _INFO):
            continue
        body = data[at : at + size] if known else b""
        if number == _TIME:
            cluster = int.from_bytes(body, "big")
        elif number == _SCALE:
            scale = int.from_bytes(body, "big")
        elif number in (_SIMPLE_BLOCK, _BLOCK) and body:
            _track, after, _ = _number(body, 0, keep_marker=False)
            last = max(last, cluster + int.from_bytes(body[after : after + 2], "big", signed=True))
        at += size if known else len(data)
    return max(last, cluster) * scale / 1e9


def _ogg_lasts(data: bytes) -> float:
    """RFC 3533, RFC 7845: the granule position of the last page, at 48 kHz for Opus; of other codecs at what their head says."""
    page = data.rfind(b"OggS")
    samples = int.from_bytes(data[page + 6 : page + 14], "little", signed=True)
    head = data[28:] if data[26:27] == b"\x01" else b""
    rate = int.from_bytes(head[12:16], "little") if head.startswith(b"\x01vorbis") else 48_000
    return max(samples, 0) / (rate or 48_000)


def _mp4_lasts(data: bytes) -> float:
    """ISO 14496-12: what the movie's head says, or, of a recording in fragments, when the last of them begins."""
    return max((_mvhd(data), _last_fragment(data)))


def _mvhd(data: bytes) -> float:
    at = data.find(b"mvhd") + 4
    if at < 4:
        return 0.0
    long = data[at : at + 1] == b"\x01"
    scale_at, width = (at + 20, 8) if long else (at + 12, 4)
    scale = int.from_bytes(data[scale_at : scale_at + 4], "big")
    lasts = int.from_bytes(data[scale_at + 4 : scale_at + 4 + width], "big")
    return lasts / scale if scale and lasts != (1 << 8 * width) - 1 else 0.0


def _last_fragment(data: bytes) -> float:
    at, head = data.rfind(b"tfdt") + 4, data.find(b"mdhd") + 4
    if at < 4 or head < 4:
        return 0.0
    scale_at = head + (20 if data[head : head + 1] == b"\x01" else 12)
    scale = int.from_bytes(data[scale_at : scale_at + 4], "big")
    width = 8 if data[at : at + 1] == b"\x01" else 4
    return int.from_bytes(data[at + 4 : at + 4 + width], "big") / scale if scale else 0.0
