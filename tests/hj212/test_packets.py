"""Real packets, read from beside the repository when they are there, never kept in it: each is understood as its note says.

How to read a record: hj212.md, top. The characters of `raw` are bytes where all are below 256, else UTF-8. Records 5 and 6 are
encrypted, their CRC is over the plain text; 9 has neither CRC nor end; 76 an unpadded length.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from hj212 import Decoder, Deviation, Frame
from tests.hj212.wire import bytewise, feed_in, one

D = Deviation
FILE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hj212-packets.jsonl"
# split at \n alone: the packets hold other characters that `splitlines` takes for line ends.
LINES = FILE.read_text(encoding="utf-8").split("\n") if FILE.exists() else []
RECORDS: dict[int, dict[str, Any]] = {record["n"]: record for record in map(json.loads, filter(None, LINES))}
pytestmark = pytest.mark.skipif(not RECORDS, reason="the packets file is not beside the repository")


def wire_of(record: dict[str, Any]) -> bytes:
    text: str = record["raw"]
    return text.encode("latin-1" if max(text) < "\u0100" else "utf-8")


WIRES = {number: wire_of(record) for number, record in RECORDS.items()}
ENCRYPTED = {5, 6}
SOUND = [n for n, record in RECORDS.items() if record["crc_ok"] and record["len_ok"] and n not in {5, 76}]
OTHERS = [n for n in RECORDS if n not in SOUND]

NOISE = [
    b"\x00\xffDTU online\r\n",
    b"##",
    b"\r\n\r\n",
    b"##9999AT+OK",
    b"00",
    b"#",
    b"##0101QN=2016",
    b"&&&&",
    b"##0400ST=22;CN=2011;CP=&&a",
]

NAMED: dict[int, set[Deviation]] = {
    5: {D.CRC_WRONG, D.TEXT_UNREADABLE},
    6: {D.CRC_WRONG, D.LENGTH_WRONG, D.ITEM_WITHOUT_VALUE},
    9: {D.LENGTH_WRONG, D.CRC_MISSING, D.NO_TERMINATOR, D.SEMICOLON_INSIDE_FACTOR, D.SUFFIX_UNKNOWN},
    11: {D.NO_TERMINATOR},
    12: {D.DATA_TIME_17},
    14: {D.CRC_LOWER_CASE},
    16: {D.LF_ONLY, D.DATA_TIME_17},
    18: {D.CRC_WRONG},
    20: {D.FIELD_ORDER, D.FLAG_MISSING, D.SUFFIX_UNKNOWN},
    26: {D.CRC_LOWER_CASE, D.DATA_TIME_17},
    28: {D.ACK_SYSTEM},
    30: {D.PART_NUMBERS_MISSING, D.EMPTY_ITEM, D.SUFFIX_UNKNOWN},
    32: {D.PART_NUMBERS_MISSING, D.COMMA_BETWEEN_ITEMS},
    34: {D.CRC_WRONG, D.NO_TERMINATOR},
    36: {D.CRC_WRONG, D.LENGTH_WRONG, D.NO_TERMINATOR},
    38: {D.NO_TERMINATOR},
    40: {D.NO_TERMINATOR},
    42: {D.NO_TERMINATOR},
    44: {D.NO_TERMINATOR},
    46: {D.NO_TERMINATOR},
    48: {D.BARE_FLAG},
    52: {D.ACK_SYSTEM, D.QN_FORM},
    54: {D.ACK_SYSTEM, D.QN_FORM},
    56: {D.ACK_SYSTEM, D.QN_FORM},
    64: {D.ST_FORM},
    66: {D.CRC_MODBUS, D.SEGMENT_TOO_LONG, D.FLAG_MISSING},
    72: {D.FIELD_SEPARATOR},
    74: {D.LENGTH_IN_CHARACTERS},
    75: {D.LENGTH_WRONG},
    76: {D.LENGTH_UNPADDED, D.QN_FORM, D.FLAG_MISSING, D.NO_TERMINATOR},
    77: {D.CRC_CONSTANT, D.QN_MISSING},
    78: {D.CRC_SHORT, D.ACK_SYSTEM},
}
LENGTH = {D.LENGTH_WRONG, D.LENGTH_IN_CHARACTERS}


def alone(number: int) -> Frame:
    decoder = Decoder()
    return one(decoder.feed(WIRES[number]) + decoder.flush())


@pytest.mark.parametrize("number", RECORDS)
def test_a_record_is_decoded_as_its_note_says(number: int) -> None:
    record = RECORDS[number]
    frame = alone(number)
    assert frame.crc_ok is (record["crc_ok"] and number not in ENCRYPTED)
    assert bool(frame.deviations & LENGTH) is (not record["len_ok"])
    assert len(frame.segment) == record["segment_bytes"]
    assert frame.raw[frame.segment_end :].decode() == record["crc_in_packet"]
    assert frame.deviations == NAMED.get(number, set())
    assert frame.raw in WIRES[number]


@pytest.mark.parametrize("number", sorted(set(RECORDS) - {9}))
def test_every_record_but_the_endless_one_needs_no_quiet_line(number: int) -> None:
    assert Decoder().feed(WIRES[number]) == [alone(number)]


def test_fields_and_factors_of_some_records() -> None:
    fume = alone(7)
    assert (fume.st, fume.cn, fume.mn, fume.flag) == ("31", "2011", "010000A8900016F018010001", "5")
    assert fume.factors() == {"a34041": {"Rtd": "0.00", "Flag": "N"}, "SB7": {"RS": "2"}, "SB8": {"RS": "2"}}
    assert fume.wants_ack
    old = alone(9)
    assert (old.qn, old.flag, old.mn) == (None, None, "22990569424231")
    assert old.factors()["B01"] == {"Rtd": "00.58", "ZsAvg": "00.58", "Class": "3", "Flag": "N"}
    assert alone(20).part == (2, 2)
    assert alone(68).part == (1, 2)
    assert alone(73).factors()["i11001"]["Info"] == alone(74).factors()["i11001"]["Info"] == "清洗管路"
    assert alone(6).cp.startswith("{0xE4,0x3E")
    assert alone(5).factors() == {}
    assert alone(48).items()["Flag"] == "N"
    assert alone(76).qn == ""


def test_sound_records_glued_with_noise_and_cut_anywhere_are_the_same_frames() -> None:
    expected = [alone(number) for number in SOUND]
    stream = b"".join(NOISE[at % len(NOISE)] + WIRES[number] for at, number in enumerate(SOUND)) + NOISE[0]
    for cut in range(len(stream) + 1):
        frames = feed_in((stream[:cut], stream[cut:]))
        assert frames == expected, cut
    assert feed_in(bytewise(stream)) == expected


def test_sound_records_cut_anywhere_have_the_same_deviations() -> None:
    expected = [alone(number).deviations for number in SOUND]
    stream = b"".join(b"~" + WIRES[number] for number in SOUND)
    assert [frame.deviations for frame in feed_in([stream])] == expected
    assert [frame.deviations for frame in feed_in(bytewise(stream))] == expected


@pytest.mark.parametrize("noise", NOISE)
def test_every_noise_stands_before_and_behind_every_sound_record(noise: bytes) -> None:
    expected = [alone(number) for number in SOUND]
    stream = noise + b"".join(WIRES[number] + noise for number in SOUND)
    assert [frame for frame in feed_in([stream]) if frame.crc_ok] == expected


@pytest.mark.parametrize("number", OTHERS)
@pytest.mark.parametrize("noise", [b"", *NOISE])
def test_after_any_other_record_nothing_that_follows_is_lost(number: int, noise: bytes) -> None:
    expected = [alone(sound) for sound in SOUND]
    decoder = Decoder()
    frames = decoder.feed(WIRES[number] + noise + b"".join(WIRES[sound] for sound in SOUND))
    assert frames[-len(expected) :] == expected
    for sound in SOUND:
        assert alone(sound) in Decoder().feed(WIRES[number] + noise + WIRES[sound])


def test_the_other_record_itself_is_not_lost_either() -> None:
    for number in OTHERS:
        first, *rest = Decoder().feed(WIRES[number] + WIRES[SOUND[0]])
        assert (first.raw, rest) == (alone(number).raw, [alone(SOUND[0])])


def test_in_strict_mode_only_conforming_records_pass() -> None:
    decoder = Decoder(strict=True)
    frames = decoder.feed(b"".join(WIRES.values()))
    conforming = [n for n in RECORDS if n not in NAMED and RECORDS[n]["crc_ok"]]
    assert [frame.raw for frame in frames] == [alone(n).raw for n in conforming]
