"""Whether uploaded bytes are a voice note a browser recorded, told by their content alone. Never re-encodes, never listens.

A container that also holds pictures (WebM, MP4), or bytes that only begin like one, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

MOST_BYTES = 2_000_000  # a minute of Opus or AAC is a quarter of it
WEBM, OGG, MP4 = "audio/webm", "audio/ogg", "audio/mp4"
_EBML, _SEGMENT, _TRACKS, _ENTRY, _TYPE = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0x83
_AUDIO_TRACK = b"\x02"  # Matroska TrackType 2
_BOXES_OF_BOXES = frozenset({b"moov", b"trak", b"mdia"})
_OGG_CODECS = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   ")
DEEPEST = 6


class VoiceRefused(Exception):
    """These bytes are no voice note. `reason`: too_large | empty | not_audio."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"voice note refused: {reason}")
        self.reason = reason


def content_type(data: bytes) -> str:
    """Which kind of recording it is: WebM (Chromium), Ogg (Firefox) or MP4 (Safari). Raises VoiceRefused."""
    if len(data) > MOST_BYTES:
        raise VoiceRefused("too_large")
    if not data:
        raise VoiceRefused("empty")
    for kind, holds_only_sound in ((WEBM, _webm), (OGG, _ogg), (MP4, _mp4)):
        if holds_only_sound(data):
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
