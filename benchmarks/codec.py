"""How fast `hj212` reads frames, on one core: CRC checked, factors parsed only when asked for, and factors parsed too.

Beside it, in the same run, a decoder as libraries commonly write it (a regular expression, the CRC a bit at a time, a dict of
every field), and the three forms of the CRC alone. Best of several rounds; the frames reach the decoder in reads of 64 KB, as
a busy socket gives them, and one at a time, as a quiet one does.

    python benchmarks/codec.py --quick
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime

from hj212 import Decoder, crc_bitwise, crc_hex, crc_table, encode, upload

SIZES = (170, 300, 420)
READ = 65_536
FACTORS = ("a34041", "a34000", "a24088", "a01011", "a01012", "a01013", "a01014", "a01017", "a05024", "ga0601", "ga2001")


def frame_of(size: int, minute: int) -> bytes:
    """A fume monitor's upload, as near to `size` bytes as whole factors allow."""
    wire = b""
    at_minute = datetime(2026, 1, 5, 8, minute % 60)  # noqa: DTZ001 - a device's clock knows no zone
    for count in range(1, len(FACTORS) + 1):
        values = {code: {"Rtd": f"{at}.{minute % 60:02d}", "Flag": "N"} for at, code in enumerate(FACTORS[:count])}
        longer = encode(
            upload(
                "2011",
                at_minute,
                values,
                st="31",
                mn="010000A8900016F018010001",
                pw="123456",
                qn=f"2026010508{minute % 60:02d}00{minute % 1000:03d}",
            )
        )
        if wire and abs(len(longer) - size) > abs(len(wire) - size):
            return wire
        wire = longer
    return wire


# ---- what is compared ----

COMMON = re.compile(rb"##(\d{4})(.*?)([0-9A-F]{4})\r\n", re.DOTALL)


def read_as_commonly_written(stream: bytes) -> int:
    """A regular expression over the stream, the standard's loop for the CRC, every field into a dict."""
    read = 0
    for length, body, crc in COMMON.findall(stream):
        if int(length) != len(body) or int(crc, 16) != crc_bitwise(body):
            continue
        head, _, data = body.decode().partition("CP=&&")
        fields = dict(item.split("=", 1) for item in head.rstrip(";").split(";"))
        factors: dict[str, dict[str, str]] = {}
        for pair in re.split("[;,]", data.removesuffix("&&")):
            name, _, value = pair.partition("=")
            code, _, suffix = name.partition("-")
            factors.setdefault(code, {})[suffix] = value
        read += bool(fields["MN"] and factors)
    return read


def decode(stream: bytes) -> int:
    decoder = Decoder()
    return sum(len(decoder.feed(stream[at : at + READ])) for at in range(0, len(stream), READ))


def decode_one_by_one(wires: list[bytes]) -> int:
    decoder = Decoder()
    return sum(len(decoder.feed(wire)) for wire in wires)


def decode_with_factors(stream: bytes) -> int:
    decoder = Decoder()
    read = 0
    for at in range(0, len(stream), READ):
        for frame in decoder.feed(stream[at : at + READ]):
            read += bool(frame.factors())
    return read


def decode_all_a_gateway_asks(stream: bytes) -> int:
    decoder = Decoder()
    read = 0
    for at in range(0, len(stream), READ):
        for frame in decoder.feed(stream[at : at + READ]):
            named = frame.deviations
            read += bool(frame.mn and frame.cn and frame.factors() and frame.data_time and len(named) < 2)
    return read


# ---- measuring ----


def per_second(work: Callable[[], int], expected: int, rounds: int) -> int:
    """Frames a second in the best of `rounds`; the work must have read every frame."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        read = work()
        best = min(best, time.perf_counter() - begun)
        if read != expected:
            raise RuntimeError(f"{read} frames were read of {expected}")
    return round(expected / best)


def measure(size: int, count: int, rounds: int) -> dict[str, int]:
    """Frames a second of one size, by what is done with them."""
    wires = [frame_of(size, number) for number in range(count)]
    stream = b"".join(wires)
    few = b"".join(wires[: count // 20])
    segments = [wire[6:-6] for wire in wires]
    return {
        "bytes": round(len(stream) / count),
        "decode": per_second(lambda: decode(stream), count, rounds),
        "one by one": per_second(lambda: decode_one_by_one(wires), count, rounds),
        "factors": per_second(lambda: decode_with_factors(stream), count, rounds),
        "all asked": per_second(lambda: decode_all_a_gateway_asks(stream), count, rounds),
        "common": per_second(lambda: read_as_commonly_written(few), count // 20, rounds),
        "crc fold": per_second(lambda: sum(len(crc_hex(body)) == 4 for body in segments), count, rounds),
        "crc table": per_second(lambda: sum(crc_table(body) >= 0 for body in segments), count, rounds),
        "crc bits": per_second(lambda: sum(crc_bitwise(b) >= 0 for b in segments[: count // 20]), count // 20, rounds),
    }


def run(quick: bool) -> dict[str, dict[str, int]]:
    """Measures, prints the table, returns the figures others read."""
    count, rounds = (4_000, 3) if quick else (20_000, 7)
    measured = {str(size): measure(size, count, rounds) for size in SIZES}
    columns = list(next(iter(measured.values())))
    print("frames a second, one core".ljust(26) + "".join(name.rjust(12) for name in columns))
    for size, figures in measured.items():
        print(f"about {size} bytes".ljust(26) + "".join(f"{figures[name]:,}".rjust(12) for name in columns))
    return {
        "decode_per_s": {size: figures["decode"] for size, figures in measured.items()},
        "factors_per_s": {size: figures["factors"] for size, figures in measured.items()},
        "one_by_one_per_s": {size: figures["one by one"] for size, figures in measured.items()},
        "common_per_s": {size: figures["common"] for size, figures in measured.items()},
    }


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help="a few seconds")
    print(json.dumps(run(words.parse_args().quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
