"""The fuzz target: bytes made from frames, pieces of frames and nothing at all, given whole, byte by byte and in chunks.

    python -m tests.hj212.fuzz --bytes 10000000 --seed 1

Held for every stream, in both modes: nothing is raised; every frame can be asked everything; what is refused is a
`RemoteProtocolError`; every byte is in a frame, its terminator, or counted as skipped; the buffer stays within its bound; and
the result does not depend on how the stream was cut. With `--packets FILE` the records of that file are mutated too.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hj212 import Decoder, Frame, RemoteProtocolError, crc_hex, encode, split
from tests.hj212.wire import packet, sample, segment

STREAM = 2000  # bytes, about; several frames long, so that damage meets what follows
MARKS = [b"##", b"#", b"&&", b"&", b"\r\n", b"\n", b"\r", b";", b",", b"=", b"-", b"//", b" ", b"\xff", b"\x81"]
FRAGMENTS = [
    *MARKS,
    *(
        b"##9999A",
        b"##0101QN=",
        b"##12",
        b"##0000FFFF",
        b"##0900QN=1;CP=&&a&&",
        b"&&1C80",
        b"CP=&&",
        b"Flag=7;",
        b"DataTime=",
    ),
]


@dataclass
class Tally:
    """What a run has seen."""

    streams: int = 0
    given: int = 0
    frames: int = 0
    refused: int = 0


def seeds(packets: Path | None = None) -> list[bytes]:
    """Frames to start from: our own of several kinds, and the records of a packets file."""
    own = [encode(part) for factors in (1, 9, 80) for part in split(sample(factors=factors))]
    own += [packet(crc=b"FFFF"), packet(crc=b""), packet(length="0400", crc=b"", end=b""), packet(end=b"\n")]
    own += [packet(segment("i11001-Info=//清洗;管路//")), packet(segment("", "ST=91;CN=9021;"), length="22")]
    if packets is None:
        return own
    records = [json.loads(line)["raw"] for line in packets.read_text(encoding="utf-8").split("\n") if line]
    return own + [text.encode("latin-1" if max(text) < "\u0100" else "utf-8") for text in records]


def streams(source: random.Random, starts: list[bytes]) -> Iterator[bytes]:
    """Endless: each about `STREAM` bytes of sound, cut, damaged, made-up and meaningless pieces."""
    makers = (_sound, _cut, _damaged, _damaged, _made_up, _fragment, _noise)
    while True:
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < STREAM:
            pieces.append(source.choice(makers)(source, source.choice(starts)))
        yield b"".join(pieces)


def _sound(_: random.Random, start: bytes) -> bytes:
    return start


def _cut(source: random.Random, start: bytes) -> bytes:
    at = source.randrange(len(start))
    return source.choice((start[:at], start[at:]))


def _damaged(source: random.Random, start: bytes) -> bytes:
    damaged = bytearray(start)
    for _ in range(source.randrange(1, 6)):
        at = source.randrange(len(damaged))
        what = source.choice((bytes([source.randrange(256)]), source.choice(FRAGMENTS), damaged[at : at + 9], b""))
        damaged[at : at + source.randrange(3)] = what
        damaged = damaged or bytearray(b"#")
    return bytes(damaged)


def _made_up(source: random.Random, start: bytes) -> bytes:
    """A frame of any content, its length and CRC mostly right: what is inside is then believed."""
    inside = source.choice(
        (b"", start, source.randbytes(source.randrange(60)), b"".join(source.choices(FRAGMENTS, k=8)))
    )
    body = b"QN=1;ST=31;CP=&&" + inside + source.choice((b"&&", b"&&", b""))
    length = len(body) + source.choice((0, 0, 0, -3, 6, 900))
    crc = source.choice((crc_hex(body), crc_hex(body), crc_hex(body).lower(), b"FFFF", b"AB", b""))
    return b"##%04d" % max(length, 0) + body + crc + source.choice((b"\r\n", b"\n", b"\r", b""))


def _fragment(source: random.Random, _: bytes) -> bytes:
    return b"".join(source.choices(FRAGMENTS, k=source.randrange(1, 12)))


def _noise(source: random.Random, _: bytes) -> bytes:
    return source.randbytes(source.randrange(40))


# ---- what must hold ----


def ask_everything(frame: Frame) -> tuple[object, ...]:
    """Reads all there is to read of a frame; its deviations last, for they parse it whole."""
    fields = (frame.qn, frame.st, frame.cn, frame.pw, frame.mn, frame.flag, frame.pnum, frame.pno, frame.rf, frame.cp)
    sense = (frame.flag_bits, frame.wants_ack, frame.claimed_version, frame.part, frame.data_time, frame.answered_qn)
    return (*fields, *sense, frame.items(), frame.factors(), frame.crc_ok, frame.raw, frame.deviations)


def outcome(pieces: Iterator[bytes], strict: bool) -> tuple[list[Frame], tuple[object, ...]]:
    """Frames, and everything that must not depend on how the stream was cut."""
    decoder = Decoder(strict, max_refused=10_000)
    frames: list[Frame] = []
    given = 0
    for piece in pieces:
        given += len(piece)
        frames += decoder.feed(piece)
        assert decoder.buffered <= decoder.max_segment + 24
    before_the_end = len(frames)
    frames += decoder.flush()
    quiet = len(frames)
    frames += decoder.close()
    assert all(isinstance(error, RemoteProtocolError) for error in decoder.refused)
    taken = sum(len(frame.raw) for frame in frames)
    assert given - 2 * len(frames) <= decoder.skipped + taken <= given
    said = [ask_everything(frame) for frame in frames]
    return frames, (said, before_the_end, quiet, decoder.skipped, [str(error) for error in decoder.refused])


def _chunks(source: random.Random, stream: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(stream):
        size = source.choice((1, 2, 7, 40, 200, 1500))
        yield stream[at : at + size]
        at += size


def check(stream: bytes, source: random.Random, tally: Tally) -> None:
    """Raises if anything does not hold for this stream."""
    for strict in (False, True):
        frames, whole = outcome(iter([stream]), strict)
        _, single = outcome((stream[at : at + 1] for at in range(len(stream))), strict)
        _, chunked = outcome(_chunks(source, stream), strict)
        assert whole == single == chunked
        assert all(frame.raw in stream for frame in frames)
        assert not strict or not any(frame.deviations or not frame.crc_ok for frame in frames)
        tally.frames += len(frames)
        tally.refused += len(whole[-1]) if isinstance(whole[-1], list) else 0
    tally.streams += 1
    tally.given += len(stream)


def fuzz(size: int, seed: int, packets: Path | None = None) -> Tally:
    """Checks streams until `size` bytes have been made."""
    source = random.Random(seed)
    tally = Tally()
    for stream in streams(source, seeds(packets)):
        if tally.given >= size:
            break
        try:
            check(stream, source, tally)
        except Exception:
            sys.stderr.write(f"seed {seed}, stream {tally.streams}: {stream!r}\n")
            raise
    return tally


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--bytes", type=int, default=1_000_000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--packets", type=Path)
    asked = words.parse_args()
    begun = time.perf_counter()
    tally = fuzz(asked.bytes, asked.seed, asked.packets)
    seconds = time.perf_counter() - begun
    sys.stdout.write(
        f"{tally.given:,} bytes in {tally.streams:,} streams, each three ways in both modes: "
        f"{tally.frames:,} frames, {tally.refused:,} refusals, nothing else, {seconds:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
