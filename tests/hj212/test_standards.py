"""The worked examples of the standards: built from their fields, they come out with the printed length and check value."""

from datetime import datetime

import pytest

from hj212 import Deviation, Message, command, encode, make_cp, upload
from tests.hj212.wire import feed_whole, one, packet

MN = "010000A8900016F000169DC0"


def minute_data_2025(*factors: tuple[str, str, str, str]) -> Message:
    """The upload of A.2: minimum, mean and maximum of each factor."""
    values = {code: {"Min": low, "Avg": mean, "Max": high, "Flag": "N"} for code, low, mean, high in factors}
    at = datetime(2024, 5, 20, 21, 6)
    return upload("2051", at, values, st="31", mn=MN, pw="123456", qn="20240520210700000", version="2025")


SET_INTERVAL_2017 = command("1062", {"RtdInterval": "30"}, st="32", mn=MN, pw="100000", qn="20160801085857223")
READ_CLOCK_2025 = command("1011", st="32", mn=MN, pw="123456", qn="20240601085857223", version="2025")
THREE_FACTORS_2025 = minute_data_2025(
    ("a01011", "1.35", "1.35", "1.35"), ("a01012", "9.3", "9.3", "9.3"), ("a01014", "3.20", "3.211", "3.212")
)
TWO_FACTORS_2025 = minute_data_2025(("a01011", "1.35", "1.35", "1.35"), ("a01014", "3.20", "3.20", "3.20"))


@pytest.mark.parametrize(
    ("message", "length", "crc"),
    [
        pytest.param(SET_INTERVAL_2017, b"0101", b"1C80", id="HJ 212-2017 Annex A"),
        pytest.param(READ_CLOCK_2025, b"0087", b"2200", id="HJ 212-2025 A.1"),
        pytest.param(THREE_FACTORS_2025, b"0295", b"2200", id="HJ 212-2025 A.2, 13 blocks"),
        pytest.param(TWO_FACTORS_2025, b"0234", b"B541", id="HJ 212-2025 A.2, 9 blocks and 3 bytes"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_worked_example(message: Message, length: bytes, crc: bytes, strict: bool) -> None:
    wire = encode(message)
    assert wire[2:6] == length
    assert wire[-6:] == crc + b"\r\n"
    frame = one(feed_whole(wire, strict=strict))
    assert (frame.qn, frame.st, frame.cn, frame.mn, frame.cp) == (message.qn, message.st, message.cn, MN, message.cp)
    assert frame.crc_ok
    assert not frame.deviations


def test_chinese_log_text_is_counted_in_bytes() -> None:
    """HJ 212-2017 C.40: field information with a text between // and //."""
    cp = make_cp({"DataTime": "20100301145000", "PolId": "w01018"}, {"i11001": {"Info": "清洗管路"}})
    wire = encode(Message("3020", "32", MN, "123456", "20160801085857223", "5", cp=cp))
    assert wire[2:6] == b"0152"
    frame = one(feed_whole(wire, strict=True))
    assert frame.factors() == {"i11001": {"Info": "清洗管路"}}
    assert frame.items() == {"DataTime": "20100301145000", "PolId": "w01018"}


def test_the_comma_that_the_standard_misprints_is_named() -> None:
    """HJ 212-2017 C.22 and C.48 print a comma behind QN, and devices copy it."""
    day = upload(
        "2031",
        datetime(2016, 8, 1),
        {"w00000": {"Cou": "1512.0", "Flag": "N"}},
        st="32",
        mn=MN,
        pw="123456",
        qn="20160801085857534",
    )
    misprinted = encode(day)[6:-6].replace(b"534;ST", b"534,ST")
    frame = one(feed_whole(packet(misprinted)))
    assert frame.deviations == {Deviation.FIELD_SEPARATOR}
    assert (frame.qn, frame.st) == (day.qn, "32")
