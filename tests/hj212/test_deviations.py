"""A frame of our own for every deviation: tolerated and named, exactly; refused in strict mode."""

import pytest

from hj212 import Decoder, Deviation, FrameNotConforming, crc_hex, crc_modbus
from tests.hj212.wire import DATA, HEADER, MN, feed_whole, one, packet, segment

D = Deviation
GOOD = segment()
ZERO_LED = next(  # a segment whose check value begins with a zero
    body for number in range(200) if crc_hex(body := segment(f"{DATA};a00000-Rtd={number}")).startswith(b"0")
)
CHINESE = "DataTime=20260105083000;i11001-Info=//清洗管路//"
LONG = "DataTime=20260105083000;" + ";".join(f"a{number:05d}-Rtd=1.25" for number in range(80))
USUAL = {"QN": "20260105083000123", "ST": "31", "CN": "2011", "PW": "123456", "MN": MN, "Flag": "5"}


def header(*, drop: str = "", **fields: str) -> str:
    """The usual header, fields changed, dropped by name, or added at its end."""
    named = {name: value for name, value in (USUAL | fields).items() if name not in drop.split()}
    return "".join(f"{name}={value};" for name, value in named.items())


def said(data: str = DATA, **fields: str) -> bytes:
    return packet(segment(data, header(**fields)))


def titled(text: str) -> bytes:
    """A frame with this header, as it stands."""
    return packet(segment(DATA, text))


def data(text: str) -> bytes:
    return packet(segment(text))


def area(text: bytes) -> bytes:
    """A frame with this instead of CP=&&…&&."""
    return packet(HEADER.encode() + text)


CASES: list[tuple[bytes, set[Deviation]]] = [
    # the envelope
    (packet(length=f"{len(GOOD) + 6:04d}"), {D.LENGTH_WRONG}),
    (packet(length=f"{len(GOOD) - 6:04d}"), {D.LENGTH_WRONG}),
    (packet(length="0400"), {D.LENGTH_WRONG}),
    (packet(length="9999"), {D.LENGTH_WRONG}),
    (packet(length="0000"), {D.LENGTH_WRONG}),
    (packet(segment(CHINESE), length=f"{len(segment(CHINESE).decode()):04d}"), {D.LENGTH_IN_CHARACTERS}),
    (packet(length=str(len(GOOD))), {D.LENGTH_UNPADDED}),
    (data(LONG), {D.SEGMENT_TOO_LONG}),
    (packet(crc=crc_hex(b"QN=2").lower()), {D.CRC_WRONG}),
    (packet(crc=b"8e41"), {D.CRC_WRONG}),
    (packet(crc=crc_hex(GOOD).lower()), {D.CRC_LOWER_CASE}),
    (packet(ZERO_LED, crc=crc_hex(ZERO_LED)[1:]), {D.CRC_SHORT}),
    (packet(crc=b"1"), {D.CRC_SHORT, D.CRC_WRONG}),
    (packet(crc=b""), {D.CRC_MISSING}),
    (packet(crc=b"FFFF"), {D.CRC_CONSTANT}),
    (packet(crc=b"%04X" % crc_modbus(GOOD)), {D.CRC_MODBUS}),
    (packet(crc=crc_modbus(GOOD).to_bytes(2, "little").hex().encode()), {D.CRC_MODBUS}),
    (packet(crc=bytes.fromhex(crc_hex(GOOD).decode())), {D.CRC_RAW_BYTES}),
    (packet(crc=bytes.fromhex(crc_hex(GOOD).decode())[::-1]), {D.CRC_RAW_BYTES}),
    (packet(crc=b"FFFF", length="0400"), {D.CRC_CONSTANT, D.LENGTH_WRONG}),
    (packet(crc=b"", length="0400"), {D.CRC_MISSING, D.LENGTH_WRONG}),
    (packet(end=b"\n"), {D.LF_ONLY}),
    (packet(end=b"\r-"), {D.CR_ONLY}),
    (packet(end=b""), {D.NO_TERMINATOR}),
    # the header
    (titled(f"QN=20260105083000123;ST=31;CN=2011;MN={MN};PW=123456;Flag=5;"), {D.FIELD_ORDER}),
    (said(Flag="7", PNO="1", PNUM="2"), {D.FIELD_ORDER}),
    (titled(HEADER.replace("123;ST", "123,ST")), {D.FIELD_SEPARATOR}),
    (titled(HEADER.removesuffix(";")), {D.FIELD_SEPARATOR}),
    (titled(HEADER + "Flag=4;"), {D.FIELD_REPEATED}),
    (said(Vendor="7"), {D.FIELD_UNKNOWN}),
    (titled(HEADER.replace("ST=31", "ST = 31")), {D.BLANKS}),
    (titled(HEADER + ";"), {D.EMPTY_ITEM}),
    (said(drop="QN"), {D.QN_MISSING}),
    (said(QN="1617936069734"), {D.QN_FORM}),
    (said(QN=""), {D.QN_FORM}),
    (said(ST="101"), {D.ST_FORM}),
    (said(drop="ST"), {D.ST_FORM}),
    (said(drop="CN"), {D.CN_MISSING}),
    (said(drop="PW"), {D.PW_MISSING}),
    (said(drop="MN"), {D.MN_MISSING}),
    (said(drop="Flag"), {D.FLAG_MISSING}),
    (said(Flag="x"), {D.FLAG_FORM}),
    (said(Flag="256"), {D.FLAG_FORM}),
    (said(Flag="7"), {D.PART_NUMBERS_MISSING}),
    (said(PNUM="2", PNO="1"), {D.PART_NUMBERS_UNANNOUNCED}),
    (said(Flag="7", PNUM="2", PNO="3"), {D.PART_NUMBERS_FORM}),
    (said(Flag="7", PNUM="two", PNO="1"), {D.PART_NUMBERS_FORM}),
    (said("QnRtn=1", ST="21", CN="9011"), {D.ACK_SYSTEM}),
    # the data area
    (packet(HEADER.encode()), {D.CP_MISSING}),
    (area(b"CP=DataTime=20260105083000&&"), {D.CP_MISSING}),
    (area(b"CP=&&DataTime=20260105083000"), {D.CP_UNCLOSED}),
    (area(b"CP=&&"), {D.CP_UNCLOSED}),
    (area(b"CP= &&DataTime=20260105083000&&"), {D.BLANKS}),
    (data(f" {DATA}"), {D.BLANKS}),
    (data(f"{DATA};"), {D.EMPTY_ITEM}),
    (data(f"{DATA};a1-SampleTime="), {D.EMPTY_VALUE}),
    (data(f"{DATA};words"), {D.ITEM_WITHOUT_VALUE}),
    (data(f"{DATA};PolId=a1;PolId=a2"), {D.ITEM_REPEATED}),
    (data(f"{DATA};a1-Rtd=1,a1-Rtd=2"), {D.FACTOR_REPEATED}),
    (data(f"{DATA};a1-Rtd=1;a1-Rtd=2"), {D.FACTOR_REPEATED, D.SEMICOLON_INSIDE_FACTOR}),
    (data("BeginTime=20260105083000,EndTime=20260105093000"), {D.COMMA_BETWEEN_ITEMS}),
    (data(f"{DATA},a1-Rtd=1"), {D.COMMA_BETWEEN_ITEMS}),
    (data(f"{DATA};a1-Rtd=1;a1-Flag=N"), {D.SEMICOLON_INSIDE_FACTOR}),
    (data(f"{DATA};Flag=N"), {D.BARE_FLAG}),
    (data(f"{DATA};a1-td=1"), {D.SUFFIX_UNKNOWN}),
    (data("DataTime=20260105083000000"), {D.DATA_TIME_17}),
    (data("DataTime=2026-01-05 08:30:00"), {D.DATA_TIME_FORM}),
    (data("DataTime=20261305083000"), {D.DATA_TIME_FORM}),
    (area("CP=&&i11001-Info=//清洗//&&".encode("gbk")), {D.TEXT_GBK}),
    (area(b"CP=&&\xe4>\x15\x9a\xff\xab$&&"), {D.TEXT_UNREADABLE}),
]


