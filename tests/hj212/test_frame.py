"""What a frame says of itself."""

from datetime import datetime

import pytest

from hj212 import Deviation, Frame, parse_cp
from tests.hj212.wire import DATA, HEADER, MN, feed_whole, one, packet, segment


def frame_of(data: str = DATA, header: str = HEADER) -> Frame:
    return one(feed_whole(packet(segment(data, header))))


def test_fields_are_text_as_sent() -> None:
    frame = frame_of()
    assert (frame.qn, frame.st, frame.cn, frame.pw, frame.mn, frame.flag) == (
        "20260105083000123",
        "31",
        "2011",
        "123456",
        MN,
        "5",
    )
    assert (frame.pnum, frame.pno, frame.rf) == (None, None, None)
    assert frame.cp == DATA


def test_fields_are_found_in_any_order() -> None:
    frame = frame_of(header=f"Flag=4;MN={MN};PW=1;CN=2011;ST=31;QN=2;")
    assert (frame.qn, frame.st, frame.cn, frame.pw, frame.mn, frame.flag) == ("2", "31", "2011", "1", MN, "4")


@pytest.mark.parametrize(
    ("flag", "wants_ack", "version"),
    [
        ("0", False, "2005"),
        ("1", True, "2005"),
        ("4", False, "2017"),
        ("5", True, "2017"),
        ("9", True, "2025"),
        ("64", False, None),
    ],
)
def test_flag_is_read_by_bits(flag: str, wants_ack: bool, version: str | None) -> None:
    frame = frame_of(header=HEADER.replace("Flag=5", f"Flag={flag}"))
    assert frame.wants_ack is wants_ack
    assert frame.claimed_version == version


def test_no_flag_wants_nothing() -> None:
    frame = frame_of(header="ST=31;CN=2011;PW=1;MN=2;")
    assert frame.flag_bits is None
    assert not frame.wants_ack
    assert frame.claimed_version is None


def test_a_part_is_told_by_its_numbers_and_not_by_flag() -> None:
    assert frame_of(header=HEADER + "PNUM=0004;PNO=0002;").part == (2, 4)
    assert frame_of(header=HEADER.replace("Flag=5", "Flag=7")).part is None
    assert frame_of(header=HEADER + "PNUM=2;PNO=x;").part is None


def test_factors_and_items() -> None:
    frame = frame_of("DataTime=20260105083000;a34041-Rtd=0.42,a34041-Flag=N;SB1-RS=1;PolId=a34041")
    assert frame.factors() == {"a34041": {"Rtd": "0.42", "Flag": "N"}, "SB1": {"RS": "1"}}
    assert frame.items() == {"DataTime": "20260105083000", "PolId": "a34041"}


def test_values_spread_over_items_are_one_factor() -> None:
    assert frame_of("SB0-Rtd=1;SB0-RS=3;B01-Rtd=2").factors() == {"SB0": {"Rtd": "1", "RS": "3"}, "B01": {"Rtd": "2"}}


def test_of_a_value_said_twice_the_last_counts_and_of_an_item_the_first() -> None:
    frame = frame_of("PolId=a1;PolId=a2;a1-Rtd=1,a1-Rtd=2")
    assert frame.factors() == {"a1": {"Rtd": "2"}}
    assert frame.items() == {"PolId": "a1"}


def test_log_text_may_hold_separators() -> None:
    frame = frame_of("i11001-Info=//range=1;2, gain//,i11001-SN=7;PolId=a1")
    assert frame.factors() == {"i11001": {"Info": "range=1;2, gain", "SN": "7"}}
    assert frame.items() == {"PolId": "a1"}
    assert not frame.deviations


def test_an_unclosed_log_text_hides_nothing_behind_it() -> None:
    assert frame_of("i11001-Info=//broken;a1-Rtd=1").factors()["a1"] == {"Rtd": "1"}


def test_gbk_text_is_read() -> None:
    body = HEADER.encode() + b"CP=&&" + "i11001-Info=//清洗//".encode("gbk") + b"&&"
    frame = one(feed_whole(packet(body)))
    assert frame.factors() == {"i11001": {"Info": "清洗"}}
    assert frame.deviations == {Deviation.TEXT_GBK}


def test_cipher_text_is_kept_and_not_read() -> None:
    secret = b"\xe4>\x15\x9a\xff\xab$a-b=c;\x80"
    frame = one(feed_whole(packet(HEADER.encode() + b"CP=&&" + secret + b"&&")))
    assert frame.cp.encode("latin-1") == secret
    assert not frame.factors()
    assert not frame.items()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260105083001", datetime(2026, 1, 5, 8, 30, 1)),
        ("20260105083001999", datetime(2026, 1, 5, 8, 30, 1)),
        ("20260230083001", None),
        ("2026010508300", None),
        ("２０２６０１０５０８３００１", None),
    ],
)
def test_data_time_is_the_device_s_local_time(text: str, expected: datetime | None) -> None:
    assert frame_of(f"DataTime={text}").data_time == expected


def test_no_data_time_is_none() -> None:
    assert frame_of("QnRtn=1").data_time is None


@pytest.mark.parametrize(
    "text", ["-", "=", ";", ",", "x=1,-Rtd=2", "-=", "a-=", "--", "a-b-c=1", "//", "////", "=//;//", " ", ",;,"]
)
def test_nothing_in_a_data_area_is_too_odd_to_read(text: str) -> None:
    body = parse_cp(text)
    assert all(isinstance(value, str) for values in body.factors.values() for value in values.values())


def test_frames_are_equal_when_their_bytes_are() -> None:
    assert frame_of() == frame_of()
    assert hash(frame_of()) == hash(frame_of())
    assert frame_of() != frame_of("QnRtn=1")
    assert frame_of() != packet()
    assert "crc_ok=True" in repr(frame_of())