@pytest.mark.parametrize(("wire", "expected"), CASES)
def test_a_deviation_is_tolerated_and_named(wire: bytes, expected: set[Deviation]) -> None:
    frame = one(feed_whole(wire))
    assert frame.deviations == expected


@pytest.mark.parametrize(("wire", "expected"), CASES)
def test_strict_mode_refuses_it(wire: bytes, expected: set[Deviation]) -> None:
    decoder = Decoder(strict=True)
    good = packet()
    assert decoder.feed(wire + good) == feed_whole(good, strict=True)
    assert decoder.skipped == len(wire)
    decoder.close()
    # A deviation of the envelope leaves nothing to be called a frame; the others are refused by name.
    for error in decoder.refused:
        assert not isinstance(error, FrameNotConforming) or error.deviations & expected


def test_every_name_has_a_frame() -> None:
    named_after_decryption = {D.ENCRYPTED_AS_TEXT}  # its frames: test_encryption.py
    assert {deviation for _, expected in CASES for deviation in expected} | named_after_decryption == set(Deviation)


@pytest.mark.parametrize(("wire", "expected"), CASES)
def test_the_next_good_frame_is_never_lost(wire: bytes, expected: set[Deviation]) -> None:
    following = packet(segment("DataTime=20260105083100;a34041-Rtd=0.43"))
    assert Decoder().feed(wire + following)[-1].raw == following[:-2]


def test_crc_ok_says_whether_the_check_value_is_right() -> None:
    for wire, expected in CASES:
        wrong = {name for name in expected if name.startswith("crc-")} - {D.CRC_LOWER_CASE}
        assert one(feed_whole(wire)).crc_ok is (not wrong)


def test_a_conforming_frame_of_2005_has_no_deviation() -> None:
    # Its uploads have neither QN nor Flag; its 9014 not even PW and MN; PNO stands before PNUM.
    for text in (
        "ST=31;CN=2011;PW=123456;MN=88888880000001;",
        "ST=31;CN=2051;QN=20260105083000123;PW=123456;MN=88888880000001;PNO=1;PNUM=2;",
        "QN=20260105083000123;ST=31;CN=1011;PW=123456;MN=88888880000001;Flag=1;",
    ):
        assert not one(feed_whole(titled(text), strict=True)).deviations
    ack = segment("QN=20260105083000123;CN=2051", "ST=91;CN=9014;")
    assert not one(feed_whole(packet(ack), strict=True)).deviations


def test_a_backfilled_frame_of_2025_has_no_deviation() -> None:
    frame = one(feed_whole(said(Flag="9", RF="1"), strict=True))
    assert frame.rf == "1"
    assert frame.claimed_version == "2025"
